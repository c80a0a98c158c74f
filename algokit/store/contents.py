"""What lies in a store, without reading more than every artefact's meta.json."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algokit.atomic import is_partial
from algokit.store.artefacts import META
from algokit.store.using import LOCK

JOBS = "jobs"  # the folder of files that containers are started with
_SUBJECT = re.compile(r"subj[0-9]{2}")
_KEY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One artefact as it lies there.

    Attributes
    ----------
    meta : what its meta.json says; empty where that cannot be read.
    n_bytes : of all its files together.
    made_s : when it was made, in seconds since 1970.
    problem : "" where every file has the size that was written (the bytes are not read), else what is wrong.
    """

    kind: str
    key: str
    path: Path
    meta: Mapping[str, Any]
    n_bytes: int
    made_s: float
    problem: str

    @property
    def id(self) -> str:
        """Of the step that made it; "" where not known."""
        return str(self.meta.get("id", ""))

    @property
    def member(self) -> str:
        """The member in its id (``features/<member>/...``); "" where it is of none."""
        parts = self.id.split("/")
        return parts[1] if len(parts) > 1 and not _SUBJECT.fullmatch(parts[1]) else ""

    @property
    def subject(self) -> str:
        """The subject in its id; "" where it is of none."""
        return next((part for part in self.id.split("/") if _SUBJECT.fullmatch(part)), "")


def entries(root: Path) -> Iterator[Entry]:
    """Every artefact of the store in ``root``, by kind and key; one that goes away meanwhile is left out."""
    for kind in _folders(root):
        for start in _folders(kind):
            for folder in _folders(start):
                if _is_artefact(folder) and (entry := _entry(folder)):
                    yield entry


def strangers(root: Path) -> list[Path]:
    """What lies in a store and is none of its own: nothing of algokit touches it."""
    own = {"corrupt", "history", JOBS, "digests.json", LOCK}
    others = [path for path in _sorted(root) if path.name not in own and not is_partial(path)]
    return [strange for path in others for strange in _strange(path)]


def _strange(place: Path) -> list[Path]:
    """A whole folder where no artefact lies in it, else what in it is none."""
    if not place.is_dir():
        return [place]
    inside = [one for start in _sorted(place) for one in (_sorted(start) if _is_start(start) else [start])]
    strange = [one for one in inside if not is_partial(one) and not _is_artefact(one)]
    return strange if any(map(_is_artefact, inside)) or not strange else [place]


def tree_bytes(place: Path) -> int:
    """Bytes of a file, or of all files below a folder; links count as nothing."""
    inside = place.rglob("*") if place.is_dir() and not place.is_symlink() else [place]
    total = 0
    for path in inside:
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() and not path.is_symlink() else 0
    return total


def _is_artefact(folder: Path) -> bool:
    """Whether a folder is ``<kind>/<first two>/<key>`` with a meta.json; without one it was never written here."""
    return bool(_KEY.fullmatch(folder.name)) and folder.parent.name == folder.name[:2] and (folder / META).is_file()


def _is_start(place: Path) -> bool:
    """Whether this may be ``<kind>/<first two>``."""
    return re.fullmatch("[0-9a-f]{2}", place.name) is not None and place.is_dir()


def _sorted(place: Path) -> list[Path]:
    try:
        return sorted(place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _folders(place: Path) -> list[Path]:
    """The folders in a place, sorted; hidden ones are being written. Links are not followed: they lead elsewhere."""
    try:
        return sorted(
            one for one in place.iterdir() if not one.name.startswith(".") and one.is_dir() and not one.is_symlink()
        )
    except FileNotFoundError:
        return []


def _entry(folder: Path) -> Entry | None:
    try:
        sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
        made_s = (folder / META).stat().st_mtime
        meta, problem = _read(folder, sizes)
    except FileNotFoundError:
        return None
    kind = folder.parent.parent.name
    return Entry(kind, folder.name, folder, meta, sum(sizes.values()), made_s, problem)


def _read(folder: Path, sizes: Mapping[str, int]) -> tuple[Mapping[str, Any], str]:
    """Its meta.json, and what is wrong with it or with the sizes of the files it names."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        stated = {str(name): int(file["bytes"]) for name, file in meta["files"].items()}
    except FileNotFoundError:  # it went away just now, as a whole
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return {}, f"{META} cannot be read ({type(error).__name__})"
    for name, n_bytes in stated.items():
        if name not in sizes:
            return meta, f"{name} is missing"
        if sizes[name] != n_bytes:
            return meta, f"{name} has {sizes[name]} bytes, {n_bytes} were written"
    return meta, ""
