"""Keeps a program for as long as whoever started it lives; run as a process of its own.

``python keeper.py PROGRAM ARGUMENTS…`` starts the program and ends it when its own standard input
ends, which the system does when the parent is gone for whatever reason. It exits as the program
does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

__all__ = ["main"]


def main(words: list[str]) -> int:
    """Run a program until it ends, or until standard input does.

    Parameters
    ----------
    words : list of str
        Program and arguments.

    Returns
    -------
    int
        The program's exit code; 128 and the number of the signal that ended it.
    """
    program = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603  # no shell; the words are ours

    def end_with_parent() -> None:
        while os.read(0, 1):
            pass
        program.kill()

    threading.Thread(target=end_with_parent, daemon=True).start()
    code = program.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    # Not sys.exit(), which would wait for the thread that reads.
    os._exit(main(sys.argv[1:]))
