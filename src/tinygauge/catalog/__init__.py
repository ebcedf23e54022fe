"""Boards and engines from data files: what they are, with a source for each number.

`boards.py` and `engines.py` say what there is, `toml_table.py` reads the files.

>>> board("ek-ra6m4").core
'cortex-m33'
>>> engine("x-cube-ai@7.3.0").build
'7.3.0'
"""

from tinygauge.catalog.boards import Board, board, board_names, load_board, sort_boards
from tinygauge.catalog.engines import (
    Build,
    Engine,
    Profile,
    engine,
    engine_names,
    load_engine,
)

__all__ = [
    "Board",
    "Build",
    "Engine",
    "Profile",
    "board",
    "board_names",
    "engine",
    "engine_names",
    "load_board",
    "load_engine",
    "sort_boards",
]
