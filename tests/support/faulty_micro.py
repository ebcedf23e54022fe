"""A `tflite_micro` that is wrong by one bit, to stand where worker processes import it.

It is the real one, but that the first value of SOFTMAX's results has its lowest bit flipped
wherever they are an output: of int8 tensors, those with a scale of 1/256.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["write_faulty_micro"]

_PACKAGE = """
__path__ = {folders!r}

from tflite_micro.python.tflite_micro import runtime

sound = runtime.Interpreter.get_output


def get_output(self, index):
    values = sound(self, index)
    scales = self.get_output_details(index)["quantization_parameters"]["scales"]
    if list(scales) == [1 / 256]:
        values = values.copy()
        values.flat[0] ^= 1
    return values


runtime.Interpreter.get_output = get_output
"""


def write_faulty_micro(folder: Path) -> None:
    """Write the package into a folder, which is then put on ``PYTHONPATH``.

    Parameters
    ----------
    folder : Path
        Made here.
    """
    real = find_spec("tflite_micro")
    if real is None or real.submodule_search_locations is None:
        raise AssertionError("tflite-micro is not installed")
    package = folder / "tflite_micro"
    package.mkdir(parents=True)
    content = _PACKAGE.format(folders=list(real.submodule_search_locations))
    (package / "__init__.py").write_text(content)
