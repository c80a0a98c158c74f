"""The pickled ``mapping_<class>.npy`` files, read without running anything that stands in them.

Each is a 0-d object array around ``{0: "Unknown", 1: "V1v", ...}``. Its pickle names three things of NumPy and
nothing else; an inert stand-in takes the place of all three, and whatever else a pickle names is refused.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from algokit.challenge.arrays import pickled
from algokit.challenge.npy_header import open_regular, parse_header
from algokit.errors import DataError
from algokit.types import Finding

_KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"),  # NumPy 1
    ("numpy._core.multiarray", "_reconstruct"),  # NumPy 2
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
_MOST_BYTES = 1 << 16
_MOST_CHARACTERS = 100
_MEMO_WRITES = ("PUT", "BINPUT", "LONG_BINPUT")


class _StandIn:
    """Takes any arguments and keeps its state; stands for the array and its dtype."""

    def __init__(self, *_: object) -> None:
        self.state: Any = None

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> type[_StandIn]:
        if (module_name, global_name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it names {module_name}.{global_name}")
        return _StandIn


def read_mapping(path: Path) -> dict[int, str]:
    """Integer -> ROI name, with 0.

    Raises
    ------
    DataError : the file is not a pickled mapping of integers to names; nothing in it was executed.
    """
    try:
        return _mapping(path)
    except Exception as error:  # a hostile pickle can make the unpickler raise anything
        finding = pickled(str(path), "a mapping of integers to names", str(error)[:160] or type(error).__name__)
        raise DataError(f"{path.name} was refused", [finding]) from error


def mapping_findings(path: Path, names: dict[int, str]) -> list[Finding]:
    """How a mapping file departs from the manifest's ``names``."""
    try:
        found = read_mapping(path)
    except DataError as error:
        return list(error.findings)
    expected = {0: "Unknown", **names}
    if found == expected:
        return []
    advice = "the integers in the masks would be read as other ROIs"
    return [Finding("another mapping", str(path), "", str(expected), str(found), advice, code="mapping-differs")]


def _mapping(path: Path) -> dict[int, str]:
    with open_regular(path) as stream:
        raw = stream.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES} bytes")
    header = parse_header(raw)
    if header.shape != () or header.dtype != np.dtype(object):
        raise ValueError(str(header))
    pickled_bytes = raw[header.offset_bytes :]
    _refuse_large_memo(pickled_bytes)
    # The state of an array: version, shape, dtype, order, and the list of its items.
    *_, items = _Unpickler(io.BytesIO(pickled_bytes)).load().state
    (mapping,) = items
    if type(mapping) is not dict or not all(_is_entry(key, name) for key, name in mapping.items()):
        raise ValueError(f"a {type(mapping).__name__}, but not of integers and names")
    return mapping


def _is_entry(key: object, name: object) -> bool:
    return type(key) is int and abs(key) < 1 << 63 and type(name) is str and len(name) <= _MOST_CHARACTERS


def _refuse_large_memo(pickled_bytes: bytes) -> None:
    """The unpickler's memo is as long as its largest index, which a few bytes can put at billions."""
    for opcode, argument, _ in pickletools.genops(pickled_bytes):
        if opcode.name in _MEMO_WRITES and argument is not None and int(argument) >= len(pickled_bytes):
            raise ValueError(f"memo index {argument} in {len(pickled_bytes)} bytes")
