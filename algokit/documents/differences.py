"""What two trees of plain data disagree on, path by path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from algokit.documents.reading import Steps, path_text, short_text


class _Absent:
    """Stands where one of the two has nothing: not even null."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


@dataclass(frozen=True)
class Change:
    """One place where two documents differ; `ABSENT` on the side that has no such place."""

    path: Steps
    old: Any
    new: Any

    def __str__(self) -> str:
        """``preprocess.resize_px 224 -> 336``; of a digest only that it changed."""
        place = path_text(self.path)
        if any(_is_digest(value) for value in (self.old, self.new)):
            return f"{place} changed"
        return f"{place} {value_text(self.old)} -> {value_text(self.new)}"


def changes(old: Any, new: Any, path: Steps = ()) -> list[Change]:
    """Every difference, as deep in the tree as both have the same shape.

    Mappings are compared key by key and lists of mappings item by item; where such lists differ in length, items are
    matched by their ``name``. Any other list is one value.
    """
    if same(old, new):
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = sorted(old.keys() | new.keys())
        return [
            change for name in names for change in changes(old.get(name, ABSENT), new.get(name, ABSENT), (*path, name))
        ]
    pairs = _pairs(old, new) if isinstance(old, list) and isinstance(new, list) else None
    if pairs is None:
        return [Change(path, old, new)]
    return [change for index, one, other in pairs for change in changes(one, other, (*path, index))]


def same(old: Any, new: Any) -> bool:
    """Whether two values would be written alike, so that neither ``true`` nor ``1.0`` passes for ``1``."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(same(old[name], new[name]) for name in old)
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) == len(new) and all(map(same, old, new))
    return type(old) is type(new) and bool(old == new)


def value_text(value: Any) -> str:
    """A value in short; ``absent`` where there is none."""
    return repr(value) if value is ABSENT else short_text(value)


def _pairs(old: list[Any], new: list[Any]) -> list[tuple[int, Any, Any]] | None:
    """(index, old item, new item) of two lists of mappings; None where the lists are best told as a whole."""
    if not all(isinstance(item, Mapping) for item in [*old, *new]):
        return None
    if len(old) == len(new):
        return [(index, one, other) for index, (one, other) in enumerate(zip(old, new, strict=True))]
    before, after = _by_name(old), _by_name(new)
    if before is None or after is None:
        return None
    gone = [(index, item, ABSENT) for name, (index, item) in before.items() if name not in after]
    return gone + [(index, before.get(name, (0, ABSENT))[1], item) for name, (index, item) in after.items()]


def _by_name(items: list[Any]) -> dict[str, tuple[int, Any]] | None:
    """Name -> (index, item); None unless every item has a name of its own."""
    named = {item["name"]: (index, item) for index, item in enumerate(items) if isinstance(item.get("name"), str)}
    return named if len(named) == len(items) else None


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None
