"""PNG files by their header, their end, their checksums and the size of what they inflate to."""

from __future__ import annotations

import os
import struct
import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from algokit.challenge.images import ImageFolder, several
from algokit.challenge.npy_header import open_regular, reason
from algokit.types import Finding

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IHDR = struct.Struct(">8sI4sIIBBBBBI")
_IEND = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
_CHUNK_OVERHEAD = 12  # bytes: length, kind, checksum
_METADATA_BYTES = 1 << 20  # more than any image needs beside its pixels
_AGAIN = "download this subject again; the images must not be converted"

Kind: TypeAlias = tuple[str, str, str, str]  # code, what, expected, advice


@dataclass(frozen=True)
class PngHeader:
    """Size in pixels, mode ("8-bit RGB"), and whether the file has its end."""

    width: int
    height: int
    mode: str
    is_complete: bool


def read_png_header(path: Path) -> PngHeader:
    """Read the first and the last bytes of a PNG file.

    Raises
    ------
    OSError : the file cannot be read.
    ValueError : it is no regular file, or does not begin as a PNG file.
    """
    with open_regular(path) as stream:
        head = stream.read(_IHDR.size)
        if len(head) < _IHDR.size:
            raise ValueError(f"{len(head)} bytes")
        signature, _, kind, width, height, depth, colour, _, _, _, checksum = _IHDR.unpack(head)
        if signature != _SIGNATURE or kind != b"IHDR" or zlib.crc32(head[12:29]) != checksum:
            raise ValueError("begins with " + head[:8].hex(" "))
        stream.seek(-len(_IEND), os.SEEK_END)
        mode = f"{depth}-bit {_COLOURS.get(colour, f'colour type {colour}')}"
        return PngHeader(width, height, mode, stream.read() == _IEND)


def png_findings(folder: ImageFolder, image_px: int, each: Callable[[], None]) -> list[Finding]:
    """One finding for each kind of problem; ``each`` is called after every image."""
    problems: dict[Kind, list[str]] = defaultdict(list)
    for image in folder.images:
        for kind, found in _problems(image.path, image_px):
            problems[kind].append(f"{image.path.name}: {found}")
        each()
    findings = []
    for (code, what, expected, advice), names in problems.items():
        where = folder.path / names[0].partition(":")[0] if len(names) == 1 else folder.path
        findings.append(Finding(what, str(where), "", expected, several(names), advice, code=code))
    return findings


def png_damage(path: Path, width: int, height: int) -> str:
    """What keeps an 8-bit RGB image of that size from being decoded; "" where nothing does.

    Raises
    ------
    OSError, ValueError : as for `read_png_header`.
    """
    n_pixel_bytes = height * (1 + 3 * width)  # every line begins with the number of its filter
    most = n_pixel_bytes + _METADATA_BYTES
    with open_regular(path) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        return f"more than {most} bytes"
    is_interlaced, pixels, start, kind = data[28] != 0, b"", len(_SIGNATURE), b""
    while kind != b"IEND":
        end = start + _CHUNK_OVERHEAD + int.from_bytes(data[start : start + 4], "big")
        kind, body = data[start + 4 : start + 8], data[start + 8 : end - 4]
        if end > len(data) or zlib.crc32(kind + body).to_bytes(4, "big") != data[end - 4 : end]:
            return f"wrong checksum of the chunk at byte {start}"
        pixels += body if kind == b"IDAT" else b""
        start = end
    if start != len(data):
        return f"an IEND chunk before the end, at byte {start - _CHUNK_OVERHEAD}"
    return "" if is_interlaced else _inflated_otherwise(pixels, n_pixel_bytes)


def _inflated_otherwise(pixels: bytes, n_bytes: int) -> str:
    inflater = zlib.decompressobj()
    try:
        n_found = len(inflater.decompress(pixels, n_bytes + 1))
    except zlib.error as error:
        return str(error)
    if n_found > n_bytes:
        return f"more than {n_bytes} bytes of pixels"
    return "" if n_found == n_bytes else f"{n_found} of {n_bytes} bytes of pixels"


def _problems(path: Path, image_px: int) -> list[tuple[Kind, str]]:
    size, mode = f"{image_px} x {image_px} pixels", "8-bit RGB"
    problems: list[tuple[Kind, str]] = []
    try:
        header = read_png_header(path)
        if (header.width, header.height) != (image_px, image_px):
            found = f"{header.width} x {header.height} pixels"
            problems.append((("image-size", "wrong image size", size, _AGAIN), found))
        if header.mode != mode:
            problems.append((("image-mode", "wrong image mode", mode, _AGAIN), header.mode))
        if not header.is_complete:
            kind = ("image-truncated", "truncated image", "an IEND chunk at the end", _AGAIN)
            problems.append((kind, "no IEND at the end"))
        if not problems and (damage := png_damage(path, image_px, image_px)):
            kind = ("image-damaged", "damaged image", "whole chunks that inflate to the pixels", _AGAIN)
            problems.append((kind, damage))
    except (OSError, ValueError) as error:
        found, advice = reason(error)
        return [(("image-unreadable", "not a readable PNG file", "a PNG header", advice), found)]
    return problems
