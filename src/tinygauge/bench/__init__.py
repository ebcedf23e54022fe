"""The bench: what is measured on a real board, and with what.

The wire: ``dialect.py`` and ``exchange.py`` the MLPerf Tiny protocol, pure; ``link.py`` and
``transcript.py`` bytes to and from a board, all of them kept; ``board.py`` drives one board.
A run: ``plan.py`` what to measure; ``session.py`` from opening the port to the last line,
``runner.py`` which inferences it takes, ``inferring.py`` and ``loading.py`` each of them in spite
of faults; ``records.py`` what it gives, ``folder.py`` on disk, ``rules.py`` the run rules.
Looking back: ``replay.py`` results from a transcript, ``published_log.py`` from others' logs;
``probe.py`` which boards are there.
Energy: ``monitor.py`` what is asked of an instrument, ``metering.py`` asks it; ``trace.py`` and
``energy.py`` what it recorded, and the energy of windows.
"""
