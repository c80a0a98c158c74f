"""The header of a ``.npy`` file, read without being believed: nothing is allocated, nothing is unpickled."""

from __future__ import annotations

import io
import math
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_UNPARSED = "a header that is no plain dictionary of shape, dtype and order"
HEADER_LIMIT_BYTES = 1 << 14  # NumPy writes 128; its reader refuses more than 10 000
_AXES_LIMIT = 32  # what every NumPy can hold
_SIZE_LIMIT = 1 << 63  # beyond it a size is no array's, and Python may refuse to print it
MAGIC = b"\x93NUMPY"
# How NumPy begins what it says of a header, where its own words help nobody or give advice no stranger's file deserves.
_WORDS = (
    ("EOF: reading array header", f"a header that is cut short, or longer than {HEADER_LIMIT_BYTES} bytes"),
    ("Header info length", "a header far longer than any that NumPy writes"),
    ("Cannot parse header", _UNPARSED),
    ("malformed node or string", _UNPARSED),
)


@dataclass(frozen=True)
class NpyHeader:
    """What a header says.

    Attributes
    ----------
    offset_bytes : where the values begin.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    offset_bytes: int

    @property
    def file_bytes(self) -> int:
        """The size of a file that keeps the header's promise."""
        return self.offset_bytes + math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


def parse_header(head: bytes) -> NpyHeader:
    """Parse the first `HEADER_LIMIT_BYTES` of a file.

    Raises
    ------
    ValueError : these are not the first bytes of a ``.npy`` file; it says why, in words for a person.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _parsed(io.BytesIO(head))
    except Exception as error:  # a literal and a dtype that a stranger wrote can raise anything
        raise ValueError(_in_words(error)) from error


def _in_words(error: Exception) -> str:
    if not isinstance(error, ValueError):  # a literal nested too deep, an unfinished one, a dtype NumPy trips over
        return _UNPARSED
    said = " ".join(str(error).split())
    return next((ours for theirs, ours in _WORDS if said.startswith(theirs)), said[:160] or _UNPARSED)


def _parsed(stream: io.BytesIO) -> NpyHeader:
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"npy format {version[0]}.{version[1]}, which plain numbers never need")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = read(stream)
    if len(shape) > _AXES_LIMIT:
        raise ValueError(f"{len(shape)} axes")
    if any(size < 0 for size in shape):
        raise ValueError("a negative size in its shape")
    if any(size >= _SIZE_LIMIT for size in shape):
        raise ValueError("a size in its shape that is beyond any array's")
    return NpyHeader(tuple(int(size) for size in shape), dtype, fortran_order, stream.tell())


def read_header(path: Path) -> NpyHeader:
    """Read the header of a file.

    Raises
    ------
    OSError : the file cannot be read.
    ValueError : it does not begin as a ``.npy`` file.
    """
    with open_regular(path) as stream:
        return parse_header(stream.read(HEADER_LIMIT_BYTES))


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read; a pipe or a device, which may never answer, is not opened.

    Raises
    ------
    OSError : the file cannot be read.
    ValueError : it is no regular file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("not a regular file")
    return path.open("rb")


def reason(error: OSError | ValueError) -> tuple[str, str]:
    """Why a file cannot be read, in a few words, and what to do about it."""
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if isinstance(error, PermissionError):
        return said.lower(), "give yourself the right to read it (chmod u+rX)"
    return said, "download this subject again"
