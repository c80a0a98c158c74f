"""A finished picture: its bytes, its size, and the words for those who cannot see it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from algokit.atomic import replacing

Format: TypeAlias = Literal["svg", "png"]


@dataclass(frozen=True)
class Picture:
    """One picture of a report, complete in itself.

    Attributes
    ----------
    name : file stem, kebab-case, one of a kind in a report; also the prefix of every id inside an SVG.
    data : the file's bytes. An SVG has no prolog: decoded, it may stand in an HTML page as it is.
    alt : what the picture shows, with the numbers that matter.
    caption : what a reader has to know to read it: what was counted, pooled, filled or left out.
    """

    name: str
    data: bytes
    format: Format
    width_px: int
    height_px: int
    alt: str
    caption: str

    @property
    def file(self) -> str:
        """``<name>.<format>``."""
        return f"{self.name}.{self.format}"


def kebab(*words: str) -> str:
    """Words from files as one file stem: lower case letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-") or "unnamed"


def stems(names: Iterable[str], *, taken: str = "") -> dict[str, str]:
    """Name -> its file stem; names that look alike as stems, or like the one ``taken``, are numbered."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        stem = kebab(name)
        alike = sum(stem == kebab(other) for other in found) + (stem == taken)
        found[name] = f"{stem}-{alike + 1}" if alike else stem
    return found


def save(pictures: Iterable[Picture], folder: Path) -> list[Path]:
    """Write every picture as ``<name>.svg`` or ``.png``, each as a whole; nothing else in the folder is touched.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    paths = []
    for picture in pictures:
        with replacing(folder / picture.file) as aside:
            aside.write_bytes(picture.data)
        paths.append(folder / picture.file)
    return paths
