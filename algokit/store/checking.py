"""Every byte of a store against the digests that were written with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from algokit.store.artefacts import CorruptArtefactError, Store
from algokit.store.contents import Entry
from algokit.types import Finding, Progress, ProgressCallback, no_progress

_MOST_THREADS = 8


@dataclass(frozen=True)
class Checked:
    """What a check read and found: one finding per artefact that is not as it was written."""

    n_artefacts: int
    n_bytes: int
    findings: tuple[Finding, ...]


def check_artefacts(root: Path, chosen: Sequence[Entry], progress: ProgressCallback = no_progress) -> Checked:
    """Read artefacts whole; one that does not match its digests is moved to ``corrupt/``, and the next run makes it.

    One that another process removes meanwhile is left out.
    """
    store = Store(root)
    findings: list[Finding] = []
    pool = ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1))
    try:
        for done, found in enumerate(pool.map(lambda entry: _problem(store, entry), chosen), start=1):
            findings += [found] if found else []
            progress(Progress("verify", done, len(chosen), "artefacts"))
    finally:
        pool.shutdown(cancel_futures=True)
    return Checked(len(chosen), sum(entry.n_bytes for entry in chosen), tuple(findings))


def _problem(store: Store, entry: Entry) -> Finding | None:
    if not entry.path.is_dir():
        return None
    try:
        store.open(entry.kind, entry.key)
    except CorruptArtefactError as error:
        advice = "moved to corrupt/ and not used; the next run that needs it makes it again"
        return replace(error.findings[0], path=entry.id, advice=advice)
    return None
