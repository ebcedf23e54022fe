"""A system's description: read a published JSON however it is broken, write one from a TOML.

The template of the first rounds has four keys twice, and submitters filled the first copy and
left the second blank, so that a plain JSON reader sees blanks; here the first copy that is not
blank counts. The TOML has each key once, in plain words.

References
----------
mlcommons/tiny_results_v0.5 to v1.3, ``systems/*.json`` (the keys, and what is broken in them).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["KEYS", "System", "parse_system"]

# Our word in the TOML, and the key in the JSON; the order is the template's. "Operating System "
# ends in a space in the template, and so in every file that was made from it.
KEYS: dict[str, str] = {
    "submitter": "Submitter",
    "division": "Division",
    "status": "Status",
    "board": "Board Name",
    "board_memory": ("Board Memory capacity (not including SoC, processor, or accelerator)"),
    "board_memory_type": "Board Memory type",
    "board_storage": "Board storage capacity",
    "board_storage_type": "Board storage type",
    "soc": "SoC Name",
    "soc_memory": "SoC Memory capacity (not including processor or accelerator)",
    "soc_memory_type": "SoC Memory type",
    "soc_storage": "SoC storage capacity",
    "soc_storage_type": "SoC storage type",
    "processor": "Processor(s) Name",
    "processor_frequency": "Processor(s) Frequencies",
    "processor_memory": "Processor memory type and capacity",
    "processor_storage": "Processor storage type and capacity",
    "accelerator": "Accelerator",
    "accelerator_frequency": "Accelerator(s) Frequencies",
    "accelerator_memory": "Accelerator memory type and capacity",
    "accelerator_storage": "Accelerator storage type and capacity",
    "hardware_notes": "Hardware Notes",
    "inference_framework": "Inference Framework",
    "software_libraries": "Software Libraries",
    "operating_system": "Operating System ",
    "other_software_stack": "Other Software Stack",
    "software_notes": "Software Notes",
    "quantization_method": "Quantization Method",
    "training_framework": "Training framework (open division)",
    "model_compiler": "ML Model Compiler(s)",
    "compiler": "General Compiler(s)",
    "other_software": "Other Software",
    "training_notes": "Training and Quantization Notes",
}


@dataclass(frozen=True, slots=True)
class System:
    """A system's description.

    Parameters
    ----------
    values : mapping of str
        By the keys of the JSON, trailing spaces cut; of a key that stands twice, the first that is
        not blank.
    twice : tuple of str
        Keys that stand more than once.
    strict : bool
        Whether it is JSON as the official checker reads it, an object.
    status : str
        As the official checker reads it, lower-case; empty where there is none.
    repairs : tuple of str
        What had to be mended to read it.
    """

    values: Mapping[str, str]
    twice: tuple[str, ...] = ()
    strict: bool = True
    status: str = ""
    repairs: tuple[str, ...] = ()

    def get(self, name: str) -> str:
        """Return a value by our word for it; empty where there is none."""
        return self.values.get(KEYS[name].strip(), "")


def parse_system(text: str) -> System:
    """Read a system's description.

    Parameters
    ----------
    text : str

    Returns
    -------
    System
        Without values where nothing helped.
    """
    status = ""
    repairs: list[str] = []
    pairs: list[tuple[str, Any]] = []
    try:
        plain = json.loads(text)
        strict = isinstance(plain, dict)
        if strict:
            status = plain.get("Status")
            status = status.lower() if isinstance(status, str) else ""
    except (ValueError, RecursionError):
        strict = False
    for mend, how in _MENDING:
        text = mend(text)
        if how:
            repairs.append(how)
        try:
            found = json.loads(text, strict=False, object_pairs_hook=_Pairs)
        except (ValueError, RecursionError):
            continue
        pairs = list(found) if isinstance(found, _Pairs) else []
        break
    else:
        repairs.append("its pairs were read one by one")
        pairs = [(key, value) for key, value in _PAIR.findall(text)]
    values, twice = _merged(pairs)
    return System(values, twice, strict, status, () if strict else tuple(repairs))


class _Pairs(list[tuple[str, Any]]):
    """The pairs of a JSON object, doubles kept."""


def _merged(pairs: list[tuple[str, Any]]) -> tuple[dict[str, str], tuple[str, ...]]:
    values: dict[str, str] = {}
    twice: dict[str, None] = {}
    for key, value in pairs:
        name = key.strip()
        if name in values:
            twice[name] = None
        if not values.get(name):
            values[name] = _as_text(value)
    return values, tuple(twice)


def _as_text(value: Any) -> str:
    """Return a value as text; some submitters wrote objects, such as digests by file."""
    if isinstance(value, _Pairs):
        return ", ".join(f"{key}: {_as_text(each)}" for key, each in value)
    if isinstance(value, list):
        return ", ".join(_as_text(each) for each in value)
    return "" if value is None else " ".join(str(value).split())


_PAIR = re.compile(r'"([^"\n]{1,200})"[ \t]{0,50}:[ \t]{0,50}"([^"]{0,4000})"')


def _plain(text: str) -> str:
    return text


def _commas(text: str) -> str:
    """Put a comma between a value and a key on the next line, take one away before the end."""
    # Bounded: an endless run of blanks must not take endless time.
    text = re.sub(r'("|\}|\])([ \t\r]{0,200}\n[ \t\r\n]{0,400}")', r"\1,\2", text)
    return re.sub(r",(\s*[}\]])", r"\1", text)


def _stray_lines(text: str) -> str:
    """Leave out lines that are no part of an object."""
    kept = [line for line in text.splitlines() if re.match(r'\s*(["{}\[\],]|$)', line)]
    return "\n".join(kept)


_MENDING = (
    (_plain, ""),
    (_commas, "commas were put in or taken out"),
    (_stray_lines, "stray lines were left out"),
)
