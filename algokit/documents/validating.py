"""A document as a pydantic model: every complaint becomes one clear finding at its place in the file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from algokit.documents.reading import Document, Position, Steps, path_text, short_text
from algokit.errors import InputError
from algokit.registry import did_you_mean
from algokit.types import Finding

Model = TypeVar("Model", bound=BaseModel)


def validated(document: Document, model: type[Model], error: type[InputError]) -> Model:
    """The document as a ``model``, checked strictly: a number is not text and text is not a number.

    Raises
    ------
    error : every problem of the document in one list, in the order of the file.
    """
    problems = list(document.findings)
    try:
        # As JSON, because there strict still lets a list be a tuple and text be a path.
        result = model.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as invalid:
        problems += [problem.explained(document, model) for problem in _sensible(document.data, invalid)]
    if problems:
        problems.sort(key=lambda problem: problem[0])
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise error(f"{document.name} has {count}", [finding for _, finding in problems])
    return result


@dataclass(frozen=True)
class _Problem:
    """Pydantic's complaint about the value at ``path``, in ``words``."""

    path: Steps
    detail: ErrorDetails
    words: str

    def explained(self, document: Document, model: type[BaseModel]) -> tuple[Position, Finding]:
        path, kind, value = self.path, self.detail["type"], self.detail["input"]
        context = self.detail.get("ctx", {})
        what, found, advice, code = self.words, _found(self.detail), "", "bad-value"
        if kind == "missing":
            what, found, code = "missing key", "", "missing-key"
        elif kind == "extra_forbidden":
            what, found, code = "unknown key", "", "unknown-key"
            advice = did_you_mean(str(path[-1]), _known_keys(model, document.data, path[:-1]))
        elif kind == "literal_error" and self.words == _words(self.detail):
            what, code = "unknown value", "unknown-value"
            advice = did_you_mean(str(value), _listed(context["expected"]))
        elif kind in ("union_tag_not_found", "union_tag_invalid"):
            key = context["discriminator"].strip("'")
            path = (*path, key)
            what, found, code = "missing key", "", "missing-key"
            if kind == "union_tag_invalid":
                what, found, code = f"unknown {key}", short_text(value[key]), "unknown-value"
                advice = did_you_mean(context["tag"], _listed(context["expected_tags"]))
        position, where = document.place(path)
        return position, Finding(what, where, path_text(path), found=found, advice=advice, code=code)


def _sensible(data: Any, invalid: ValidationError) -> list[_Problem]:
    """One problem per mistake: a value that fits no branch of a union is one mistake, not one per branch."""
    unions: dict[Steps, dict[str, list[_Problem]]] = {}
    for detail in invalid.errors(include_url=False):
        if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
            continue  # pydantic counts the valid items only; the others are told one by one
        problem, union, branch = _located(data, detail)
        unions.setdefault(union, {}).setdefault(branch, []).append(problem)
    return [problem for union, branches in unions.items() for problem in _of_best_branches(union, branches)]


def _located(data: Any, detail: ErrorDetails) -> tuple[_Problem, Steps, str]:
    """The problem at its path in the data, and the innermost (union, branch) that pydantic wrote into ``loc``."""
    steps = detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]
    path: Steps = ()
    union, branch = path, ""
    for step in steps:
        inside = dict(enumerate(data)) if isinstance(data, list) else data
        if isinstance(inside, dict) and step in inside:
            path, data = (*path, step), inside[step]
        else:
            union, branch = path, str(step)
    path = (*path, *detail["loc"][len(steps) :])
    return _Problem(path, detail, _words(detail)), union, branch


def _of_best_branches(union: Steps, branches: dict[str, list[_Problem]]) -> list[_Problem]:
    def fit(problems: list[_Problem]) -> int:  # 2: wrong further inside, 1: of the right type, 0: of another type
        if any(len(problem.path) > len(union) for problem in problems):
            return 2
        return int(not any(problem.detail["type"].endswith(("_type", "literal_error")) for problem in problems))

    best = max(fit(problems) for problems in branches.values())
    kept = [problem for problems in branches.values() if fit(problems) == best for problem in problems]
    if best or len(branches) == 1:
        return kept
    choices = dict.fromkeys(problem.words.removeprefix("should be ") for problem in kept)
    return [_Problem(union, kept[0].detail, "should be " + " or ".join(choices))]


def _words(detail: ErrorDetails) -> str:
    words = re.sub("^(Value error, |Input )|( after validation|, unable to parse).*", "", detail["msg"])
    for theirs, ours in (("a valid array", "a list"), ("an object", "a mapping"), ("Tuple should", "should")):
        words = words.replace(theirs, ours)
    return words[:1].lower() + words[1:]


def _found(detail: ErrorDetails) -> str:
    value = detail["input"]
    if detail["type"] == "value_error" and isinstance(value, dict | list):
        return ""  # a rule about the whole, which its words explain
    return "a mapping" if isinstance(value, dict) else short_text(value)


def _listed(text: str) -> list[str]:
    """``'a', 'b' or 'c'`` -> a, b, c."""
    return [word.strip(" '") for word in text.replace(" or ", ", ").split(", ")]


def _known_keys(model: type[BaseModel], data: Any, path: Steps) -> set[str]:
    """The keys the model knows at ``path``, read from its JSON schema."""
    root = model.model_json_schema()
    schemas = _objects(root, root, data)
    for step in path:
        data = data[step]
        schemas = [found for schema in schemas for found in _objects(root, _inside(schema, step), data)]
    return {key for schema in schemas for key in schema.get("properties", {})}


def _inside(schema: dict[str, Any], step: str | int) -> dict[str, Any]:
    if isinstance(step, int):
        return schema.get("items") or {}
    found = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
    return found if isinstance(found, dict) else {}


def _objects(root: dict[str, Any], schema: dict[str, Any], data: Any) -> list[dict[str, Any]]:
    """The plain schemas behind references and unions; a discriminator in the data picks its branch."""
    if "$ref" in schema:
        return _objects(root, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], data)
    options = schema.get("anyOf") or schema.get("oneOf") or []
    if "discriminator" in schema and isinstance(data, dict):
        choice = schema["discriminator"]
        reference = choice["mapping"].get(str(data.get(choice["propertyName"])))
        options = [{"$ref": reference}] if reference else []
    return [found for option in options for found in _objects(root, option, data)] if options else [schema]
