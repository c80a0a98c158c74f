"""Lazy look-up of family members: a kind (the word in the recipe) -> "module" or "module:attribute".

Rows are resolved on use, so listing a family imports none of its members. Plug-ins from outside
add rows through entry points of the group ``algokit.<family>``.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any

from algokit.errors import UsageError
from algokit.types import Finding


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Advice naming the nearest known words, or all of them where none is near and they are few."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "known: " + ", ".join(names) if 0 < len(names) <= 12 else ""


class Catalogue:
    """The members of one family.

    Parameters
    ----------
    family : singular name used in messages ("backbone").
    rows : kind -> "module:attribute".
    """

    def __init__(self, family: str, rows: Mapping[str, str]) -> None:
        self.family = family
        self._rows = dict(rows)

    def rows(self) -> dict[str, str]:
        """All rows, shipped ones first; an outside row may not replace a shipped one."""
        outside = {entry.name: entry.value for entry in entry_points(group=f"algokit.{self.family}")}
        return {**outside, **self._rows}

    def load(self, kind: str) -> Any:
        """Import and return the member behind ``kind``.

        Raises
        ------
        UsageError : no member has that name.
        """
        rows = self.rows()
        if kind not in rows:
            advice = did_you_mean(kind, rows)
            finding = Finding(f"unknown {self.family}", found=repr(kind), advice=advice, code="unknown-member")
            raise UsageError(f"no {self.family} named {kind!r}", [finding])
        module, _, attribute = rows[kind].partition(":")
        loaded = importlib.import_module(module)
        return getattr(loaded, attribute) if attribute else loaded
