"""Runs a model over inputs, in a process of its own: an interpreter may crash or hang on it.

Started by `tinygauge.accuracy.runners` as a plain file, so that nothing of TinyGauge is
imported here. The job comes as JSON on the standard input; inputs and outputs are raw files of
rows. Lines of JSON on the standard output tell the progress, ``{"done": 100}``, and at the end
the output's ``{"dtype": ..., "shape": ...}`` or an ``{"error": ...}``; whatever the runtime
prints goes to the standard error. When the parent is gone, so is this process.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

_PROGRESS_S = 0.2
_PR_SET_PDEATHSIG = 1  # Linux, include/uapi/linux/prctl.h
_FIRST_ARENA_BYTES = 1 << 20
_LAST_ARENA_BYTES = 1 << 28

Invoke = Callable[[Any], Any]


def main() -> int:
    """Read a job, run it, and report; return the exit code."""
    _end_with_parent()
    job = json.load(sys.stdin)
    replies = _private_stdout()
    _set_limits(job)
    try:
        reply = _run(job, lambda done: _send(replies, {"done": done}))
    # What the interpreters raise on a model that they can't load or run; anything else ends
    # this process with a traceback, whose last line the parent quotes.
    except (RuntimeError, ValueError, ImportError) as error:
        reply = {"error": " ".join(str(error).split()) or type(error).__name__}
    _send(replies, reply)
    return 0


def _private_stdout() -> TextIO:
    """Keep the standard output for replies; what the runtime prints goes to standard error."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _send(replies: TextIO, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def _end_with_parent() -> None:
    """Let the system kill this process with its parent, however that ends.

    Elsewhere than on Linux, the next line of progress meets a closed pipe and ends it.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _set_limits(job: dict[str, Any]) -> None:
    """Limit memory, and processor time in case the parent is not there to stop a loop."""
    try:
        import resource  # not on Windows
    except ImportError:
        return
    wanted = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, math.ceil(job["time_s"]) + 1),
        (resource.RLIMIT_AS, job["memory_bytes"]),
    )
    for kind, value in wanted:
        _, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY or value < hard:
            try:
                resource.setrlimit(kind, (value, value))
            except (OSError, ValueError):  # macOS refuses some; the parent's clock remains
                continue


def _run(job: dict[str, Any], report: Callable[[int], None]) -> dict[str, Any]:
    import numpy as np  # after the limits are set

    with open(job["model"], "rb") as file:  # noqa: PTH123  # pathlib would only cost time here
        model = file.read()
    invoke = _RUNTIMES[job["runner"]](model, job["runner"])
    dtype, shape, count = np.dtype(job["dtype"]), tuple(job["shape"]), job["count"]
    told_s = time.monotonic()
    output = None
    with open(job["inputs"], "rb") as inputs, open(job["outputs"], "wb") as outputs:  # noqa: PTH123
        for index, row in enumerate(_rows(inputs, math.prod(shape) * dtype.itemsize, count)):
            output = invoke(np.frombuffer(row, dtype=dtype).reshape(shape))
            outputs.write(output.tobytes())
            if time.monotonic() - told_s > _PROGRESS_S:
                told_s = time.monotonic()
                report(index + 1)
    if output is None:
        raise ValueError("there are no inputs")
    report(count)
    return {"dtype": output.dtype.str, "shape": list(output.shape)}


def _rows(file: Any, row_bytes: int, count: int) -> Iterator[bytes]:
    for _ in range(count):
        row = file.read(row_bytes)
        if len(row) != row_bytes:
            raise ValueError("the file of inputs is truncated")
        yield row


def _tflite_micro(model: bytes, _runner: str) -> Invoke:
    from tflite_micro.python.tflite_micro import runtime  # not on every system

    interpreter = _with_arena(runtime.Interpreter, model)

    def invoke(row: Any) -> Any:
        interpreter.set_input(row, 0)
        interpreter.invoke()
        output = interpreter.get_output(0)
        interpreter.reset()  # each input stands for itself, also with models that keep state
        return output

    return invoke


def _with_arena(interpreter: Any, model: bytes) -> Any:
    """Start with an arena that nearly every model fits in, and retry with larger ones."""
    size_bytes = _FIRST_ARENA_BYTES
    while True:
        try:
            return interpreter.from_bytes(model, arena_size=size_bytes)
        except RuntimeError:
            if size_bytes >= _LAST_ARENA_BYTES:
                raise
            size_bytes *= 16


def _litert(model: bytes, runner: str) -> Invoke:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = {
        "litert-xnnpack": OpResolverType.BUILTIN,
        "litert-builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        "litert-reference": OpResolverType.BUILTIN_REF,
    }
    interpreter = Interpreter(
        model_content=model, num_threads=1, experimental_op_resolver_type=kernels[runner]
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]

    def invoke(row: Any) -> Any:
        interpreter.set_tensor(source, row)
        interpreter.invoke()
        output = interpreter.get_tensor(result)
        interpreter.reset_all_variables()
        return output

    return invoke


_RUNTIMES: dict[str, Callable[[bytes, str], Invoke]] = {
    "tflite-micro": _tflite_micro,
    "litert-xnnpack": _litert,
    "litert-builtin": _litert,
    "litert-reference": _litert,
}


if __name__ == "__main__":
    sys.exit(main())
