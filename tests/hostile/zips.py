"""Zips that no honest program writes: every field of every record is whatever it is told to be."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from small_submission import good

STORED, DEFLATED = 0, 8
_FULL_BYTES = 0xFFFFFFFF


@dataclass(frozen=True)
class Member:
    """One file of an archive; by default an honest, deflated one.

    Attributes
    ----------
    raw : its bytes as they lie in the archive; made from ``content`` where None.
    size, crc, raw_size : what its records claim; the truth about ``content`` and ``raw`` where None.
    offset : where the list of files says that it begins; where it does where None.
    """

    name: str
    content: bytes = b"x"
    raw: bytes | None = None
    method: int = DEFLATED
    flags: int = 0
    mode: int = 0o100644
    size: int | None = None
    raw_size: int | None = None
    crc: int | None = None
    offset: int | None = None
    local_name: str | None = None
    version_needed: int = 20
    name_bytes: bytes | None = None
    extra: bytes = b""


def honest() -> list[Member]:
    """The good submission."""
    return [Member(name, content) for name, content in good().items()]


def replaced(name: str, **changes: object) -> list[Member]:
    """The good submission, one member changed."""
    return [Member(one.name, **{"content": one.content, **(changes if one.name == name else {})}) for one in honest()]  # type: ignore[arg-type]


def write(
    path: Path,
    members: Sequence[Member],
    *,
    before: bytes = b"",
    after: bytes = b"",
    comment: bytes = b"",
    disk: int = 0,
    claimed_members: int | None = None,
    claimed_list_bytes: int | None = None,
    counts_before: bool = True,
) -> Path:
    """Write an archive.

    Parameters
    ----------
    counts_before : whether offsets count the bytes in ``before``, as they do in a file that is meant to have them.
    """
    body, entries = bytearray(before), b""
    for one in members:
        offset = len(body) - len(before) * (not counts_before)
        body += _local(one)
        entries += _entry(one, offset if one.offset is None else one.offset)
    start = len(body) - len(before) * (not counts_before)
    n_members = len(members) if claimed_members is None else claimed_members
    n_bytes = len(entries) if claimed_list_bytes is None else claimed_list_bytes
    end = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", disk, disk, n_members & 0xFFFF, n_members & 0xFFFF, n_bytes, start, len(comment)
    )
    path.write_bytes(bytes(body) + entries + end + comment + after)
    return path


def _name(one: Member) -> bytes:
    return one.name.encode() if one.name_bytes is None else one.name_bytes


def _flags(one: Member) -> int:
    return one.flags | (0 if _name(one).isascii() else 0x800)


def _claims(one: Member) -> tuple[int, int, int]:
    """Checksum, bytes in the archive, bytes unpacked."""
    crc = zlib.crc32(one.content) if one.crc is None else one.crc
    raw_size = len(_raw(one)) if one.raw_size is None else one.raw_size
    return crc, raw_size, len(one.content) if one.size is None else one.size


def _raw(one: Member) -> bytes:
    if one.raw is not None:
        return one.raw
    if one.method != DEFLATED:
        return one.content
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(one.content) + packer.flush()


def _local(one: Member) -> bytes:
    crc, raw_size, size = _claims(one)
    name = _name(one) if one.local_name is None else one.local_name.encode()
    sizes = [min(number, _FULL_BYTES) for number in (raw_size, size)]
    head = (b"PK\x03\x04", one.version_needed, _flags(one), one.method, 0, 33, crc, *sizes, len(name), 0)
    return struct.pack("<4s5H3L2H", *head) + name + _raw(one)


def _entry(one: Member, offset: int) -> bytes:
    crc, raw_size, size = _claims(one)
    large = [number for number in (size, raw_size, offset) if number >= _FULL_BYTES]  # the order zip64 asks for
    extra = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    extra += one.extra
    sizes = [min(number, _FULL_BYTES) for number in (raw_size, size)]
    name = _name(one)
    head = (b"PK\x01\x02", 0x0314, one.version_needed, _flags(one), one.method, 0, 33, crc, *sizes)
    tail = (len(name), len(extra), 0, 0, 0, one.mode << 16, min(offset, _FULL_BYTES))
    return struct.pack("<4s6H3L", *head) + struct.pack("<5H2L", *tail) + name + extra


def zeros_deflated(n_mebibytes: int) -> bytes:
    """The deflate stream of so many mebibytes of zeros, made without having them: its blocks are all alike."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * n_mebibytes + b"\x03\x00"
