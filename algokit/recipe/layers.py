"""Layers as a recipe addresses them -> layers of the backbone's card.

An address is an exact name; a pattern of names, in which ``*`` is any text between two dots, ``?`` one character of it
and ``[start:stop:step]`` a number; a relative depth; or ``all``. Addresses are resolved in the order of the recipe and
each in the order of the card, from input to output. A layer that several address is taken once, where it comes first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from algokit.backbones import BackboneCard, LayerInfo
from algokit.frozen import Frozen
from algokit.recipe.schema import Depths, Member
from algokit.registry import did_you_mean
from algokit.types import Finding

_PART = re.compile(r"\[(?P<range>[^\[\]]*)\]|(?P<any>\*+)|(?P<one>\?)|(?P<text>[^*?\[\]]+)")
_NUMBER = r"\s*(-?[0-9]{1,9})?\s*"
_RANGE = re.compile(rf"{_NUMBER}(:{_NUMBER}(?::{_NUMBER})?)?")


class ResolvedAddress(Frozen):
    """What an address stood for in a card; kept in the plan for addresses that are no layer's name."""

    address: str
    layers: tuple[str, ...]


@dataclass(frozen=True)
class _Asked:
    """One address: its text, or the depth it states, and its path in the recipe."""

    path: str
    address: str | float

    @property
    def text(self) -> str:
        """As the plan shows it."""
        return self.address if isinstance(self.address, str) else f"depth {self.address:g}"


def resolve_layers(
    member: Member, card: BackboneCard, place: str, findings: list[Finding]
) -> tuple[list[LayerInfo], tuple[ResolvedAddress, ...]]:
    """The layers a member takes, in the order of its feature spaces, and what its addresses stood for.

    Every address that stands for nothing adds a finding. Those that are malformed add none: see `malformed_addresses`.
    """
    chosen: dict[str, LayerInfo] = {}
    resolved = []
    for asked in _asked(member, place):
        if _malformed(asked) is not None:
            continue
        layers = _found(asked.address, card)
        if not layers:
            findings.append(_nothing(asked, card))
        elif asked.address not in ("all", layers[0].name):
            resolved.append(ResolvedAddress(address=asked.text, layers=tuple(layer.name for layer in layers)))
        chosen |= {layer.name: layer for layer in layers if layer.name not in chosen}
    return list(chosen.values()), tuple(resolved)


def malformed_addresses(member: Member, place: str) -> Iterator[Finding]:
    """Ranges that cannot be read and depths outside (0, 1]: wrong whatever the backbone."""
    for asked in _asked(member, place):
        if finding := _malformed(asked):
            yield finding


def _asked(member: Member, place: str) -> Iterator[_Asked]:
    if isinstance(member.layers, str | Depths):
        yield from _each(member.layers, f"{place}.layers")
        return
    for position, one in enumerate(member.layers):
        yield from _each(one, f"{place}.layers[{position}]")


def _each(one: str | Depths, path: str) -> Iterator[_Asked]:
    if isinstance(one, str):
        yield _Asked(path, one)
    elif isinstance(one.depth, float):
        yield _Asked(f"{path}.depth", one.depth)
    else:
        yield from (_Asked(f"{path}.depth[{index}]", depth) for index, depth in enumerate(one.depth))


def _malformed(asked: _Asked) -> Finding | None:
    if isinstance(asked.address, float):
        if 0 < asked.address <= 1:
            return None
        advice = "0.5 is the layer half-way, 1.0 the last one"
        what, expected, found = "no such depth", "a share of the layers, above 0 and at most 1", f"{asked.address:g}"
        return Finding(what, path=asked.path, expected=expected, found=found, advice=advice, code="bad-depth")
    if not any(mark in asked.address for mark in "[]") or _parts(asked.address) is not None:
        return None
    return Finding(
        "this range of layers cannot be read",
        path=asked.path,
        expected="[start:stop:step], whole numbers that may be left out, the step not 0",
        found=asked.address,
        advice="blocks.[8:24:4] is blocks.8, 12, 16 and 20; blocks.[-4:] the last four",
        code="bad-range",
    )


def _found(address: str | float, card: BackboneCard) -> Sequence[LayerInfo]:
    """The layers of the card that a well-formed address stands for, in the card's order; none, one or many."""
    if isinstance(address, float):
        # As the recipe writes it: 0.7 of ten layers is seven, and in binary floating point a little more.
        return [card.layers[math.ceil(Fraction(repr(address)) * len(card.layers)) - 1]]
    exact = [layer for layer in card.layers if layer.name == address]
    if exact or address == "all":
        return exact or card.layers
    return _matching(address, card) if any(mark in address for mark in "*?[") else []


def _matching(pattern: str, card: BackboneCard) -> list[LayerInfo]:
    """Ranges are slices of the numbers from 0 to the last one of their siblings: names alike up to there."""
    parts = _parts(pattern) or []
    expression = re.compile("".join("([0-9]+)" if isinstance(part, slice) else part for part in parts))
    matches = [match for layer in card.layers if (match := expression.fullmatch(layer.name))]
    for group, chosen in enumerate((part for part in parts if isinstance(part, slice)), start=1):
        last: dict[str, int] = {}
        for match in matches:
            before = match.string[: match.start(group)]
            last[before] = max(last.get(before, 0), int(match[group]))
        taken = {before: range(number + 1)[chosen] for before, number in last.items()}
        matches = [match for match in matches if int(match[group]) in taken[match.string[: match.start(group)]]]
    names = {match.string for match in matches}
    return [layer for layer in card.layers if layer.name in names]


def _parts(pattern: str) -> list[str | slice] | None:
    """The pattern as regular expressions, and slices where ranges stand; None where a range cannot be read."""
    tokens = list(_PART.finditer(pattern))
    if "".join(token[0] for token in tokens) != pattern:  # a bracket without its other half
        return None
    parts: list[str | slice] = []
    for token in tokens:
        if token["range"] is None:
            parts.append("[^.]*" if token["any"] else "[^.]" if token["one"] else re.escape(token["text"]))
        elif chosen := _slice(token["range"]):
            parts.append(chosen)
        else:
            return None
    return parts


def _slice(text: str) -> slice | None:
    read = _RANGE.fullmatch(text)
    if read is None:
        return None
    start, colon, stop, step = (read[1], read[2], read[3], read[4])
    if colon is None:
        index = int(start) if start else None
        return None if index is None else slice(index, index + 1 or None)
    bounds = [int(number) if number else None for number in (start, stop, step)]
    return None if bounds[2] == 0 else slice(*bounds)


def _nothing(asked: _Asked, card: BackboneCard) -> Finding:
    names = [layer.name for layer in card.layers]
    is_pattern = any(mark in asked.text for mark in "*?[")
    what = f"{card.name} has no layer that matches" if is_pattern else f"{card.name} has no such layer"
    advice = did_you_mean(asked.text, names) or f"algokit list {card.name} shows its {len(names)} layers"
    return Finding(
        what,
        path=asked.path,
        expected=f"one of {names[0]} .. {names[-1]} ({len(names)} layers)" if is_pattern else "",
        found=asked.text,
        advice=advice,
        code="unknown-layer",
    )
