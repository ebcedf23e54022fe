"""The address of an energy monitor, as it stands behind ``--monitor``: a URL of its own kind.

``SCHEME://TARGET?OPTION=VALUE&…``: the scheme names the instrument, the target says where it is,
options say what it cannot know. A recorded file is ``file:PATH?…``.

>>> address = parse_address("lpm01a:///dev/ttyACM1?voltage=3.0")
>>> address.scheme, address.target, address.options
('lpm01a', '/dev/ttyACM1', {'voltage': '3.0'})
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from tinygauge.errors import ConfigError, did_you_mean
from tinygauge.units import Unit, parse

__all__ = ["MonitorAddress", "parse_address"]

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+-]*):(?P<slashes>//)?(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MonitorAddress:
    """A monitor as the user named it.

    Parameters
    ----------
    text : str
        The whole address.
    scheme, target : str
        Which instrument, and where.
    options : dict of str
        What stands behind the question mark.
    """

    text: str
    scheme: str
    target: str
    options: dict[str, str]

    def refuse_others(self, known: Iterable[str]) -> None:
        """Raise `ConfigError` where an option is none of these."""
        names = sorted(known)
        for name in self.options:
            if name not in names:
                raise ConfigError(
                    self.text, f"{self.scheme} has no option '{name}'", did_you_mean(name, names)
                )

    def number(self, name: str, unit: Unit, default: float | None = None) -> float | None:
        """Return an option in its base unit; a bare number is in the base unit already.

        Parameters
        ----------
        name : str
        unit : Unit
        default : float, optional
            Where the option is not given.

        Returns
        -------
        float or None

        Raises
        ------
        ConfigError
            If it is no positive number of that unit.
        """
        text = self.options.get(name)
        if text is None:
            return default
        try:
            value, found = parse(text)
        except ConfigError as error:
            raise ConfigError(self.text, f"{name}={text}: {error.problem}") from error
        bare = found is Unit.RATIO and "%" not in text
        if found is not unit and not bare:
            raise ConfigError(self.text, f"{name}={text} is no value in {unit.value}")
        if not value > 0:
            raise ConfigError(self.text, f"{name}={text} must be more than 0")
        return value

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        """Return an option that must be one of some words.

        Parameters
        ----------
        name : str
        choices : iterable of str
        default : str
            Where the option is not given.

        Returns
        -------
        str

        Raises
        ------
        ConfigError
            If it is none of them.
        """
        value = self.options.get(name, default)
        known = list(choices)
        if value not in known:
            raise ConfigError(
                self.text, f"{name}={value} is unknown here", did_you_mean(value, known)
            )
        return value


def parse_address(text: str) -> MonitorAddress:
    """Read the address of a monitor.

    Parameters
    ----------
    text : str

    Returns
    -------
    MonitorAddress
        What it names is not looked at yet.

    Raises
    ------
    ConfigError
        If it is no address, or an option has no value or comes twice.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"monitor '{text}'",
            "this is no address of a monitor",
            "Write lpm01a:///dev/ttyACM1?voltage=3.0, or file:trace.csv for a recorded trace",
        )
    target, _, query = match["rest"].partition("?")
    options: dict[str, str] = {}
    for part in query.split("&") if query else []:
        name, equals, value = part.partition("=")
        name = unquote(name)
        if not (name and equals and value):
            raise ConfigError(text, f"option '{part}' has no value", "Write ?name=value&name=value")
        if name in options:
            raise ConfigError(text, f"option '{name}' is given twice")
        options[name] = unquote(value)
    return MonitorAddress(text, match["scheme"], unquote(target), options)
