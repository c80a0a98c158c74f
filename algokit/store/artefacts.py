"""Content-keyed artefacts on disk: same key, same bytes.

An artefact is a folder ``<kind>/<first two>/<key>/`` of ``.npy`` files and one ``meta.json`` with the digest of
every file. It is either whole or absent (`algokit.atomic`); it is verified when it is first opened, and one that fails
is moved aside and named, never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.atomic import disk_errors, written_aside
from algokit.errors import AlgokitError
from algokit.syncing import make_folder
from algokit.types import Artefact, Finding

META = "meta.json"
_OWN_DIGEST = "sha256"  # in meta.json: of all else in it


class CorruptArtefactError(AlgokitError):
    """An artefact failed its check and was moved aside; it has to be made again."""


def digest_of(value: Any) -> str:
    """sha256 (hex) of a JSON-able value in canonical form: the one way keys are made."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 (hex) of a file's bytes, read in chunks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class Store:
    """A folder of artefacts.

    Parameters
    ----------
    root : created when the first artefact is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._verified: set[tuple[str, str]] = set()

    def path(self, kind: str, key: str) -> Path:
        """Where the artefact of that kind and key lies, present or not."""
        return self.root / kind / key[:2] / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artefact is there (whole, by construction; its bytes are checked by `open`)."""
        return (self.path(kind, key) / META).is_file()

    @contextlib.contextmanager
    def write(self, kind: str, key: str, meta: Mapping[str, Any]) -> Iterator[Path]:
        """A folder to fill; becomes the artefact when the block ends without an exception.

        Raises
        ------
        DiskError : the disk is full or not writable.
        """
        target = self.path(kind, key)
        with written_aside(target, unless=META) as aside:
            yield aside
            files = {
                path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
                for path in sorted(aside.iterdir())
            }
            document = json.loads(json.dumps({"kind": kind, "key": key, "files": files, **meta}))
            document[_OWN_DIGEST] = digest_of(document)
            (aside / META).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        self._verified.add((kind, key))

    def open(self, kind: str, key: str) -> Artefact:
        """The artefact, verified against its digests the first time this store object opens it.

        Raises
        ------
        CorruptArtefactError : a file is missing or its bytes changed; the artefact was moved to ``corrupt/``.
        """
        path = self.path(kind, key)
        folder = _identity(path)
        try:
            meta = json.loads((path / META).read_text(encoding="utf-8"))
            problem = "" if (kind, key) in self._verified else self._problem(path, meta)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            meta, problem = {}, f"{META} cannot be read ({type(error).__name__})"
        if problem:
            self._set_aside(kind, key, folder)
            finding = Finding(
                problem, where=f"{kind}/{key[:12]}", advice="it is made again by the next run", code="corrupt-artefact"
            )
            raise CorruptArtefactError("a stored artefact does not match its digest and was moved aside", [finding])
        self._verified.add((kind, key))
        return Artefact(key=key, path=path, meta=meta)

    def array(self, artefact: Artefact, name: str) -> NDArray[Any]:
        """One array of an artefact, memory-mapped read-only."""
        loaded: NDArray[Any] = np.load(artefact.path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return loaded

    @staticmethod
    def _problem(path: Path, meta: Mapping[str, Any]) -> str:
        own = {name: value for name, value in meta.items() if name != _OWN_DIGEST}
        if meta.get(_OWN_DIGEST, digest_of(own)) != digest_of(own):  # earlier versions wrote none
            return f"the bytes of {META} changed since it was written"
        for name, recorded in meta["files"].items():
            file = path / name
            if not file.is_file():
                return f"{name} is missing"
            if file.stat().st_size != recorded["bytes"]:
                return f"{name} has {file.stat().st_size} bytes, {recorded['bytes']} were written"
            if file_sha256(file) != recorded["sha256"]:
                return f"the bytes of {name} changed since it was written"
        return ""

    def _set_aside(self, kind: str, key: str, folder: int | None) -> None:
        """Move the folder that was looked at to ``corrupt/``, unless another process has put a new one there."""
        grave = self.root / "corrupt"
        with disk_errors(grave):
            if folder is None or _identity(self.path(kind, key)) != folder:
                return
            make_folder(grave)
            place = Path(tempfile.mkdtemp(prefix=f"{kind}-{key[:12]}-", dir=grave))
            with contextlib.suppress(FileNotFoundError):
                self.path(kind, key).rename(place / "artefact")


def _identity(folder: Path) -> int | None:
    """What tells a folder from another one of its name; None where there is none."""
    try:
        return folder.stat().st_ino
    except OSError:
        return None
