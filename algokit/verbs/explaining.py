"""Why a step has to be made, or has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from algokit.errors import UsageError
from algokit.registry import did_you_mean
from algokit.types import Finding, ProgressCallback, no_progress
from algokit.verbs.preparing import default_store, plan

if TYPE_CHECKING:
    from algokit.pipeline.explaining import Explained
    from algokit.recipe.plan import Plan, Step


@dataclass(frozen=True)
class ExplainReport:
    """What there is in the store of some steps of a plan, and why it is not what the plan asks for."""

    plan: Plan
    store: Path
    steps: tuple[Explained, ...]


def explain(
    steps: str,
    recipe: Path,
    *,
    data: Path,
    manifest: Path | None = None,
    overrides: Sequence[str] = (),
    store: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> ExplainReport:
    """Say of steps of a recipe whether their artefacts are in the store, and if not, why. Nothing is changed.

    Parameters
    ----------
    steps : the id of a step, the start of ids (``features/gabor``), or a pattern of ids (``fit/*/subj01``).

    Raises
    ------
    UsageError : no step of the plan is meant.
    RecipeError, DataError : see `plan`.
    """
    from algokit.pipeline.explaining import explain_steps
    from algokit.pipeline.history import read_history
    from algokit.store import Store, entries

    root = store or default_store()
    made = plan(recipe, data=data, manifest=manifest, overrides=overrides, store=root, progress=progress)
    chosen = _chosen(steps, made)
    explained = explain_steps(made, chosen, entries(root), read_history(made, Store(root)))
    return ExplainReport(made, root, tuple(explained))


def is_meant(step_id: str, asked: str) -> bool:
    """Whether ``asked`` is this id, its start up to a slash, or a pattern of it."""
    return f"{step_id}/".startswith(asked.rstrip("/") + "/") or fnmatchcase(step_id, asked)


def _chosen(asked: str, plan: Plan) -> list[Step]:
    if chosen := [step for step in plan.steps if is_meant(step.id, asked)]:
        return chosen
    starts = {"/".join(parts[:n]) for step in plan.steps for parts in [step.id.split("/")] for n in range(1, 5)}
    finding = Finding(
        "no step of this recipe has such an id",
        expected="an id, the start of ids (features/gabor) or a pattern (fit/*/subj01)",
        found=asked,
        advice=did_you_mean(asked, starts) or "algokit plan RECIPE --data DIR --json has the id of every step",
        code="unknown-step",
    )
    raise UsageError("there is nothing to explain", [finding])
