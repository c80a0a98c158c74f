"""A ``.npy`` file from a stranger: its header is read without being believed, its values without being unpickled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.file_kinds import description
from algokit.challenge.npy_header import MAGIC, NpyHeader, parse_header
from algokit.errors import SubmissionError
from algokit.types import Finding

_SHOWN_CHARACTERS = 160


def shown(text: str, n_characters: int = _SHOWN_CHARACTERS) -> str:
    """A stranger's words, safe to print and short enough to."""
    text = text[: n_characters + 1]
    return (text if text.isprintable() else ascii(text)[1:-1])[:n_characters]


@contextlib.contextmanager
def reading(path: Path, name: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn what reading ``name`` inside ``path`` may raise into a `SubmissionError`."""
    try:
        yield
    except errors as error:
        advice = "write it again, and see that you may read it; what cannot be read whole is not used"
        found = _reason(error)
        finding = Finding("cannot be read", str(path), shown(name), found=found, advice=advice, code="unreadable")
        raise SubmissionError(f"{shown(name) or path} cannot be read", [finding]) from error


def checked_header(path: Path, name: str, head: bytes) -> NpyHeader:
    """Parse the first `HEADER_LIMIT_BYTES` of a file; nothing beyond them is ever read or allocated.

    Raises
    ------
    SubmissionError : these are not the first bytes of a ``.npy`` file.
    """
    try:
        return parse_header(head)
    except ValueError as error:
        what, expected, found = "not a .npy file", "a .npy file", description(head)
        if head.startswith(MAGIC):
            what, expected, found = "a broken .npy header", "a header as numpy.save writes it", _reason(error)
        advice = "write it with numpy.save, as float32"
        finding = Finding(what, str(path), shown(name), expected, found, advice, code="not-npy")
        raise SubmissionError(f"{shown(name)} is {what}", [finding]) from error


def refuse_unsafe(path: Path, name: str, header: NpyHeader, n_bytes: int, shape: tuple[int, int]) -> None:
    """The last gate before an array is mapped or allocated.

    Raises
    ------
    SubmissionError : not plain floats of that shape, or a size that is not the one the header promises.
    """
    if header.dtype.kind == "f" and header.shape == shape and header.file_bytes == n_bytes:
        return
    found = f"{header} in {n_bytes} bytes"
    advice = "algokit validate says what is wrong with it"
    finding = Finding(
        "not the array expected", str(path), shown(name), f"floats {shape}", shown(found), advice, code="wrong-array"
    )
    raise SubmissionError(f"{shown(name)} is not the array expected", [finding])


def as_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """Little-endian float32 in C order, which is what the challenge takes; not copied where it already is."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype="<f4")


def _reason(error: Exception) -> str:
    return shown(" ".join(str(error).split())) or type(error).__name__
