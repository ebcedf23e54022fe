"""Which part of a firmware bytes belong to, told by the names that a linker leaves behind.

The parts are those of `predict_memory`, and ``"application"`` for the rest. Names decide, in this
order: the symbol, where it is one of a few objects (arena, model, interpreter, stack); the object
file or library; the symbol's namespace or prefix; and for bytes without a telling name (string
constants, tables), the part that most of their object's other bytes belong to.

>>> piece = Piece(size_bytes=8, in_flash=True, in_ram=False, section=".text.arm_convolve_s8")
>>> flash_part(piece, {})
'CMSIS-NN'

References
----------
.. [1] tensorflow/tflite-micro, tensorflow/lite/micro/tools/make (libtensorflow-microlite.a), the
   folders micro/kernels and lite/kernels; names of functions in micro/kernels/*.cc.
.. [2] ARM-software/CMSIS-NN, Include/arm_nnfunctions.h: names of functions.
.. [3] ISO C, 7.1.3: names that begin with an underscore are the implementation's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["APPLICATION", "Piece", "flash_part", "owner_parts", "ram_part"]

APPLICATION = "application"
_LIBRARY, _CMSIS_NN, _KERNELS, _RUNTIME = "C library", "CMSIS-NN", "kernels", "runtime"
_TFLM_PARTS = (_KERNELS, _RUNTIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes that a linker placed together.

    Parameters
    ----------
    size_bytes : int
    in_flash, in_ram : bool
        Where they take room; both for initialised variables.
    section : str
        The section's name, such as ``".text.main"``.
    owner : str
        The object file, with its library: ``"libc.a(memset.o)"``; may be empty.
    symbol : str
        The function or variable; empty where the file does not say.
    is_model : bool
        Whether the bytes were seen to be a `.tflite` model.
    """

    size_bytes: int
    in_flash: bool
    in_ram: bool
    section: str = ""
    owner: str = ""
    symbol: str = ""
    is_model: bool = False

    @property
    def name(self) -> str:
        """The symbol, or what ``-ffunction-sections`` made of it in the section's name."""
        if self.symbol:
            return self.symbol
        match = _NAMED_SECTION.match(self.section)
        return match[1] if match else ""


_NAMED_SECTION = re.compile(
    r"\.(?:text|rodata|constdata|data(?:\.rel\.ro)?|bss|noinit|i)\."
    r"(?:(?:startup|unlikely|hot|exit|local|cst\d+)\.)?(?!str\d)([\w$.]+)"
)

_ARENA = re.compile(r"arena", re.IGNORECASE)
_MODEL = re.compile(r"model_?data|_tflite|tflite_model|g_model(?!_)", re.IGNORECASE)
_MODEL_OWNER = re.compile(r"(model_data|_tflite)\.(cc?|cpp)?\.?o(bj)?\b", re.IGNORECASE)
_INTERPRETER = re.compile(r"interpreter|resolver", re.IGNORECASE)
_STACK = re.compile(r"(^|[._])c?stack(_?(mem|dummy|size|area))?$|lib_stack", re.IGNORECASE)

# Archives of newlib, libgcc and libstdc++; armlink's *.l; IAR's (dl7M_tln.a, rt7M_tl.a, m7M_tl.a).
_LIBRARY_OWNER = re.compile(
    r"(^|/|\()lib_a-|(^|/)(lib(c|g|m|gcc|nosys|rdimon|stdc\+\+|supc\+\+)(_nano|_s|-?rdimon)?\.a\b"
    r"|(dl(pp)?|rt|m|shb)\d\w*\.a\b|\w+\.l\(|crt(\d|i|n|begin|end)\w*\.o\b|crtstuff\.c$)",
    re.IGNORECASE,
)
_KERNELS_OWNER = re.compile(r"micro(/|__)kernels(/|__)", re.IGNORECASE)
_CMSIS_NN_OWNER = re.compile(r"cmsis[-_]nn(/|__|\.)", re.IGNORECASE)
_TFLM_OWNER = re.compile(r"tensorflow|tflite|tflm|microlite", re.IGNORECASE)

_CMSIS_NN_NAME = re.compile(
    r"arm_(nn_|nntables|convolve|depthwise_conv|fully_connected|vector_sum|elementwise|softmax"
    r"|avgpool|avg_pool|max_pool|svdf|lstm|batch_matmul|pad_s|transpose_|q7_to_q15_(with|re|no)"
    r"|s8_to_s16|minimum_s|maximum_s|relu|concatenation|reshape_s|quantize|dequantize)"
)
# TFLM's runtime has few classes and functions; what else is in its namespace is kernels.
_TFLM_NAME = re.compile(r"6tflite|tflite::|8gemmlowp|gemmlowp::")
_RUNTIME_NAME = re.compile(
    r"(_Z(TV|TS|TI|ZN|N)?K?6tflite(5micro)?(8internal|12_GLOBAL__N_1)?L?\d+|tflite::(micro::)?)"
    r"(Micro|SingleArena|(Non)?Persistent|I(Non)?Persistent|(Greedy|Linear)Memory|Allocat(ion|or)"
    r"|Parse[A-Z]|SafeBuiltin|Align(Pointer|Size)|TfLite(TypeSizeOf|EvalTensorByte)|BytesRequired"
    r"|EvalTensorBytes|EnumName|Initialize|GetFlat|FlatBuffer|NumSub|QuantizeMultiplier|Convert"
    r"|CalculateActivationRange|PopulateConvolution|GetQuantizedConvolution|GetRegistration"
    r"|GetBuiltin|Model|SubGraph|Operator|Tensor(?!Util)|Buffer|Internal)"
    r"|11flatbuffers|flatbuffers::|^TfLite[A-Z]|^_Z\w*(MicroPrintf|VDebugLog)|^DebugLog$"
)
# Names that C keeps for its implementation (the routines of libgcc and newlib have such), and the
# functions of the standard that kernels call.
_LIBRARY_NAME = re.compile(
    r"_[_a-z]|(mem|str)(chr|cmp|cpy|len|move|ncmp|ncpy|set|tol|toul)\w*$"
    r"|(v?(f|s|sn)?i?printf|puts|putchar|fputc|fputs|fwrite|fflush|fclose|malloc|free|realloc"
    r"|calloc|exit|abort|atexit|qsort|errno|finite|impure_data|initialise_monitor_handles)$"
    r"|(ceil|cos|exp|expm1|floor|fmax|fmin|fmod|frexp|ldexp|log|log1p|log2|lround|pow|round|scalbn"
    r"|sin|sqrt|tanh|trunc)f?$"
)


def _owner_part(owner: str) -> str:
    """Return the part that an object file belongs to by its path; empty where that is open."""
    path = owner.replace("\\", "/")
    if _LIBRARY_OWNER.search(path):
        return _LIBRARY
    if _KERNELS_OWNER.search(path):
        return _KERNELS
    if _CMSIS_NN_OWNER.search(path) or _CMSIS_NN_NAME.match(_member(path)):
        return _CMSIS_NN
    return ""


def _member(path: str) -> str:
    return re.split(r"[/(:]", path.rstrip(")"))[-1]


def _name_part(name: str) -> str:
    if _CMSIS_NN_NAME.match(name):
        return _CMSIS_NN
    if _LIBRARY_NAME.match(name):
        return _LIBRARY
    if _RUNTIME_NAME.search(name):
        return _RUNTIME
    return _KERNELS if _TFLM_NAME.search(name) else ""


def _own_part(piece: Piece) -> str:
    return _owner_part(piece.owner) or _name_part(piece.name)


def owner_parts(pieces: Iterable[Piece]) -> dict[str, str]:
    """Return, by object file, the part that most of its named bytes belong to.

    Parameters
    ----------
    pieces : iterable of Piece

    Returns
    -------
    dict of str to str
        Object files without a telling name are left out.
    """
    votes: dict[str, Counter[str]] = {}
    for piece in pieces:
        if piece.owner and (piece.name or _owner_part(piece.owner)):
            part = _own_part(piece) or APPLICATION
            votes.setdefault(piece.owner, Counter())[part] += piece.size_bytes
    return {owner: counts.most_common(1)[0][0] for owner, counts in votes.items()}


def flash_part(piece: Piece, owners: Mapping[str, str]) -> str:
    """Return the part of the flash that a piece belongs to.

    Parameters
    ----------
    piece : Piece
    owners : mapping of str to str
        From `owner_parts`.

    Returns
    -------
    str
        ``"model"``, ``"runtime"``, ``"kernels"``, ``"CMSIS-NN"``, ``"C library"`` or
        ``"application"``.
    """
    if piece.is_model or (not piece.in_ram and _is_model_name(piece)):
        return "model"
    found, usual = _own_part(piece), owners.get(piece.owner, "")
    if found in _TFLM_PARTS and usual in _TFLM_PARTS:
        return usual  # an object file of TFLM is of one kind, whatever its functions are called
    if found or (piece.name and not _TFLM_OWNER.search(piece.owner)):
        return found or APPLICATION
    return usual or (_RUNTIME if _TFLM_OWNER.search(piece.owner) else APPLICATION)


def _is_model_name(piece: Piece) -> bool:
    is_code = piece.section.startswith(".text")
    names = _MODEL.search(piece.name) or (
        _MODEL_OWNER.search(piece.owner) and piece.section.startswith((".rodata", ".constdata"))
    )
    return bool(names) and not is_code


def ram_part(piece: Piece, owners: Mapping[str, str]) -> str:
    """Return the part of the RAM that a piece belongs to.

    Parameters
    ----------
    piece : Piece
    owners : mapping of str to str
        From `owner_parts`.

    Returns
    -------
    str
        ``"tensor arena"``, ``"interpreter and resolver"``, ``"stack allowance"``,
        ``"static data"`` or ``"application"``.
    """
    if _STACK.search(piece.section) or _STACK.search(piece.symbol):
        return "stack allowance"
    if not piece.in_flash:
        if _ARENA.search(piece.name) or _ARENA.search(piece.section):
            return "tensor arena"
        if _INTERPRETER.search(piece.name):
            return "interpreter and resolver"
    return "static data" if flash_part(piece, owners) != APPLICATION else APPLICATION
