"""A submission inside a zip that a stranger made: read member by member, in bounded pieces, never unpacked to disk."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.npy_header import HEADER_LIMIT_BYTES, NpyHeader
from algokit.challenge.untrusted_npy import (
    as_float32,
    checked_header,
    reading,
    refuse_unsafe,
    shown,
)
from algokit.errors import SubmissionError
from algokit.types import Finding

UPLOAD_LIMIT_BYTES = 300_000_000
_PIECE_BYTES = 1 << 20
_METHODS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflate"}  # the others inflate without a bound
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".npz")
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
    """A zip; arrays are inflated one at a time into memory.

    Raises
    ------
    SubmissionError : it is no zip, or its list of files cannot be read.
    """

    is_archive = True

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path, "", OSError):
            self._stream = _SmallReads(io.FileIO(path))
        try:
            self._zip = zipfile.ZipFile(self._stream)
        except _ZIP_ERRORS as error:
            self._stream.close()
            advice = "give the submission folder, or a zip made by algokit pack"
            finding = Finding("not a readable zip", str(path), found=shown(str(error)), advice=advice, code="not-a-zip")
            raise SubmissionError(f"{path} is not a readable zip", [finding]) from error
        members = [info for info in self._zip.infolist() if info.file_size or not info.filename.endswith("/")]
        self._members = {info.filename: info for info in members if not _bad_name(info)}
        self.findings = tuple(self._problems(members))

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
        if info.compress_type not in _METHODS:
            raise ValueError(_method(info))
        return self._zip.open(info)

    def _problems(self, members: list[zipfile.ZipInfo]) -> Iterator[Finding]:
        where, n_bytes = str(self.path), self.path.stat().st_size
        if n_bytes > UPLOAD_LIMIT_BYTES:
            limit, found = f"at most {UPLOAD_LIMIT_BYTES / 1e6:.0f} MB", f"{n_bytes / 1e6:.1f} MB"
            what = "larger than the challenge took"
            yield Finding(what, where, "", limit, found, severity="warning", code="over-upload-limit")
        for name, count in Counter(info.filename for info in members).items():
            if count > 1:
                yield Finding("several files of one name", where, shown(name), "1", str(count), code="duplicate-member")
        for info in members:
            for what, code, found in _member_problems(info):
                yield Finding(what, where, shown(info.filename), found=found, code=code)


def _fill(stream: Any, piece: NDArray[np.uint8]) -> None:
    """Read exactly that many bytes; at the member's last one zipfile compares the checksum."""
    done = 0
    while done < piece.size:
        n_read = stream.readinto(piece[done:])
        if not n_read:
            raise EOFError("it ends before the values its header promises")
        done += n_read


def _bad_name(info: zipfile.ZipInfo) -> tuple[str, str, str] | None:
    """Why a member's name may not be used: what, code, found; None where it is harmless."""
    name = info.orig_filename
    if "\0" in name:
        return "a NUL inside a file name", "nul-in-name", shown(name)
    if not name:
        return "no file name", "empty-name", ""
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        return "an absolute file name", "absolute-name", ""
    if ".." in PurePosixPath(name.replace("\\", "/")).parts:
        return "a file name that climbs out of the archive", "path-traversal", ""
    if "\\" in name:
        return "a backslash in a file name", "backslash-in-name", ""
    return None


def _member_problems(info: zipfile.ZipInfo) -> Iterator[tuple[str, str, str]]:
    if problem := _bad_name(info):
        yield problem
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        yield "a symbolic link", "symlink", ""
    elif kind not in (0, stat.S_IFREG):
        yield "not a regular file", "special-file", f"mode {kind:o}"
    if info.flag_bits & 0x1:
        yield "encrypted", "encrypted", ""
    if info.compress_type not in _METHODS:
        yield "compressed by a method that not every server knows", "compression", _method(info)
    if info.filename.lower().endswith(_ARCHIVES):
        yield "an archive inside the archive", "nested-archive", ""


def _method(info: zipfile.ZipInfo) -> str:
    names = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "lzma"}
    return f"{names.get(info.compress_type, f'method {info.compress_type}')}, not deflate"
