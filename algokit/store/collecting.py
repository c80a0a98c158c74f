"""Garbage: what nobody refers to any more, and what killed or damaged work left behind."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from algokit.atomic import abandoned, move_aside
from algokit.store.contents import JOBS, Entry, entries, strangers
from algokit.store.using import StoreInUseError, alone

_DAY_S = 86400


@dataclass(frozen=True)
class Garbage:
    """What can be removed from a store, and what cannot.

    Attributes
    ----------
    unreferenced : artefacts that nothing kept refers to, or that are old, as was asked.
    damaged : folders in ``corrupt/``: artefacts that failed their check.
    half_written : what killed processes left.
    jobs : files that containers are started with; they are over when nobody is at work.
    kept : the other artefacts.
    strangers : what is none of the store's own; left alone.
    """

    unreferenced: tuple[Entry, ...]
    damaged: tuple[Path, ...]
    half_written: tuple[Path, ...]
    jobs: tuple[Path, ...]
    kept: tuple[Entry, ...]
    strangers: tuple[Path, ...]


def find_garbage(
    root: Path,
    kinds: Collection[str],
    keep: Collection[tuple[str, str]] | None,
    older_than_days: float | None,
) -> Garbage:
    """What could go.

    Parameters
    ----------
    kinds : of the artefacts that are looked at; all others are kept.
    keep : (kind, key) of artefacts that stay; None where that is no ground to keep any.
    older_than_days : younger artefacts stay; None where age is no ground to keep any. A younger one stays although it
        is not in ``keep``, and one in ``keep`` although it is old.
    """
    before_s = None if older_than_days is None else time.time() - older_than_days * _DAY_S
    unreferenced: list[Entry] = []
    kept: list[Entry] = []
    for entry in entries(root):
        is_kept = entry.kind not in kinds or (keep is not None and (entry.kind, entry.key) in keep)
        is_young = before_s is not None and entry.made_s > before_s
        (kept if is_kept or is_young else unreferenced).append(entry)
    grave = root / "corrupt"
    damaged = sorted(grave.iterdir()) if grave.is_dir() else []
    return Garbage(
        unreferenced=tuple(unreferenced),
        damaged=tuple(damaged),
        half_written=tuple(abandoned(root)),
        jobs=tuple(sorted((root / JOBS).glob("*.json"))),
        kept=tuple(kept),
        strangers=tuple(strangers(root)),
    )


def remove_garbage(root: Path, garbage: Garbage) -> None:
    """Remove it: each thing is whole until it is gone, and an artefact that a run has found is not taken from it.

    Raises
    ------
    StoreInUseError : a run uses the store; nothing was removed.
    DiskError : the store is not writable.
    """
    with alone(root):
        aside = move_aside(_paths(garbage), root)
    shutil.rmtree(aside, ignore_errors=True)


def let_go(root: Path, kind: str, keys: Collection[str]) -> bool:
    """Remove artefacts whose place others have taken; False where somebody uses the store, and then all stay.

    Raises
    ------
    DiskError : the store is not writable.
    """
    try:
        with alone(root):
            aside = move_aside((root / kind / key[:2] / key for key in sorted(keys)), root)
    except StoreInUseError:
        return False
    shutil.rmtree(aside, ignore_errors=True)
    return True


def _paths(garbage: Garbage) -> Iterable[Path]:
    yield from (entry.path for entry in garbage.unreferenced)
    yield from garbage.damaged
    yield from garbage.half_written
    yield from garbage.jobs
