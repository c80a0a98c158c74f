"""Whether a prediction file is a copy of another one, or another one than its card says, by the digests of values."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.submission import prediction_file
from algokit.challenge.submission_card import card_data
from algokit.challenge.submission_names import PredictionFile
from algokit.challenge.untrusted_npy import as_float32, shown
from algokit.types import Finding


class Digests:
    """Digests of the predictions of one submission, as they are read one after the other.

    Parameters
    ----------
    path : the submission; the card in it or beside it is asked, where there is one.
    """

    def __init__(self, path: Path) -> None:
        self._stated = _stated_digests(path)
        self._is_folder = path.is_dir()
        self._seen: dict[str, str] = {}

    def findings(self, file: PredictionFile, values: NDArray[np.float32]) -> Iterator[Finding]:
        """Findings without their place; those about copies need the files before this one."""
        digest = canonical_sha256(values)
        own = prediction_file(file.subject, file.hemisphere)
        first = self._seen.setdefault(digest, own)
        if first != own and len(values):
            what, advice = "the same values as another file", "predict every subject and hemisphere from its own data"
            yield Finding(what, "", "", "", first, advice, "warning", "duplicate-file")
        yield from self._against_card(own, digest)

    def _against_card(self, own: str, digest: str) -> Iterator[Finding]:
        stated = self._stated.get(own)
        if stated == digest or stated is None:
            return
        others = [name for name, one in self._stated.items() if one == digest]
        if others:
            what, advice = "another file than its card says", "a file was renamed or copied: put it back where it was"
            yield Finding(what, "", "", own, shown(", ".join(others)), advice, code="renamed-file")
        elif self._is_folder:  # a zip may be trimmed on purpose
            what, advice = "changed since its card was written", "what the card says of these predictions is not so"
            yield Finding(what, "", "", stated[:12], digest[:12], advice, "warning", "changed-since-card")


def canonical_sha256(values: NDArray[np.float32]) -> str:
    """The digest of the file `write_array` makes of these values, whatever they were read from."""
    plain = as_float32(values)
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(plain))
    digest = hashlib.sha256(head.getvalue())
    digest.update(plain.data)
    return digest.hexdigest()


def _stated_digests(path: Path) -> dict[str, str]:
    """Name -> sha256 of every file the card lists; none where there is no card that can be read."""
    try:
        files: object = card_data(path).get("files")
    except ValueError:
        return {}
    if not isinstance(files, Mapping):
        return {}
    return {name: digest for name, digest in files.items() if isinstance(name, str) and isinstance(digest, str)}
