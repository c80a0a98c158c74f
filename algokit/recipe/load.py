"""Reading recipes: the file, then ``--set path=value``; every problem in one list with its place."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from algokit.documents import AFTER_FILE, Document, Steps, parse_value, path_text, read_document, short_text, validated
from algokit.errors import RecipeError
from algokit.recipe.schema import Recipe
from algokit.registry import did_you_mean
from algokit.store import digest_of
from algokit.types import Finding


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Relative checkpoint paths are taken from the recipe's folder, or from the current one where ``--set`` gives them.

    Parameters
    ----------
    path : the YAML file.
    overrides : ``members.0.backbone.checkpoint=FILE``: dotted path, list indices from 0, value in YAML; in order.

    Raises
    ------
    RecipeError : every problem of the file and of the overrides, in one list.
    """
    document = recipe_document(path, overrides, shipped_recipes())
    if "study" in document.data:
        finding = Finding(
            "this is the recipe of a study, which runs otherwise",
            document.place(("study",))[1],
            "study",
            advice=f"algokit study run {path}",
            code="a-study",
        )
        raise RecipeError(f"{path} is not a recipe of a submission", [finding])
    return validated(document, Recipe, RecipeError)


def placed(error: RecipeError, path: Path, overrides: Sequence[str] = ()) -> RecipeError:
    """``error`` with the place in the recipe file (or the ``--set``) added to every finding that has a path."""
    return placed_in(error, recipe_document(path, overrides, shipped_recipes()))


def placed_in(error: RecipeError, document: Document) -> RecipeError:
    """`placed` for a recipe that was read from ``document``."""
    located = [(*document.place(_steps(finding.path)), finding) for finding in error.findings]
    located.sort(key=lambda entry: entry[0])
    findings = [replace(finding, where=where) if finding.path else finding for _, where, finding in located]
    return RecipeError(error.headline, findings)


def with_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """A recipe's document with every ``path=value`` applied; what cannot be applied is among its findings.

    Relative checkpoint paths are taken from the current folder.
    """
    document = replace(document, data=copy.deepcopy(document.data))
    for override in overrides:
        document = _overridden(document, override)
    _root_checkpoints(document.data, Path.cwd())
    return document


def recipe_schema() -> dict[str, Any]:
    """The JSON schema of a recipe (draft 2020-12), for editors."""
    schema = Recipe.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "algokit recipe"}


def recipe_digest(recipe: Recipe) -> str:
    """sha256 of what the recipe says; where its checkpoints lie is left out."""
    document = recipe.model_dump(mode="json")
    for member in document["members"]:
        member["backbone"].pop("checkpoint", None)
    return digest_of(document)


def shipped_recipes() -> dict[str, Path]:
    """Name -> file of the recipes that come with algokit, from the repository's root or the installed package."""
    return {path.stem: path for path in sorted(recipes_folder().glob("*.yaml"))}


def recipes_folder() -> Path:
    """Where the recipes lie that come with algokit."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "shipped" / "recipes"
    return installed if installed.is_dir() else package.parent / "recipes"


def recipe_document(path: Path, overrides: Sequence[str], shipped: Mapping[str, Path]) -> Document:
    """A recipe file as plain data, with what ``--set`` says; ``shipped`` are those to suggest where it is not there.

    Raises
    ------
    RecipeError : it cannot be read.
    """
    if not path.exists():
        near = did_you_mean(path.stem, shipped)
        advice = f"{near} shipped recipes are in {next(iter(shipped.values())).parent}" if near else ""
        raise RecipeError(f"cannot read {path}", [Finding("no such file", str(path), advice=advice, code="unreadable")])
    document = read_document(path, RecipeError)
    _root_checkpoints(document.data, path.parent.absolute())
    return with_overrides(document, overrides)


def _root_checkpoints(data: dict[str, Any], folder: Path) -> None:
    """Make relative checkpoint paths absolute, in place."""
    members = data.get("members")
    for member in members if isinstance(members, list) else ():
        backbone = member.get("backbone") if isinstance(member, dict) else None
        if isinstance(backbone, dict) and isinstance(backbone.get("checkpoint"), str):
            backbone["checkpoint"] = str(folder / backbone["checkpoint"])


def _overridden(document: Document, override: str) -> Document:
    """The document with one ``path=value`` applied, or with the finding that says why it cannot be."""
    path, equals, text = override.partition("=")
    where = f"--set {path}"
    try:
        if not (path and equals):
            advice = "write --set members.0.backbone.checkpoint=FILE"
            raise RecipeError(where, [Finding("not of the form path=value", found=override, advice=advice)])
        changed = _put(document.data, _steps(path), parse_value(where, text, RecipeError))
    except RecipeError as error:
        findings = [(AFTER_FILE, replace(finding, where=where, code="override")) for finding in error.findings]
        return replace(document, findings=(*document.findings, *findings))
    positions = {steps: position for steps, position in document.positions.items() if not _below(steps, changed)}
    origins = {steps: origin for steps, origin in document.origins.items() if not _below(steps, changed)}
    return replace(document, positions=positions, origins={**origins, changed: where})


def _put(data: Any, steps: Steps, value: Any) -> Steps:
    """Put ``value`` into ``data``, making mappings that are missing on the way; the path of the topmost change."""
    changed: Steps = ()
    path: Steps = ()
    for depth, step in enumerate(steps):
        step = _step_into(data, path, step)
        path = (*path, step)
        is_last = depth == len(steps) - 1
        if is_last or (isinstance(data, dict) and data.get(step) is None):
            data[step] = value if is_last else {}
            changed = changed or path
        data = data[step]
    return changed


def _step_into(data: Any, path: Steps, step: str | int) -> str | int:
    if isinstance(data, dict):
        return str(step)
    if isinstance(data, list) and step in range(len(data)):
        return step
    what = f"leads to nothing: {path_text(path)} is a list" if isinstance(data, list) else "leads to nothing"
    expected = f"an index from 0 to {len(data) - 1}" if data and isinstance(data, list) else ""
    found = str(step) if isinstance(data, list) else f"{path_text(path)}: {short_text(data)}"
    raise RecipeError("--set", [Finding(what, expected=expected, found=found)])


def _steps(path: str) -> Steps:
    """``members.0.name`` or ``members[0].name``; a number is an index."""
    words = path.replace("[", ".").replace("]", "").split(".")
    return tuple(int(word) if re.fullmatch("[0-9]{1,9}", word) else word for word in words)


def _below(steps: Steps, top: Steps) -> bool:
    return steps[: len(top)] == top
