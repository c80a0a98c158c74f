"""``fits/`` of a submission: what every member chose for every vertex, written and read back."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from algokit.errors import UsageError
from algokit.readouts import RidgeSpec
from algokit.recipe.plan import Plan
from algokit.recipe.schema import Recipe
from algokit.reporting.finished import Finished
from algokit.reporting.json_files import read_json, write_json
from algokit.types import HEMISPHERES, Finding, FitRecord

Thing: TypeAlias = Literal["layer", "pooling", "penalty"]
CHOICES = ("space_index", "alpha", "cv_score")  # in the order of FitRecord


@dataclass(frozen=True)
class MemberChoices:
    """What one member chose.

    Attributes
    ----------
    spaces : name, layer and pooling of its feature spaces, in the order that the records count them.
    records : per subject and hemisphere.
    chosen : what there was to choose from; empty where the readout chooses nothing, and its records are all 0 then, or
        uses all spaces jointly, and its records name the one that weighs most.
    """

    member: str
    spaces: tuple[Mapping[str, Any], ...]
    records: tuple[FitRecord, ...]
    chosen: frozenset[Thing] = frozenset()


def write_choices(folder: Path, finished: Finished) -> None:
    """``fits/<member>/spaces.json`` and, per subject, what every vertex chose."""
    for member in finished.plan.members:
        place = folder / "fits" / member.name
        place.mkdir(parents=True)
        spaces = [{"name": one.name, "layer": one.layer.name, "pooling": one.pooling} for one in member.spaces]
        write_json(place / "spaces.json", spaces)
        for step in [one for one in finished.plan.of_kind("fit") if one.member == member.name]:
            artefact = finished.store.open("fit", str(step.key))
            (place / step.subject).mkdir()
            for hemisphere in HEMISPHERES:
                for name in CHOICES:
                    file = f"{hemisphere}_{name}.npy"
                    shutil.copyfile(artefact.path / file, place / step.subject / file)


def read_choices(submission: Path) -> list[MemberChoices]:
    """What every member chose, read back from a folder that a run wrote.

    Raises
    ------
    UsageError : there are no choices in it, or they are damaged.
    """
    try:
        members = [_read_member(spaces) for spaces in sorted((submission / "fits").glob("*/spaces.json"))]
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        finding = Finding("its choices cannot be read", str(submission), found=str(error), code="bad-choices")
        raise UsageError(f"{submission} is damaged", [finding]) from error
    if not any(member.records for member in members):
        finding = Finding(
            "no folder fits/", str(submission), advice="give a folder that algokit run wrote", code="no-choices"
        )
        raise UsageError("nothing was chosen here", [finding])
    return members


def members_of(plan: Plan, found: Iterable[MemberChoices]) -> list[MemberChoices]:
    """The members in the order of the recipe, with what each had to choose from; a folder of no member is left out."""
    by_name = {one.member: one for one in found}
    specs = {one.name: one for one in Recipe.model_validate(plan.recipe).members}
    members = []
    for planned in plan.members:
        if one := by_name.get(planned.name):
            readout = specs[planned.name].readout
            chosen = frozenset(_things(one, readout)) if isinstance(readout, RidgeSpec) else frozenset()
            members.append(replace(one, chosen=chosen))
    return members


def _things(member: MemberChoices, readout: RidgeSpec) -> Iterator[Thing]:
    """Whatever has more than one candidate; other readouts use every feature."""
    if len({space["layer"] for space in member.spaces}) > 1:
        yield "layer"
    if len({str(space["pooling"]) for space in member.spaces}) > 1:
        yield "pooling"
    if len(readout.alpha_values()) > 1:
        yield "penalty"


def _read_member(spaces_file: Path) -> MemberChoices:
    spaces = [dict(space) for space in read_json(spaces_file)]
    for space in spaces:
        space["name"], space["layer"], dict(space["pooling"])  # what every reader needs
    folder = spaces_file.parent
    return MemberChoices(folder.name, tuple(spaces), tuple(_records(folder, tuple(space["name"] for space in spaces))))


def _records(folder: Path, names: tuple[str, ...]) -> Iterator[FitRecord]:
    for subject in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        for hemisphere in HEMISPHERES:
            files = (folder / subject / f"{hemisphere}_{name}.npy" for name in CHOICES)
            space_index, alpha, cv_score = (np.load(file, allow_pickle=False) for file in files)
            if not space_index.shape == alpha.shape == cv_score.shape == (space_index.size,):
                raise ValueError(f"the choices of {subject} {hemisphere} differ in shape")
            if space_index.size and not 0 <= space_index.min() <= space_index.max() < len(names):
                raise ValueError(f"{subject} {hemisphere} chose a feature space that {folder.name} does not have")
            yield FitRecord(folder.name, subject, hemisphere, names, space_index, alpha, cv_score)
