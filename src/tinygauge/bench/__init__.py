"""The bench: what is measured on a real board, and with what.

The wire: ``dialect.py`` and ``exchange.py`` the MLPerf Tiny protocol, pure; ``link.py`` and
``transcript.py`` bytes to and from a board, all of them kept; ``board.py`` drives one board.
What a run gives: ``records.py``; ``rules.py`` the run rules.
Energy: ``monitor.py`` what is asked of an instrument; ``trace.py`` and ``energy.py`` what it
recorded, and the energy of windows.
"""
