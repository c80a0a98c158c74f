"""YAML text -> plain data with the place of every value.

What is read is the JSON-like part of YAML 1.2: mappings with text keys, lists, and scalars of the core schema
(``1e15`` is a float; ``no`` and ``on`` are text). Aliases work; tags and merge keys are refused.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from algokit.errors import InputError
from algokit.types import Finding

Steps: TypeAlias = tuple[str | int, ...]
Position: TypeAlias = tuple[int, int]

START: Position = (1, 1)
AFTER_FILE: Position = (sys.maxsize, 0)
MOST_BYTES = 1_000_000
MOST_VALUES = 100_000
MOST_LEVELS = 50


@dataclass(frozen=True)
class Document:
    """A document as plain data, with the place of every value.

    Attributes
    ----------
    name : path of the file as it was given.
    data : dict with str keys, list, str, int, float, bool, None.
    positions : path -> 1-based (line, column) of the key, or of the item in a list; ``()`` is the start.
    origins : path -> place of values that did not come from the file (``--set a.b``).
    findings : problems that do not stop reading (duplicate keys, tags); `validated` reports them with its own.
    """

    name: str
    data: Any
    positions: Mapping[Steps, Position]
    origins: Mapping[Steps, str] = field(default_factory=dict)
    findings: tuple[tuple[Position, Finding], ...] = ()

    def place(self, path: Steps) -> tuple[Position, str]:
        """Sortable position and ``file:line:col`` of the value at ``path``, or of the nearest one around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return AFTER_FILE, self.origins[path[:length]]
            if path[:length] in self.positions:
                return self.positions[path[:length]], place_text(self.name, self.positions[path[:length]])
        return START, place_text(self.name, self.positions.get((), START))

    def part(self, path: Steps) -> Document:
        """The value at ``path`` as a document of its own, whose problems keep their place in the file."""
        data = self.data
        for step in path:
            data = data[step]
        depth = len(path)
        inside = {one[depth:]: position for one, position in self.positions.items() if one[:depth] == path}
        return Document(self.name, data, inside)


def read_document(path: Path, error: type[InputError]) -> Document:
    """Read a YAML file that holds one mapping.

    Raises
    ------
    error : the file is missing, unreadable, not UTF-8, not YAML, empty or not a mapping.
    """
    document = _parsed(str(path), read_text(path, error))
    return as_mapping(document, error)


def read_text(path: Path, error: type[InputError], most_bytes: int = MOST_BYTES) -> str:
    """The text of a file.

    Raises
    ------
    error : the file is missing, unreadable, too large or not UTF-8.
    """
    headline = f"cannot read {path}"
    try:
        with path.open("rb") as file:
            raw = file.read(most_bytes + 1)
    except OSError as problem:
        what = (problem.strerror or str(problem)).lower()
        raise error(headline, [Finding(what, str(path), code="unreadable")]) from problem
    if len(raw) > most_bytes:
        raise error(headline, [Finding(f"larger than {most_bytes} bytes", str(path), code="unreadable")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        where = place_text(str(path), position_after(raw[: problem.start].decode("latin-1")))
        finding = Finding("not UTF-8 text", where, advice="save the file as UTF-8", code="unreadable")
        raise error(headline, [finding]) from problem


def as_mapping(document: Document, error: type[InputError]) -> Document:
    """The document itself where it holds one mapping.

    Raises
    ------
    error : it does not, or could not be read to its end.
    """
    if isinstance(document.data, dict):
        return document
    headline = f"cannot read {document.name}"
    if document.findings:
        raise error(headline, [finding for _, finding in document.findings])
    what = "the document is empty" if document.data is None else "the document is not a mapping of keys to values"
    raise error(headline, [Finding(what, document.place(())[1], code="syntax")])


def parse_value(name: str, text: str, error: type[InputError]) -> Any:
    """The YAML scalar, list or mapping in ``text`` (``[{kind: flatten}]``); ``name`` says where it comes from.

    Raises
    ------
    error : the text is not YAML.
    """
    document = _parsed(name, text)
    if document.findings:
        raise error(f"cannot read {name}", [finding for _, finding in document.findings])
    return document.data


def path_text(path: Steps) -> str:
    """``members[0].readout.alphas``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def place_text(name: str, position: Position) -> str:
    """``file:line:col``."""
    return f"{name}:{position[0]}:{position[1]}"


def position_after(before: str) -> Position:
    """Line and column of what follows this text."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def short_text(value: Any) -> str:
    """A value as it might stand in the file, safe to print and cut to a readable length."""
    text = json.dumps(value, ensure_ascii=False)
    text = text if text.isprintable() else json.dumps(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _parsed(name: str, text: str) -> Document:
    reader = _Reader(name, YAML(typ="safe", pure=True).parse(text))
    data = None
    try:
        data = reader.document()
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        what = str(problem.problem or problem.context)
        advice = "indent with spaces, not tabs" if r"'\t'" in what else ""
        reader.report((mark.line + 1, mark.column + 1) if mark else START, what, advice)
    except ReaderError as problem:
        what = f"character #x{problem.character:04x} is not allowed"
        reader.report(position_after(text[: problem.position]), what)
    except OverflowError:
        reader.report(START, "an escape in a quoted text stands for no character")
    except _UnreadableError as problem:
        reader.report(*problem.args)
    return Document(name, data, reader.positions, findings=tuple(reader.findings))


class _UnreadableError(Exception):
    """Reading cannot go on: (position, what)."""


class _Reader:
    """Builds data and positions from parser events; collects the problems that do not stop it."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self.positions: dict[Steps, Position] = {}
        self.findings: list[tuple[Position, Finding]] = []
        self._name = name
        self._events = events
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._n_values = 0

    def report(self, position: Position, what: str, advice: str = "", path: Steps = (), code: str = "syntax") -> None:
        finding = Finding(what, place_text(self._name, position), path_text(path), advice=advice, code=code)
        self.findings.append((position, finding))

    def document(self) -> Any:
        """The data of the only document in the stream; None where there is none."""
        next(self._events)  # start of the stream
        if isinstance(next(self._events), StreamEndEvent):
            return None
        event = next(self._events)
        self.positions[()] = _start(event)
        data = self._value(event, ())
        next(self._events)  # end of the document
        if isinstance(event := next(self._events), DocumentStartEvent):
            self.report(_start(event), "a second document starts here", "keep one document per file")
        return data

    def _value(self, event: Any, path: Steps) -> Any:
        before = self._n_values
        self._count(event, 1, path)
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        if event.tag is not None:
            self.report(_start(event), "tags are not used here", f"remove {event.tag}", path)
        built: Any
        if isinstance(event, MappingStartEvent):
            built = self._mapping(path)
        elif isinstance(event, SequenceStartEvent):
            built = self._sequence(path)
        else:
            text = _text(event)
            built = text if event.style else _plain(text)
        if event.anchor:
            self._anchors[event.anchor] = built, self._n_values - before
        return built

    def _mapping(self, path: Steps) -> dict[str, Any]:
        built: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            position, key = _start(event), self._key(event, path)
            here = (*path, key)
            if key in built:
                what = f"duplicate key, first on line {self.positions[here][0]}"
                self.report(position, what, "keep one of them", here, "duplicate-key")
                self._value(next(self._events), (*here, "duplicate"))  # read for its own problems, then dropped
                continue
            self.positions[here] = position
            built[key] = self._value(next(self._events), here)
        return built

    def _key(self, event: Event, path: Steps) -> str:
        if not isinstance(event, ScalarEvent):
            self.report(_start(event), "a key must be plain text", path=path)
            return short_text(self._value(event, path))
        key = _text(event)
        if key == "<<" and not event.style:
            advice = "write the keys out, or alias a whole value (key: *name)"
            self.report(_start(event), "merge keys are not supported", advice, path)
        return key

    def _sequence(self, path: Steps) -> list[Any]:
        built: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            here = (*path, len(built))
            self.positions[here] = _start(event)
            built.append(self._value(event, here))
        return built

    def _alias(self, event: AliasEvent, path: Steps) -> Any:
        if event.anchor not in self._anchors:
            raise _UnreadableError(_start(event), f"no finished value above is named &{event.anchor}")
        built, n_values = self._anchors[event.anchor]
        self._count(event, n_values, path)
        return copy.deepcopy(built)  # a tree, so that changing one place changes one place

    def _count(self, event: Event, n_values: int, path: Steps) -> None:
        self._n_values += n_values
        if self._n_values > MOST_VALUES:  # aliases written out, so that a few lines cannot stand for billions
            raise _UnreadableError(_start(event), f"more than {MOST_VALUES} values")
        if len(path) > MOST_LEVELS:
            raise _UnreadableError(_start(event), f"nested more than {MOST_LEVELS} levels deep")


def _start(event: Event) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _text(event: ScalarEvent) -> str:
    text = str(event.value)
    if re.search("[\ud800-\udfff]", text):
        raise _UnreadableError(_start(event), "half of a surrogate pair is not a character")
    return text


def _plain(text: str) -> Any:
    """A plain scalar under the core schema (YAML 1.2.2, section 10.3.2)."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]{1,100}", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}", text):
        return int(text, 0)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text):
        return float(text.replace(".", ""))
    return text
