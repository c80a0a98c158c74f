"""PNG files by their header and their end, without decoding."""

from __future__ import annotations

import os
import struct
import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from algokit.challenge.images import ImageFolder, several
from algokit.types import Finding

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IHDR = struct.Struct(">8sI4sIIBBBBBI")
_IEND = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}


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
    ValueError : it does not begin as a PNG file.
    """
    with path.open("rb") as stream:
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
    problems: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for image in folder.images:
        for kind, found in _problems(image.path, image_px):
            problems[kind].append(f"{image.path.name}: {found}")
        each()
    findings = []
    for (code, what, expected), names in problems.items():
        where = folder.path / names[0].partition(":")[0] if len(names) == 1 else folder.path
        advice = "download this subject again; the images must not be converted"
        findings.append(Finding(what, str(where), "", expected, several(names), advice, code=code))
    return findings


def _problems(path: Path, image_px: int) -> list[tuple[tuple[str, str, str], str]]:
    try:
        header = read_png_header(path)
    except (OSError, ValueError) as error:
        return [(("image-unreadable", "not a readable PNG file", "a PNG header"), str(error))]
    size, mode = f"{image_px} x {image_px} pixels", "8-bit RGB"
    problems = []
    if (header.width, header.height) != (image_px, image_px):
        problems.append((("image-size", "wrong image size", size), f"{header.width} x {header.height} pixels"))
    if header.mode != mode:
        problems.append((("image-mode", "wrong image mode", mode), header.mode))
    if not header.is_complete:
        problems.append((("image-truncated", "truncated image", "an IEND chunk at the end"), "no IEND at the end"))
    return problems
