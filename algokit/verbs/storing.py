"""The store: what is in it, what it takes, whether it is whole, and what can go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algokit.errors import UsageError
from algokit.types import Finding, ProgressCallback, no_progress
from algokit.verbs.explaining import is_meant
from algokit.verbs.keeping import KeptOn, kept_artefacts
from algokit.verbs.preparing import default_store

if TYPE_CHECKING:
    from algokit.store import Checked, Entry, Garbage


@dataclass(frozen=True)
class StoreUsage:
    """What a store takes on disk.

    Attributes
    ----------
    artefacts : everything whole or not that a step made.
    others : what -> bytes, of what lies beside them.
    free_bytes : left on that disk.
    """

    root: Path
    artefacts: tuple[Entry, ...]
    others: dict[str, int]
    free_bytes: int

    def by(self, name: str) -> dict[str, tuple[int, int]]:
        """Artefacts and their bytes by "kind", "member" or "subject", the largest first; those of none are left out."""
        sums: dict[str, tuple[int, int]] = {}
        for entry in self.artefacts:
            if value := getattr(entry, name):
                n, n_bytes = sums.get(value, (0, 0))
                sums[value] = (n + 1, n_bytes + entry.n_bytes)
        return dict(sorted(sums.items(), key=lambda item: (-item[1][1], item[0])))


def store_contents(store: Path | None = None, *, steps: str = "") -> list[Entry]:
    """The artefacts of a store by step, the newest of a step first.

    Parameters
    ----------
    steps : the id of a step, the start of ids (``features/gabor``), or a pattern of ids (``fit/*/subj01``); "" for all.

    Raises
    ------
    UsageError : there is no store.
    """
    from algokit.store import entries

    chosen = [entry for entry in entries(_opened(store)) if not steps or is_meant(entry.id, steps)]
    return sorted(chosen, key=lambda entry: (entry.kind, entry.id, -entry.made_s))


def store_usage(store: Path | None = None) -> StoreUsage:
    """What a store takes on disk, and what of that is no artefact.

    Raises
    ------
    UsageError : there is no store.
    """
    import shutil

    from algokit.atomic import is_partial
    from algokit.store import entries, strangers, tree_bytes

    root = _opened(store)
    records = sum(tree_bytes(root / name) for name in ("digests.json", "history"))
    others = {
        "digests and history": records,
        "being written, or left by killed runs": sum(tree_bytes(path) for path in root.rglob(".*") if is_partial(path)),
        "damaged, in corrupt/": tree_bytes(root / "corrupt"),
        **{f"not the store's own: {path.relative_to(root)}": tree_bytes(path) for path in strangers(root)},
    }
    found = {what: n_bytes for what, n_bytes in others.items() if n_bytes}
    return StoreUsage(root, tuple(entries(root)), found, shutil.disk_usage(root).free)


def verify_store(store: Path | None = None, *, steps: str = "", progress: ProgressCallback = no_progress) -> Checked:
    """Read every byte; what is not as it was written is moved aside, for the next run to make again.

    Raises
    ------
    UsageError : there is no store.
    DiskError : something damaged cannot be moved aside.
    """
    from algokit.store import check_artefacts

    return check_artefacts(_opened(store), store_contents(store, steps=steps), progress)


def collect_store(
    store: Path | None = None,
    *,
    keep: Sequence[Path] = (),
    older_than_days: float | None = None,
    data: Path | None = None,
    manifest: Path | None = None,
    nsd: Path | None = None,
    remove: bool = False,
    progress: ProgressCallback = no_progress,
) -> Garbage:
    """Find what nothing refers to, and remove it if asked.

    Parameters
    ----------
    keep : what artefacts have to be of, to stay: submission and study folders, their plan.json files, their recipes
        (which need ``data``).
    older_than_days : only artefacts made before; together with ``keep``, those that are also not kept.
    nsd : as of `algokit.verbs.study_run`, for the recipes of studies.

    Raises
    ------
    UsageError : there is no store, or neither ``keep`` nor ``older_than_days`` says what may go.
    RecipeError, DataError, WeightsError : the keys of something to keep cannot be known; nothing is removed.
    StoreInUseError : a run uses the store; nothing is removed.
    """
    from algokit.recipe.steps import STEP_VERSIONS
    from algokit.recipe.study_plan import CURVE_KIND
    from algokit.store import find_garbage, remove_garbage

    root = _opened(store)
    if not keep and older_than_days is None:
        advice = "--keep submissions/NAME or studies/NAME (or a recipe, with --data), --older-than DAYS, or both"
        raise UsageError("say what may go", [Finding("nothing says what to keep", advice=advice, code="keep-nothing")])
    kept = kept_artefacts(keep, KeptOn(root, data, manifest, nsd), progress) if keep else None
    garbage = find_garbage(root, {*STEP_VERSIONS, CURVE_KIND}, kept, older_than_days)
    if remove:
        remove_garbage(root, garbage)
    return garbage


def _opened(store: Path | None) -> Path:
    root = store or default_store()
    if not root.is_dir():
        advice = "give its folder with --store; a run makes it"
        raise UsageError("there is no store", [Finding("no such folder", str(root), advice=advice, code="no-store")])
    return root
