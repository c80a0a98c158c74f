"""Which weights a recipe needs, and which of them are not on this machine. No network, and no weight is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from algokit.backbones import CATALOGUE as BACKBONES
from algokit.backbones.published import Published, published
from algokit.errors import AlgokitError, RecipeError, WeightsError
from algokit.recipe.schema import Member, Recipe
from algokit.types import Finding


@dataclass(frozen=True)
class NeededWeights:
    """Weights, and the members (by position in the recipe) that use them."""

    published: Published
    members: tuple[int, ...]


def needed_weights(recipe: Recipe) -> list[NeededWeights]:
    """The published weights of a recipe, each once, in its order; random ones and local files are not among them.

    Raises
    ------
    RecipeError : every network or tag that no library knows, with its place in the recipe.
    """
    members: dict[Published, list[int]] = {}
    findings: list[Finding] = []
    for index, member in enumerate(recipe.members):
        try:
            found = _published(member)
        except RecipeError as error:
            findings += [_at(index, finding) for finding in error.findings or (Finding(error.headline),)]
            continue
        if found is not None:
            members.setdefault(found, []).append(index)
    if findings:
        raise RecipeError("the recipe asks for weights that do not exist", findings)
    return [NeededWeights(found, tuple(positions)) for found, positions in members.items()]


def refuse_missing_weights(recipe: Recipe, fetch: str) -> None:
    """Before any work: every member whose weights are not on this machine, in one list.

    Parameters
    ----------
    fetch : the command that downloads them.

    Raises
    ------
    WeightsError : names them all.
    """
    findings = list(_missing(recipe, fetch))
    if findings:
        raise WeightsError("a run needs weights that are not on this machine, and never downloads", findings)


def _missing(recipe: Recipe, fetch: str) -> Iterator[Finding]:
    for index, member in enumerate(recipe.members):
        checkpoint = getattr(member.backbone, "checkpoint", None)
        path, option = f"members[{index}].backbone", f"--set members.{index}.backbone.checkpoint=FILE"
        if checkpoint is not None and not checkpoint.is_file():
            where, code = str(checkpoint), "weights-missing"
            yield Finding("no such weights file", where, f"{path}.checkpoint", advice=option, code=code)
        try:
            wanted = _published(member)
        except AlgokitError:
            continue  # the plan says what is wrong with it, with its line in the recipe
        if wanted is not None and wanted.found() is None:
            advice = f"{fetch}  (or {option})"
            what = f"weights of {wanted.kind} {wanted.name} are not on this machine"
            yield Finding(what, path=path, expected=wanted.source, advice=advice, code="weights-missing")


def _published(member: Member) -> Published | None:
    spec: Any = member.backbone
    if getattr(spec, "weights", None) is None:
        return None  # without asking for the card, which costs something where none is shipped
    return published(spec, BACKBONES.load(spec.kind).describe(spec))


def _at(index: int, finding: Finding) -> Finding:
    return replace(finding, path=".".join(part for part in (f"members[{index}].backbone", finding.path) if part))
