"""A submission inside a zip that a stranger made: read member by member, in bounded pieces, never unpacked to disk."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.file_kinds import description
from algokit.challenge.npy_header import HEADER_LIMIT_BYTES, NpyHeader
from algokit.challenge.untrusted_npy import as_float32, checked_header, reading, refuse_unsafe, shown
from algokit.challenge.zip_members import (
    METHODS,
    list_problems,
    member_problems,
    method_name,
    name_problem,
    surroundings,
)
from algokit.errors import SubmissionError
from algokit.types import Finding

UPLOAD_LIMIT_BYTES = 300_000_000
_PIECE_BYTES = 1 << 20
_END_BYTES = 22  # of the record an archive ends with, without its comment
# What zipfile lets through when bytes lie: bad structure, bad streams, names and sizes that do not decode.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RuntimeError,
    IndexError,
)


class _SmallReads(io.BufferedReader):
    """A file never read in large pieces: a list of files that claims a gigabyte costs nothing."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _PIECE_BYTES:
            raise zipfile.BadZipFile(f"its list of files claims {size} bytes")
        return super().read(_PIECE_BYTES if size is None or size < 0 else size)


class ZipSource:
    """A zip; arrays are inflated one at a time into memory. A `SubmissionSource`.

    Parameters
    ----------
    path : the file, or what to call ``opened``.
    opened : the bytes themselves where they are in no file of that name; closed with the source.

    Raises
    ------
    SubmissionError : it is no zip, or its list of files cannot be read.
    """

    is_archive = True

    def __init__(self, path: Path, opened: io.FileIO | None = None) -> None:
        self.path = path
        with reading(path, "", OSError):
            self._stream = _SmallReads(opened or io.FileIO(path))
        try:
            self._zip = zipfile.ZipFile(self._stream)
        except _ZIP_ERRORS as error:
            finding = self._not_a_zip(error)
            self._stream.close()
            raise SubmissionError(f"{path} is not a readable zip", [finding]) from error
        members = [info for info in self._zip.infolist() if info.file_size or not info.filename.endswith("/")]
        self._members = {info.filename: info for info in members if not name_problem(info)}
        self.findings = tuple(replace(finding, where=str(path)) for finding in self._problems(members))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._stream.close()

    def sizes(self) -> dict[str, int]:
        """See `SubmissionSource`; members whose names are an attack are left out."""
        return {name: self._members[name].file_size for name in sorted(self._members)}

    def header(self, name: str) -> NpyHeader:
        """See `SubmissionSource`."""
        with reading(self.path, name, *_ZIP_ERRORS), self._opened(name) as stream:
            head = stream.read(HEADER_LIMIT_BYTES)
        return checked_header(self.path, name, head)

    def array(self, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
        """See `SubmissionSource`."""
        header = self.header(name)
        refuse_unsafe(self.path, name, header, self._members[name].file_size, shape)
        values = np.empty(shape, header.dtype, "F" if header.fortran_order else "C")
        flat = (values.T if header.fortran_order else values).reshape(-1).view(np.uint8)
        with reading(self.path, name, *_ZIP_ERRORS), self._opened(name) as stream:
            stream.read(header.offset_bytes)
            for start in range(0, flat.size, _PIECE_BYTES):
                _fill(stream, flat[start : start + _PIECE_BYTES])
        return as_float32(values)

    def _opened(self, name: str) -> Any:
        info = self._members[name]
        if info.compress_type not in METHODS:
            raise ValueError(f"{method_name(info)}, not deflate")
        return self._zip.open(info)

    def _not_a_zip(self, error: Exception) -> Finding:
        n_bytes = self._stream.seek(0, io.SEEK_END)
        self._stream.seek(0)
        head = self._stream.read(512)
        found = description(head) + f" ({n_bytes:,} bytes)" * bool(head)
        if head.startswith(b"PK"):
            has_no_end = str(error) == "File is not a zip file"  # so zipfile calls one that lacks its list of files
            found = "a zip that is cut short: its list of files is missing" if has_no_end else shown(str(error))
        advice = "give the submission folder, or a zip made by algokit pack"
        return Finding("not a readable zip", str(self.path), "", "a zip", found, advice, code="not-a-zip")

    def _problems(self, members: list[zipfile.ZipInfo]) -> Iterator[Finding]:
        n_bytes = self._stream.seek(0, io.SEEK_END)
        if n_bytes > UPLOAD_LIMIT_BYTES:
            limit, found = f"at most {UPLOAD_LIMIT_BYTES / 1e6:.0f} MB", f"{n_bytes / 1e6:.1f} MB"
            what, advice = "larger than the challenge took", "algokit pack makes it smaller"
            yield Finding(what, "", "", limit, found, advice, "warning", "over-upload-limit")
        first_byte = min((info.header_offset for info in self._zip.infolist()), default=self._zip.start_dir)
        yield from surroundings(first_byte, self._bytes_after(n_bytes), self._zip.comment)
        yield from list_problems(members, self._zip.start_dir)
        for info in members:
            yield from member_problems(info)

    def _bytes_after(self, n_bytes: int) -> int:
        """How many bytes follow the archive's end; zipfile looks for it from behind and passes over them."""
        self._stream.seek(max(0, n_bytes - _END_BYTES - 0xFFFF - 1))
        tail = self._stream.read(_END_BYTES + 0xFFFF + 1)
        whole = _END_BYTES + len(self._zip.comment)
        if tail[-whole:].startswith(b"PK\x05\x06"):
            return 0
        return len(tail) - tail.rfind(b"PK\x05\x06") - whole


def _fill(stream: Any, piece: NDArray[np.uint8]) -> None:
    """Read exactly that many bytes; at the member's last one zipfile compares the checksum."""
    done = 0
    while done < piece.size:
        n_read = stream.readinto(piece[done:])
        if not n_read:
            raise EOFError("it ends before the values its header promises")
        done += n_read
