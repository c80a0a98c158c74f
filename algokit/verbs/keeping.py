"""What has to stay in a store, by what a user keeps: submissions, studies, plans, recipes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from algokit.errors import RecipeError, UsageError, WeightsError
from algokit.types import Finding, ProgressCallback
from algokit.verbs.preparing import plan
from algokit.verbs.study_running import study_plan

if TYPE_CHECKING:
    from algokit.recipe.plan import Plan
    from algokit.recipe.study_plan import StudyPlan

Artefact: TypeAlias = tuple[str, str]  # kind and key
_REFUSED = "nothing is removed"


@dataclass(frozen=True)
class KeptOn:
    """What a recipe's keys are of; the data are None where only plans are kept, and ``nsd`` is for studies."""

    store: Path
    data: Path | None = None
    manifest: Path | None = None
    nsd: Path | None = None


def kept_artefacts(keep: Iterable[Path], on: KeptOn, progress: ProgressCallback) -> set[Artefact]:
    """Kind and key of every artefact that something kept is made of.

    Parameters
    ----------
    keep : submission and study folders, plan.json files of either, recipes of either.

    Raises
    ------
    UsageError : a recipe without data.
    RecipeError, DataError, WeightsError : the keys of something cannot be known.
    """
    return {artefact for path in keep for artefact in _known(_needed(path, on, progress), path)}


def _known(needed: Sequence[tuple[str, str | None]], path: Path) -> Iterator[Artefact]:
    for kind, key in needed:
        if key is None:
            what = "its keys are not known: weights of it are not on this machine, or it was planned without data"
            advice = "keep its submission or study folder"
            raise WeightsError(_REFUSED, [Finding(what, str(path), advice=advice, code="no-keys")])
        yield kind, key


def _needed(path: Path, on: KeptOn, progress: ProgressCallback) -> list[tuple[str, str | None]]:
    """Kind and key of every artefact that has to stay for this path; a key that is not known is None."""
    from algokit.recipe.study_plan import CURVE_KIND, StudyPlan

    if path.is_dir() or path.suffix == ".json":
        made = _read_plan(path / "plan.json" if path.is_dir() else path)
    elif on.data is None:
        finding = Finding("the keys of a recipe are known with the data alone", str(path), advice="add --data DIR")
        raise UsageError(_REFUSED, [finding])
    else:
        made = _planned(path, on, progress)
    if isinstance(made, StudyPlan):  # of its plan, fits and ensembles are never made
        curves = [(CURVE_KIND, key) for curve in made.curves for key in curve.keys]
        return [*curves, *(("features", step.key) for step in made.features)]
    return [(step.kind, step.key) for step in made.staying]


def _planned(path: Path, on: KeptOn, progress: ProgressCallback) -> Plan | StudyPlan:
    from algokit.recipe.study_load import is_study

    if is_study(path):
        return study_plan(path, data=on.data, manifest=on.manifest, nsd=on.nsd, store=on.store, progress=progress)
    return plan(path, data=on.data, manifest=on.manifest, store=on.store, progress=progress)


def _read_plan(path: Path) -> Plan | StudyPlan:
    from pydantic import TypeAdapter, ValidationError

    from algokit.recipe.plan import Plan
    from algokit.recipe.study_plan import StudyPlan

    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    either: TypeAdapter[Plan | StudyPlan] = TypeAdapter(Plan | StudyPlan)
    try:
        return either.validate_json(content)
    except ValidationError as error:
        raise _unreadable(path, "not a plan of this algokit") from error


def _unreadable(path: Path, found: str) -> RecipeError:
    what = "this plan cannot be read, so its keys are not known"
    expected = "the plan.json that algokit run or algokit study run writes"
    advice = "keep the recipe instead, with --data"
    return RecipeError(_REFUSED, [Finding(what, str(path), "", expected, found, advice)])
