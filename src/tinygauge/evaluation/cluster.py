"""Makes the runs of a sweep on a Dask cluster, with the results that this machine would give.

The cluster's workers need TinyGauge and the same versions of the programs that run models, which
is checked first: another version could round otherwise. As on one machine, each model runs in a
process of its own, below the worker's, so that a model that crashes costs no worker.

Dask itself is not needed before a run is handed over: it is the extra ``dask``.
"""

from __future__ import annotations

import importlib.metadata
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from tinygauge import __version__, accuracy, graph
from tinygauge.accuracy import Dataset, Limits, Results, Run, Runner
from tinygauge.errors import ConfigError, InputError, MissingExtraError, RunnerError

__all__ = ["Fault", "make_on_cluster"]

Fault: TypeAlias = InputError | RunnerError
"""Why a model has no score."""

_LOG = logging.getLogger(__name__)
_ANSWER_S = 10.0
_LEAVE_S = 2.0
_START = "Start one with: dask scheduler, and dask worker on each machine"


def make_on_cluster(
    address: str, runs: Sequence[Run], dataset: Dataset, limits: Limits, advice: str = ""
) -> Iterator[tuple[int, Results | Fault]]:
    """Make runs on a cluster, and yield each as soon as it is there.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``"tcp://10.0.0.1:8786"``.
    runs : sequence of Run
        Over `dataset`, all of them.
    dataset : Dataset
        Sent to each worker once.
    limits : Limits
        Of one run, on its worker.
    advice : str
        What to do if the cluster goes away.

    Yields
    ------
    tuple of int, and ndarray, InputError or RunnerError
        The place of the run in `runs`, and its results or why there are none.

    Raises
    ------
    ConfigError
        If no scheduler answers, it has no workers, or theirs are other versions.
    MissingExtraError
        If Dask is not installed.
    RunnerError
        If the cluster goes away in the midst; what was yielded before stands.
    """
    with _connected(address) as client:
        _check_workers(client, address, runs)
        data = client.scatter(dataset, broadcast=True, hash=False)
        places = {
            client.submit(
                _make,
                run.model.content,
                run.model.name,
                data,
                (run.runner, run.check),
                limits,
                pure=False,
            ): place
            for place, run in enumerate(runs)
        }
        try:
            yield from _collect(client, places, runs, address, advice)
        finally:
            with suppress(Exception):  # interrupted, or the cluster is gone: nothing to save
                client.cancel(list(places), force=True)


def _make(
    content: bytes,
    name: str,
    dataset: Dataset,
    runners: tuple[Runner, Runner | None],
    limits: Limits,
) -> tuple[Results | Fault, list[str]]:
    """Make a run, and collect its warnings: this is what a worker of the cluster does."""
    model = graph.parse(content, name=name)
    warnings: list[str] = []
    try:
        made = accuracy.make_run(model, dataset, *runners, limits=limits, warn=warnings.append)
    except (InputError, RunnerError) as error:
        return error, warnings  # a value: the worker itself has not failed
    return made, warnings


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Return what is installed where this is called: here, or on a worker."""
    found = {"tinygauge": __version__}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Connect to a scheduler, quietly: what goes wrong is told by our errors."""
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError("distributed", "dask") from error
    where = f"--dask {address}"
    _knock(where, address)
    with _muted("distributed", "tornado", "asyncio"):
        try:
            client = distributed.Client(address, timeout=_ANSWER_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ConfigError(where, f"no scheduler answers ({reason})", _START) from error
        try:
            yield client
        finally:
            with suppress(Exception):
                client.close(timeout=_LEAVE_S)


@contextmanager
def _muted(*names: str) -> Iterator[None]:
    """Mute loggers and those below them: Dask gives several levels of their own."""
    loggers = [
        logging.getLogger(name)
        for name in sorted(logging.root.manager.loggerDict)
        if name.partition(".")[0] in names
    ]
    before = [each.disabled for each in loggers]
    for each in loggers:
        each.disabled = True
    try:
        yield
    finally:
        for each, disabled in zip(loggers, before, strict=True):
            each.disabled = disabled


def _knock(where: str, address: str) -> None:
    """Refuse an address where no scheduler listens: Dask itself would go on trying.

    A scheduler speaks first (distributed 2026.8, comm/core.py, Listener.on_connection).
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None:
        raise ConfigError(where, "this is no address of a scheduler", "Write tcp://10.0.0.1:8786")
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_S) as line:
            if parts.scheme == "tcp" and not line.recv(1):
                raise ConnectionResetError("it hung up")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(where, f"no scheduler answers ({reason})", _START) from error


def _check_workers(client: Any, address: str, runs: Sequence[Run]) -> None:
    """Refuse a cluster that could give other results than this machine."""
    where = f"--dask {address}"
    runners = {run.runner for run in runs} | {run.check for run in runs if run.check is not None}
    packages = tuple(sorted({runner.package for runner in runners}))
    try:
        found: dict[str, dict[str, str]] = client.run(_versions, packages)
    except Exception as error:
        problem = f"its workers can't run TinyGauge ({type(error).__name__}: {error})"
        raise ConfigError(where, problem, "Install tinygauge on each of them") from error
    if not found:
        raise ConfigError(where, "the cluster has no workers", "Start them with: dask worker")
    wanted = _versions(packages)
    for worker, versions in sorted(found.items()):
        for package, version in wanted.items():
            if versions[package] != version:
                problem = f"worker {worker} has {package} {versions[package]}, here it is {version}"
                raise ConfigError(where, problem, "Results could differ: install the same")


def _collect(
    client: Any, places: dict[Any, int], runs: Sequence[Run], address: str, advice: str
) -> Iterator[tuple[int, Results | Fault]]:
    from distributed import KilledWorker, as_completed

    for future in as_completed(list(places), loop=client.loop):
        place = places[future]
        run = runs[place]
        if future.status == "finished":
            answer, warnings = future.result()
            for warning in warnings:
                _LOG.warning(warning)
            yield place, answer
        elif future.status == "error" and isinstance(future.exception(), KilledWorker):
            problem = "the cluster's workers died while they ran it"
            yield place, RunnerError(run.model.name, problem, "See their logs")
        elif future.status == "error":
            error = future.exception()
            problem = f"a worker of the cluster failed ({type(error).__name__}: {error})"
            yield place, RunnerError(run.model.name, problem, "See its log")
        else:  # cancelled or lost, with all that are left
            raise RunnerError(f"--dask {address}", "the cluster went away", advice)
        future.release()
