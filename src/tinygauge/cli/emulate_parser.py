"""The words of `tinygauge bench emulate` and `tinygauge bench firmware`."""

from __future__ import annotations

import argparse

from tinygauge.cli.arguments import count

__all__ = ["add_emulate", "add_firmware"]

_BENCHMARKS = ("kws", "ic", "vww", "ad", "custom")


def add_emulate(emulate: argparse.ArgumentParser) -> None:
    """Add the options of ``emulate``.

    Parameters
    ----------
    emulate : ArgumentParser
        Of the verb.
    """
    _add_model(emulate)
    emulate.add_argument(
        "--cpu", default="cortex-m4", metavar="CORE", help="cortex-m4, m7, m33 or m55 (%(default)s)"
    )
    emulate.add_argument(
        "--data",
        metavar="PATH",
        help="inputs: .npz, .csv or a folder; the fetched ones, or random ones to time",
    )
    emulate.add_argument(
        "--mode",
        action="append",
        choices=("performance", "accuracy"),
        help="repeatable; both where there are data",
    )
    emulate.add_argument(
        "--out", metavar="DIR", help="folder of firmware and runs; by default by its names"
    )
    emulate.add_argument("--resume", action="store_true", help="go on with the runs in DIR")
    emulate.add_argument("--limit", type=count, metavar="N", help="accuracy on the first N inputs")
    emulate.add_argument(
        "--compiler", choices=("gcc", "zig"), default="", help="by default the one installed"
    )


def add_firmware(firmware: argparse.ArgumentParser) -> None:
    """Add the options of ``firmware``.

    Parameters
    ----------
    firmware : ArgumentParser
        Of the verb.
    """
    _add_model(firmware)
    firmware.add_argument(
        "--with-port", default="", metavar="NAME", help="ra6m4, stm32 or host; without: your own"
    )
    firmware.add_argument(
        "--out", metavar="DIR", default="firmware", help="folder to write (%(default)s)"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--benchmark", choices=_BENCHMARKS, default="custom", help="whose rules (%(default)s)"
    )
    parser.add_argument(
        "--model", metavar="FILE", help="quantised .tflite; the benchmark's, where it was fetched"
    )
