"""docs/recipe_reference.md, made from the schema: every key of a recipe, what it takes and what it means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from algokit.recipe.load import recipe_schema

_HEAD = """# Recipe reference

Every key of a recipe, made from the schema by `make docs`; a test holds it to the code. A key that is not here is
refused. `algokit schema` prints the same as JSON schema for editors.
"""
_LIMITS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
_WORDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false", "null": "null"}

Schema = dict[str, Any]


def recipe_reference() -> str:
    """The reference as Markdown: one section per mapping, outermost first."""
    schema = recipe_schema()
    sections = _sections(schema)
    return _HEAD + "".join(_section(title, part, sections) for title, part in sections.values())


def _sections(schema: Schema) -> dict[str, tuple[str, Schema]]:
    """Name of a definition -> its title (where it first stands in a recipe) and its schema, in reading order."""
    found = {"": ("the recipe", schema)}

    def walk(path: str, part: Schema) -> None:
        for key, value in part["properties"].items():
            for name, place in _references(value, f"{path}.{key}".lstrip(".")):
                if name not in found:
                    inner = schema["$defs"][name]
                    kind = inner["properties"].get("kind", {}).get("const")
                    found[name] = (f"{place}, kind: {kind}" if kind else place, inner)
                    walk(place, inner)

    walk("", schema)
    return found


def _references(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Definitions named below one value, each with its place (``members[].backbone``)."""
    if "$ref" in value:
        yield value["$ref"].rsplit("/", 1)[-1], place
    for choice in (*value.get("anyOf", ()), *value.get("oneOf", ())):
        yield from _references(choice, place)
    if "items" in value:
        yield from _references(value["items"], place + "[]")


def _section(title: str, part: Schema, sections: dict[str, tuple[str, Schema]]) -> str:
    description = part.get("description", "").replace("``", "`")
    text = f"\n## {title}\n\n{description}\n"
    keys = [(key, value) for key, value in part["properties"].items() if key != "kind" or "const" not in value]
    if not keys:
        return text
    rows = [
        f"| `{key}` | {_takes(value, sections)} | {_default(key, value, part)} | {_meaning(value)} |\n"
        for key, value in keys
    ]
    return text + "\n| key | takes | default | meaning |\n|---|---|---|---|\n" + "".join(rows)


def _default(key: str, value: Schema, part: Schema) -> str:
    if key in part.get("required", ()):
        return "required"
    return f"`{_cell(json.dumps(value.get('default', {})))}`"


def _meaning(value: Schema) -> str:
    return _cell(value.get("description", "")).replace("``", "`")


def _takes(value: Schema, sections: dict[str, tuple[str, Schema]]) -> str:
    """What may stand there, in words."""
    if "$ref" in value:
        title = sections[value["$ref"].rsplit("/", 1)[-1]][0]
        return f"[{title.rsplit('kind: ', 1)[-1].rsplit('.', 1)[-1]}](#{_anchor(title)})"
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return " or ".join(f"`{one}`" for one in value["enum"])
    choices = value.get("anyOf") or value.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(_takes(one, sections) for one in choices))
    if value["type"] == "array":
        inner = value.get("items") or value["prefixItems"][0]
        count = f"{value['minItems']} values, each " if value.get("minItems") == value.get("maxItems", -1) else ""
        return f"list of {count}{_takes(inner, sections)}"
    if value["type"] == "object":
        return f"mapping of names to {_takes(value['additionalProperties'], sections)}"
    limits = ", ".join(f"{sign} {value[name]}" for name, sign in _LIMITS.items() if name in value)
    pattern = f" matching `{_cell(value['pattern'])}`" if "pattern" in value else ""
    return f"{_WORDS[value['type']]} {limits}".rstrip() + pattern


def _anchor(title: str) -> str:
    """The anchor that Markdown renderers give a heading."""
    return "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
