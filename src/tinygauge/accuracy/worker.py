"""Runs models over inputs, apart from TinyGauge: an interpreter may crash or hang on a model.

Started by `tinygauge.accuracy.processes` as a plain file. Jobs come as lines of JSON on the
standard input, one at a time; inputs and outputs are raw files of rows. Lines of JSON on the
standard output tell the progress, ``{"done": 100}``, then either ``{"outputs": [{"dtype": ...,
"shape": ...}]}`` or ``{"error": ...}``, and at last ``{"ended": exit code}``; whatever the
runtime prints goes to the file that the job names.

On Linux this process runs no model itself: it loads the runtimes once, and forks for each job a
child that starts where the imports ended, so that a model costs milliseconds and yet meets
nothing that another has touched. Elsewhere it runs one job and ends. When the parent is gone,
its end of the standard input closes; then this process ends too, and its child with it.

On CUDA, which can't be forked and takes seconds to start, this process does run the models, one
after another: what runs there is TinyGauge's own, and a failure ends it.
"""

from __future__ import annotations

import json
import math
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any, TextIO

_PROGRESS_S = 0.2
_PR_SET_PDEATHSIG = 1  # Linux, include/uapi/linux/prctl.h
_FIRST_ARENA_BYTES = 1 << 20
_LAST_ARENA_BYTES = 1 << 28
_BATCH_BYTES = 16 << 20
_BATCH_ON_CUDA_BYTES = 256 << 20
_WATCH = "watch"
_WATCH_S = 0.5

Report = Callable[[int], None]
Outputs = list[Any]
"""One array an output."""
Runtime = Callable[[list[Any]], Outputs]
"""Takes an array an input, shape (k, ...), and returns each output with k in front."""


def main() -> int:
    """Serve jobs until the standard input ends; return the exit code."""
    # Ctrl-C reaches all processes of a terminal; the parent decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = _private_stdout()
    for line in iter(_read_line, b""):
        job = json.loads(line)
        if _is_on_cuda(job):
            if not _do_on_cuda(job, replies):
                return 0
            continue
        if sys.platform != "linux":
            _do(job, replies)
            return 0
        _load_runtime(job)
        _send(replies, {"ended": _do_in_child(job, replies)})
    return 0


def _read_line() -> bytes:
    """Read a line from the standard input, with no buffer behind it that would hide its end."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 1 << 16)
        if not part:
            return b""
        line += part
    return line


def _private_stdout() -> TextIO:
    """Keep the standard output for replies; what the runtime prints goes to standard error."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _send(replies: TextIO, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def _load_runtime(job: dict[str, Any]) -> None:
    """Import what the job needs, so that each child finds it imported."""
    import numpy as np  # noqa: F401

    with suppress(ImportError):  # the child meets it again, and tells
        if job["runner"] == "tflite-micro":
            from tflite_micro.python.tflite_micro import runtime  # noqa: F401
        elif job["runner"].startswith("litert"):
            from ai_edge_litert import interpreter  # noqa: F401
        elif job["runner"].startswith("exact"):
            from tinygauge import exact, graph  # noqa: F401
        elif job["runner"] == "onnxruntime":
            # Not the runtime itself: it starts a thread, and then forking is not safe.
            import onnx  # noqa: F401

            from tinygauge.graph.onnx import to_onnx  # noqa: F401


def _is_on_cuda(job: dict[str, Any]) -> bool:
    return bool(job["runner"].startswith("exact-cuda"))


def _do_on_cuda(job: dict[str, Any], replies: TextIO) -> bool:
    """Run a job in this process; return whether it can serve another."""
    if not any(thread.name == _WATCH for thread in threading.enumerate()):
        threading.Thread(target=_watch, args=[os.getppid()], name=_WATCH, daemon=True).start()
    is_well = _do(job, replies)
    if is_well:
        _send(replies, {"ended": 0})
    return is_well


def _watch(parent: int) -> None:
    """End this process when its parent is gone: at work it does not read what would tell."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def _do_in_child(job: dict[str, Any], replies: TextIO) -> int:
    """Run a job in a child of this process, and return its exit code."""
    parent = os.getpid()
    # Only the child holds the writing end, so that reading meets the end when the child is gone.
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            _end_with(parent)
            _do(job, replies)
            code = 0
        except BaseException:  # noqa: BLE001  # this process must end here, whatever happened
            traceback.print_exc()
        finally:
            with suppress(OSError):
                sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    ready, _, _ = select.select([0, reading], [], [])
    if reading not in ready:  # no second job comes before the first has ended: the parent is gone
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reading)
    return os.waitstatus_to_exitcode(status)


def _end_with(parent: int) -> None:
    """Let the system kill this process with its parent, however that ends."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _do(job: dict[str, Any], replies: TextIO) -> bool:
    """Run a job and report; return whether it ended well."""
    stderr = os.open(job["stderr"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(stderr, standard)
    _set_limits(job)
    try:
        reply = _run(job, lambda done: _send(replies, {"done": done}))
    # What the runtimes raise on a model that they can't load or run; anything else ends
    # this process with a traceback, whose last line the parent quotes.
    except (RuntimeError, ValueError, ImportError) as error:
        reply = {"error": " ".join(str(error).split()) or type(error).__name__}
    _send(replies, reply)
    return "error" not in reply


def _set_limits(job: dict[str, Any]) -> None:
    """Limit memory, and processor time in case the parent is not there to stop a loop."""
    try:
        import resource  # not on Windows
    except ImportError:
        return
    wanted = [(resource.RLIMIT_CORE, 0)]
    # CUDA reserves addresses for all memory there is, whatever it uses, and serves many jobs.
    if not _is_on_cuda(job):
        wanted += [
            (resource.RLIMIT_CPU, math.ceil(job["time_s"] * job["threads"]) + 1),
            (resource.RLIMIT_AS, job["memory_bytes"]),
        ]
    for kind, value in wanted:
        _, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY or value < hard:
            try:
                resource.setrlimit(kind, (value, value))
            except (OSError, ValueError):  # macOS refuses some; the parent's clock remains
                continue
    limited = sys.platform == "linux" and not _is_on_cuda(job)
    if limited and _address_space_bytes() > job["memory_bytes"]:
        raise MemoryError


def _address_space_bytes() -> int:
    """Return what this process has reserved: a limit below it would be met at some odd place."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _run(job: dict[str, Any], report: Report) -> dict[str, Any]:

    with open(job["model"], "rb") as content:  # noqa: PTH123  # pathlib would only cost time here
        model = content.read()
    runtime = _RUNTIMES[job["runner"].partition(":")[0]](model, job)
    told_s = time.monotonic()
    done = 0
    found: list[dict[str, Any]] = []
    with ExitStack() as stack:
        files = [
            stack.enter_context(open(f"{job['outputs']}.{index}", "wb"))  # noqa: PTH123
            for index in range(job["output_count"])
        ]
        for batch in _batches(job):
            outputs = runtime(batch)
            for sink, output in zip(files, outputs, strict=True):
                sink.write(output.tobytes())
            found = found or [
                {"dtype": output.dtype.str, "shape": list(output.shape[1:])} for output in outputs
            ]
            done += len(batch[0])
            if time.monotonic() - told_s > _PROGRESS_S:
                told_s = time.monotonic()
                report(done)
    if not done:
        raise ValueError("there are no inputs")
    report(done)
    return {"outputs": found}


def _batches(job: dict[str, Any]) -> Iterator[list[Any]]:
    """Yield the inputs: one by one to interpreters, many at once to the exact evaluator."""
    import numpy as np

    kinds = [(np.dtype(each["dtype"]), tuple(each["shape"])) for each in job["inputs"]]
    row_bytes = [math.prod(shape) * dtype.itemsize for dtype, shape in kinds]
    several = job["runner"].startswith("exact")
    batch_bytes = _BATCH_ON_CUDA_BYTES if _is_on_cuda(job) else _BATCH_BYTES
    at_once = max(1, batch_bytes // max(1, *row_bytes)) if several else 1
    with ExitStack() as stack:
        files = [
            stack.enter_context(open(each["path"], "rb"))  # noqa: PTH123
            for each in job["inputs"]
        ]
        for start in range(0, job["count"], at_once):
            rows = min(at_once, job["count"] - start)
            batch: list[Any] = []
            for file, (dtype, shape), size in zip(files, kinds, row_bytes, strict=True):
                content = file.read(rows * size)
                if len(content) != rows * size:
                    raise ValueError("the file of inputs is truncated")
                batch.append(np.frombuffer(content, dtype=dtype).reshape(rows, *shape))
            yield batch


def _tflite_micro(model: bytes, job: dict[str, Any]) -> Runtime:
    from tflite_micro.python.tflite_micro import runtime  # not on every system

    interpreter = _with_arena(runtime.Interpreter, model)
    indices = range(job["output_count"])

    def run(batch: list[Any]) -> Outputs:
        for index, rows in enumerate(batch):
            interpreter.set_input(rows[0], index)
        interpreter.invoke()
        outputs = [interpreter.get_output(index)[None] for index in indices]
        interpreter.reset()  # each input stands for itself, also with models that keep state
        return outputs

    return run


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


def _litert(model: bytes, job: dict[str, Any]) -> Runtime:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = {
        "litert-xnnpack": OpResolverType.BUILTIN,
        "litert-builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        "litert-reference": OpResolverType.BUILTIN_REF,
    }
    interpreter = Interpreter(
        model_content=model, num_threads=1, experimental_op_resolver_type=kernels[job["runner"]]
    )
    interpreter.allocate_tensors()
    sources = [detail["index"] for detail in interpreter.get_input_details()]
    results = [detail["index"] for detail in interpreter.get_output_details()]

    def run(batch: list[Any]) -> Outputs:
        for source, rows in zip(sources, batch, strict=True):
            interpreter.set_tensor(source, rows[0])
        interpreter.invoke()
        outputs = [interpreter.get_tensor(index)[None] for index in results]
        interpreter.reset_all_variables()
        return outputs

    return run


def _exact(model: bytes, job: dict[str, Any]) -> Runtime:
    from tinygauge.errors import InputError
    from tinygauge.exact import Rounding, compile_model
    from tinygauge.graph import parse

    rounding = Rounding(job["runner"].partition(":")[2])
    try:
        parsed = parse(model, name="model")
        if _is_on_cuda(job):
            program = compile_model(parsed, rounding, on="cuda")
        else:
            program = compile_model(parsed, rounding, job["threads"])
    except InputError as error:
        raise ValueError(str(error)) from error

    def run(batch: list[Any]) -> Outputs:
        try:
            return program.run(batch)
        except InputError as error:
            raise ValueError(str(error)) from error

    return run


def _onnxruntime(model: bytes, _job: dict[str, Any]) -> Runtime:
    import onnxruntime

    from tinygauge.errors import TinygaugeError
    from tinygauge.graph import parse
    from tinygauge.graph.onnx import to_onnx

    try:
        document = to_onnx(parse(model, name="model"))
    except TinygaugeError as error:
        raise RuntimeError(str(error)) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(document, options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(batch: list[Any]) -> Outputs:
        found = session.run(None, {name: rows[0] for name, rows in zip(names, batch, strict=True)})
        return [output[None] for output in found]

    return run


_RUNTIMES: dict[str, Callable[[bytes, dict[str, Any]], Runtime]] = {
    "tflite-micro": _tflite_micro,
    "litert-xnnpack": _litert,
    "litert-builtin": _litert,
    "litert-reference": _litert,
    "onnxruntime": _onnxruntime,
    "exact": _exact,
    "exact-cuda": _exact,
}


if __name__ == "__main__":
    sys.exit(main())
