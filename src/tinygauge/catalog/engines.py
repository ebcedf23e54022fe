"""Inference engines and their builds from data files.

An engine is a TOML file under ``data/engines``; users add their own by path. A bare name means
the engine's newest release with Invoke alone timed; ``engine@build`` means one build, with its
version, compiler and flags, as somebody timed it. The format is described in
``docs/howto/add-an-engine.md``.

>>> engine("tflm-cmsis-nn@edgemark").base
'tflm-cmsis-nn'
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tinygauge.catalog.toml_table import TomlTable, packaged, read_toml
from tinygauge.errors import ConfigError, UnknownNameError

__all__ = ["Build", "Engine", "Profile", "engine", "engine_names", "load_engine"]

PROFILES = ("two-rounding", "one-rounding", "litert", "unknown")

_ENGINE_KEYS = (
    "name", "title", "version", "source", "kernels", "cores", "makers", "numerics", "ops",
    "accelerated_ops", "accelerator", "skips_dead_channels", "notes", "build",
)  # fmt: skip
_BUILD_KEYS = (
    "name", "version", "released", "compiler", "flags", "timed", "copies_io",
    "skips_dead_channels", "source", "notes", "numerics",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profile:
    """How an engine rounds, with the evidence.

    Parameters
    ----------
    name : str
        ``"two-rounding"``, ``"one-rounding"``, ``"litert"`` or ``"unknown"``.
    evidence : str
        What was compared with what, and how many outputs agreed.
    """

    name: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One build of an engine: what exactly was timed.

    Parameters
    ----------
    name : str
        What stands behind the ``@``, such as ``"edgemark"``.
    version : str
        Of the engine and its kernels.
    released : str
        Year and month, such as ``"2024-02"``.
    compiler, flags : str
        Empty where nobody states them.
    timed : str
        What the timer covered.
    copies_io : bool
        Whether copies of inputs and outputs lie inside the timed part.
    skips_dead_channels : bool or None
        As in `Engine`, for this build.
    source : str
        Where all this is stated.
    notes : tuple of str
    profile : Profile or None
        Its numeric profile where that is not the engine's.
    """

    name: str
    version: str
    released: str
    compiler: str
    flags: str
    timed: str
    copies_io: bool
    skips_dead_channels: bool | None
    source: str
    notes: tuple[str, ...] = ()
    profile: Profile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An inference engine, or one build of it.

    Parameters
    ----------
    name, title, version, source : str
        Catalogue name, full name, the version the numbers are of, and where that is stated. The
        name of a build is ``"engine@build"``.
    kernels : str
        ``"reference"``, ``"cmsis-nn"`` or the maker's name.
    cores : tuple of str
        Cores it runs on.
    profile : Profile
        Its numeric profile.
    ops : frozenset of str or None
        Op kinds it can run; None where its makers publish no list.
    skips_dead_channels : bool or None
        Whether channels with all-zero weights cost no time; None where unknown.
    notes : tuple of str
    accelerated_ops : frozenset of str
        Op kinds with a kernel of their own; the others run TFLM's reference kernel. Empty where
        that has no meaning or is not known.
    builds : tuple of Build
        Those that somebody timed, oldest first.
    accelerator : str
        What computes beside the core, such as ``"MVP"``; empty where the core does it alone.
    makers : tuple of str
        Makers of the parts that it runs on, such as ``("STMicroelectronics",)``; empty for any.
    """

    name: str
    title: str
    version: str
    source: str
    kernels: str
    cores: tuple[str, ...]
    profile: Profile
    ops: frozenset[str] | None
    skips_dead_channels: bool | None = None
    notes: tuple[str, ...] = ()
    accelerated_ops: frozenset[str] = frozenset()
    builds: tuple[Build, ...] = ()
    accelerator: str = ""
    makers: tuple[str, ...] = ()

    def runs_on_parts_of(self, maker: str) -> bool:
        """Tell whether it runs on a maker's parts; a maker that nobody states is not refused."""
        name = maker.casefold()
        known = [other.casefold() for other in self.makers]
        return not known or any(name.startswith(other) or other.startswith(name) for other in known)

    @property
    def base(self) -> str:
        """The engine's name without a build."""
        return self.name.partition("@")[0]

    @property
    def build(self) -> str:
        """The build's name; empty for the newest release."""
        return self.name.partition("@")[2]


def load_engine(path: Path | Any) -> Engine:
    """Read an engine from a TOML file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Engine

    Raises
    ------
    ConfigError
        If the file can't be read, a required key is absent, or a value does not parse.
    """
    table = read_toml(path, str(path))
    table.refuse_unknown(_ENGINE_KEYS)
    profile = _profile(table)
    if profile is None:
        raise ConfigError(str(path), "the table [numerics] is required", "Add profile and evidence")
    ops = table.texts("ops")
    return Engine(
        name=_plain_name(table),
        title=table.text("title"),
        version=table.text("version", "unknown"),
        source=table.text("source"),
        kernels=table.text("kernels"),
        cores=tuple(core.lower() for core in table.texts("cores")),
        profile=profile,
        ops=frozenset(ops) if ops else None,
        skips_dead_channels=table.flag("skips_dead_channels"),
        notes=table.texts("notes"),
        accelerated_ops=frozenset(table.texts("accelerated_ops")),
        builds=_builds(table),
        accelerator=table.text("accelerator", ""),
        makers=table.texts("makers"),
    )


def _plain_name(table: TomlTable) -> str:
    name = table.text("name").lower()
    if "@" in name:
        raise ConfigError(table.where, f"'name' can't hold an '@', got '{name}'", "@ names builds")
    return name


def _profile(table: TomlTable) -> Profile | None:
    numerics = table.table("numerics")
    if numerics is None:
        return None
    numerics.refuse_unknown(("profile", "evidence"))
    profile = Profile(numerics.text("profile"), numerics.text("evidence"))
    if profile.name not in PROFILES:
        raise ConfigError(
            numerics.where, f"profile must be one of {', '.join(PROFILES)}, got '{profile.name}'"
        )
    return profile


def _builds(table: TomlTable) -> tuple[Build, ...]:
    found = [_build(entry) for entry in table.tables("build")]
    names = [build.name for build in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(table.where, f"there are two builds '{name}'", "Rename one")
    return tuple(sorted(found, key=lambda build: build.released))


def _build(table: TomlTable) -> Build:
    table.refuse_unknown(_BUILD_KEYS)
    return Build(
        name=_plain_name(table),
        version=table.text("version"),
        released=table.text("released"),
        compiler=table.text("compiler", ""),
        flags=table.text("flags", ""),
        timed=table.text("timed"),
        copies_io=bool(table.flag("copies_io")),
        skips_dead_channels=table.flag("skips_dead_channels"),
        source=table.text("source"),
        notes=table.texts("notes"),
        profile=_profile(table),
    )


def engine_names() -> list[str]:
    """Return the names of the packaged engines, sorted."""
    return sorted(packaged("engines"))


@cache
def engine(name: str) -> Engine:
    """Return an engine by catalogue name, or by the path of a TOML file.

    Parameters
    ----------
    name : str
        Such as ``"tflm-cmsis-nn"``, ``"tflm-cmsis-nn@edgemark"`` for one of its builds, or
        ``"engines/mine.toml"``.

    Returns
    -------
    Engine
        Of a build: version, source, dead channels and numeric profile are the build's.

    Raises
    ------
    UnknownNameError
        If there is no such engine or build; the message names the nearest.
    ConfigError
        If a file does not parse.
    """
    base, at, build = name.rpartition("@")
    if not at:
        base, build = build, ""
    found = load_engine(Path(base)) if base.endswith(".toml") else _packaged_engine(base)
    return _built(found, build.lower()) if at else found


def _packaged_engine(name: str) -> Engine:
    files = packaged("engines")
    if name.lower() not in files:
        raise UnknownNameError("engine", name, files)
    return load_engine(files[name.lower()])


def _built(found: Engine, name: str) -> Engine:
    """Return one build of an engine as an engine of its own."""
    for build in found.builds:
        if build.name == name:
            return replace(
                found,
                name=f"{found.name}@{name}",
                version=build.version,
                source=build.source,
                profile=build.profile or found.profile,
                skips_dead_channels=build.skips_dead_channels,
                notes=(*build.notes, *found.notes),
            )
    known = [f"{found.name}@{build.name}" for build in found.builds] or [found.name]
    raise UnknownNameError("build", f"{found.name}@{name}", known)
