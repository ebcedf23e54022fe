"""What a board or a runtime computes differently, and where it begins.

``board_log.py`` reads the outputs that a board printed; ``numerics.py`` tells which rounding
profile they follow; ``trace.py`` runs a model op by op in any runtime; ``differences.py`` says of
what kind a difference is; ``doctor.py`` finds the first, and ``device.py`` that of a board;
``noise.py`` compares an integer model with the float model that it was made from, of which
``alone.py`` runs ops in both.
"""
