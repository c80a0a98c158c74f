"""Bring the weights a recipe needs to this machine, or say what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algokit.errors import RecipeError
from algokit.types import ProgressCallback, no_progress

if TYPE_CHECKING:
    from algokit.pipeline.weights.fetch import WeightsState
    from algokit.pipeline.weights.needed import NeededWeights
    from algokit.recipe.schema import Recipe


@dataclass(frozen=True)
class FetchReport:
    """The weights of a recipe, as they are on this machine now.

    Attributes
    ----------
    lock : the lock file; None where there is none.
    member_names : of the recipe, in its order.
    """

    recipe: Path
    lock: Path | None
    member_names: tuple[str, ...]
    weights: tuple[WeightsState, ...]

    def document(self) -> dict[str, Any]:
        """As plain JSON data."""
        rows = []
        for state in self.weights:
            wanted = state.needed.published
            rows.append(
                {
                    "members": [self.member_names[index] for index in state.needed.members],
                    "kind": wanted.kind,
                    "name": wanted.name,
                    "tag": wanted.tag,
                    "location": wanted.location,
                    "licence": wanted.licence,
                    "present": state.path is not None,
                    "fetched": state.is_new,
                    "locked": state.is_locked,
                    "path": str(state.path) if state.path else None,
                    "bytes": state.n_bytes,
                    "sha256": state.sha256 or None,
                    "n_parameters": wanted.n_parameters,
                }
            )
        return {"recipe": str(self.recipe), "lock": str(self.lock) if self.lock else None, "weights": rows}


def fetch(
    recipe: Path,
    *,
    overrides: Sequence[str] = (),
    lock: Path | None = None,
    only_list: bool = False,
    progress: ProgressCallback = no_progress,
) -> FetchReport:
    """Download what is missing or damaged, and write the digests of all into the lock file.

    Parameters
    ----------
    recipe : of a submission or of a study.
    lock : the lock file; ``weights.lock.json`` beside the recipe where None. What it says already has to hold.
    only_list : say what is here and what is missing, without network, and write nothing.

    Raises
    ------
    RecipeError : the recipe cannot be read, or names weights that nobody publishes.
    WeightsError : everything that could not be brought, in one list; what came stays, and the lock is as it was.
    """
    from algokit.pipeline.weights.fetch import fetch_weights, list_weights, lock_entries
    from algokit.pipeline.weights.lock import lock_path, read_lock, write_lock
    from algokit.recipe.study_load import load_members

    loaded = load_members(recipe, overrides)
    needed = _needed(loaded, recipe, overrides)
    place = lock_path(recipe, lock)
    locked = read_lock(place)
    if only_list:
        states = list_weights(needed, locked)
    else:
        states = fetch_weights(needed, locked, place, progress)
        entries = {**locked, **{(one.kind, one.name, one.tag): one for one in lock_entries(states)}}
        if entries != locked:
            write_lock(place, entries.values())
            states = tuple(replace(one, is_locked=True) for one in states)
    names = tuple(member.name for member in loaded.members)
    return FetchReport(recipe, place if place.exists() else None, names, states)


def _needed(recipe: Recipe, path: Path, overrides: Sequence[str]) -> list[NeededWeights]:
    from algokit.pipeline.weights.needed import needed_weights
    from algokit.recipe.load import placed

    try:
        return needed_weights(recipe)
    except RecipeError as error:
        raise placed(error, path, overrides) from error
