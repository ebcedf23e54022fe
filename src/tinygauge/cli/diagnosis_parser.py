"""The words of the verbs that look for differences: `numerics` and `diff`."""

from __future__ import annotations

import argparse

from tinygauge.cli.arguments import count, seconds

__all__ = ["add_diff", "add_numerics"]


def add_numerics(parser: argparse.ArgumentParser) -> None:
    """Add the options of `tinygauge numerics`.

    Parameters
    ----------
    parser : ArgumentParser
        Of the verb.
    """
    parser.add_argument(
        "--log",
        metavar="FILE",
        required=True,
        help="what the board printed: a runner's log, a transcript, or a line of numbers an input",
    )
    parser.add_argument("--model", metavar="MODEL", required=True, help=".tflite file it ran")
    parser.add_argument("--data", metavar="PATH", required=True, help="dataset it was given")


def add_diff(parser: argparse.ArgumentParser) -> None:
    """Add the options of `tinygauge diff`.

    Parameters
    ----------
    parser : ArgumentParser
        Of the verb.
    """
    parser.add_argument("model", metavar="MODEL", help=".tflite file")
    parser.add_argument(
        "float_model",
        nargs="?",
        metavar="FLOAT",
        help="the float model that MODEL was made from: which op loses the accuracy",
    )
    parser.add_argument("--data", metavar="PATH", required=True, help="dataset: real inputs")
    parser.add_argument(
        "--against",
        choices=(
            "litert",
            "litert-xnnpack",
            "litert-reference",
            "onnxruntime",
            "tflite-micro",
            "device",
        ),
        help="what is compared with the engine; a device by what it printed",
    )
    parser.add_argument("--log", metavar="FILE", help="what the device printed")
    parser.add_argument(
        "--engine",
        metavar="NAME",
        default="tflm-cmsis-nn",
        help="whose arithmetic is the base (%(default)s)",
    )
    parser.add_argument(
        "--inputs",
        type=count,
        metavar="N",
        help="inputs to run op by op (100, those that differ first; with FLOAT 500)",
    )
    parser.add_argument(
        "--time-limit",
        type=seconds,
        default=600.0,
        metavar="S",
        help="seconds for each run of the model or of some ops (%(default)g)",
    )
