"""``weights.lock.json``: which bytes the weights of recipes are, to be kept beside them and checked in.

One file serves all recipes of a folder: an entry says of one tag of one model where it comes from and its sha256. It
holds no place of a machine. `algokit fetch` adds to it, a plan and a run are held to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from algokit.atomic import write_text_atomically
from algokit.backbones.published import Published
from algokit.documents import read_json_document, validated
from algokit.errors import UsageError, WeightsError
from algokit.frozen import Frozen
from algokit.pipeline.weights.needed import needed_weights
from algokit.recipe.plan import Plan
from algokit.recipe.schema import Recipe
from algokit.types import Finding

LOCK_NAME = "weights.lock.json"
SCHEMA = "algokit-weights-lock/1"

Name: TypeAlias = tuple[str, str, str]


class LockedWeights(Frozen):
    """The bytes of one tag of one model."""

    kind: str
    name: str
    tag: str
    location: str = Field(description="URL, or owner/repository of the hub")
    file: str = Field(description="File name at the publisher's")
    bytes: int = Field(ge=0)
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class WeightsLock(Frozen):
    """The whole file."""

    schema_name: Literal["algokit-weights-lock/1"] = Field(alias="schema")
    weights: tuple[LockedWeights, ...]


def lock_path(recipe: Path, given: Path | None) -> Path:
    """Where the lock of a recipe is: as given, else ``weights.lock.json`` in the recipe's folder."""
    return given if given is not None else recipe.parent / LOCK_NAME


def read_lock(path: Path, *, is_given: bool = False) -> dict[Name, LockedWeights]:
    """The entries by kind, name and tag; none where there is no file, unless it was ``is_given``.

    Raises
    ------
    UsageError : it is not such a file; or it was given and is not there.
    """
    if not path.exists() and not is_given:
        return {}
    lock = validated(read_json_document(path, UsageError), WeightsLock, UsageError)
    return {(one.kind, one.name, one.tag): one for one in lock.weights}


def write_lock(path: Path, entries: Iterable[LockedWeights]) -> None:
    """Replace the file as a whole, entries in order of their names: the same weights give the same bytes.

    Raises
    ------
    DiskError : it cannot be written.
    """
    ordered = sorted(entries, key=lambda one: (one.kind, one.name, one.tag))
    document = {"schema": SCHEMA, "weights": [one.model_dump(mode="json") for one in ordered]}
    write_text_atomically(path, json.dumps(document, indent=1) + "\n")


def name_of(published: Published) -> Name:
    """The name an entry goes by."""
    return published.kind, published.name, published.tag


def other_digest(published: Published, locked: LockedWeights, sha256: str, path: Path) -> Finding:
    """The finding for weights that are not those of the lock."""
    return Finding(
        f"the weights of {published.kind} {published.name} ({published.tag}) are not those of the lock",
        where=str(path),
        expected=f"sha256 {locked.sha256}",
        found=f"sha256 {sha256}",
        advice="if the new ones are meant, take the entry out of the lock and run algokit fetch; else get the old file",
        code="weights-lock",
    )


def refuse_unlocked(recipe: Recipe, plan: Plan, lock: Mapping[Name, LockedWeights], path: Path) -> None:
    """Hold the weights of a plan to the lock; what the lock does not name is not held to anything.

    Raises
    ------
    WeightsError : every digest that differs.
    """
    if not lock:
        return
    findings = []
    for needed in needed_weights(recipe):
        locked = lock.get(name_of(needed.published))
        weights = plan.members[needed.members[0]].weights
        if locked and weights and weights["sha256"] != locked.sha256:
            findings.append(other_digest(needed.published, locked, str(weights["sha256"]), path))
    if findings:
        raise WeightsError("these are not the weights that were locked", findings)
