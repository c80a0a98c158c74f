"""JSON text -> plain data with the place of every value; made for files that came from elsewhere."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from pathlib import Path
from typing import Any, NoReturn

from algokit.documents.reading import Document, Position, Steps, as_mapping, place_text, read_text
from algokit.errors import InputError
from algokit.types import Finding

MOST_BYTES = 16_000_000
MOST_VALUES = 200_000
MOST_LEVELS = 50
MOST_DIGITS = 100
MOST_KEY_CHARACTERS = 500

_SPACE = re.compile(r"[ \t\r\n]*")


def read_json_document(path: Path, error: type[InputError]) -> Document:
    """Read a JSON file that holds one mapping. Memory and time are bounded, whatever the file is.

    Raises
    ------
    error : the file is missing, unreadable, not UTF-8, not JSON, or not a mapping; too large or too deep.
    """
    return as_mapping(_Reader(str(path), read_text(path, error, MOST_BYTES)).document(), error)


class _UnreadableError(Exception):
    """Reading cannot go on: (index in the text, what)."""


class _Reader:
    """One pass over the text; the standard library's own decoder reads every text and number."""

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text, self._at = name, text, 0
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._decoder = json.JSONDecoder(
            parse_int=self._int, parse_float=self._float, parse_constant=self._refuse_constant
        )
        self._positions: dict[Steps, Position] = {}

    def document(self) -> Document:
        """The only value of the text; None, with a finding, where it cannot be read to its end."""
        data, findings = None, []
        try:
            self._skip_space()
            self._positions[()] = self._position(self._at)
            if self._at < len(self._text):
                data = self._value(())
                self._skip_space()
                if self._at < len(self._text):
                    raise _UnreadableError(self._at, "the document has ended, but the file goes on")
        except _UnreadableError as problem:
            index, what = problem.args
            position = self._position(index)
            place = place_text(self._name, position)
            data, findings = None, [(position, Finding(what, place, code="syntax"))]
        return Document(self._name, data, self._positions, findings=tuple(findings))

    def _position(self, index: int) -> Position:
        line = bisect_right(self._lines, index)
        return line, index - self._lines[line - 1] + 1

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _value(self, path: Steps) -> Any:
        if len(self._positions) > MOST_VALUES:
            raise _UnreadableError(self._at, f"more than {MOST_VALUES} values")
        if len(path) > MOST_LEVELS:
            raise _UnreadableError(self._at, f"nested more than {MOST_LEVELS} levels deep")
        start = self._text[self._at : self._at + 1]
        if start == "{":
            return self._mapping(path)
        return self._sequence(path) if start == "[" else self._scalar()

    def _scalar(self) -> Any:
        start = self._at
        try:
            value, self._at = self._decoder.raw_decode(self._text, start)
        except json.JSONDecodeError as problem:
            what = problem.msg[:1].lower() + problem.msg[1:]
            raise _UnreadableError(problem.pos, f"not JSON: {what}") from None
        if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
            raise _UnreadableError(start, "half of a surrogate pair is not a character")
        return value

    def _mapping(self, path: Steps) -> dict[str, Any]:
        built: dict[str, Any] = {}
        while self._next_item("}", is_first=not built):
            position, key = self._at, self._key(path)
            here = (*path, key)
            if key in built:
                raise _UnreadableError(position, f"duplicate key {key}, first on line {self._positions[here][0]}")
            self._positions[here] = self._position(position)
            self._skip_space()
            self._take(":", "a colon")
            built[key] = self._value(here)
        return built

    def _key(self, path: Steps) -> str:
        start = self._at
        if self._text[start : start + 1] != '"':
            raise _UnreadableError(start, "not JSON: a key in double quotes should stand here")
        key = str(self._scalar())
        if not key.isprintable() or len(key) > MOST_KEY_CHARACTERS:
            raise _UnreadableError(start, f"a key should be printable text of at most {MOST_KEY_CHARACTERS} characters")
        return key

    def _sequence(self, path: Steps) -> list[Any]:
        built: list[Any] = []
        while self._next_item("]", is_first=not built):
            here = (*path, len(built))
            self._positions[here] = self._position(self._at)
            built.append(self._value(here))
        return built

    def _next_item(self, closing: str, *, is_first: bool) -> bool:
        """Step over the opening bracket or a comma, to the next item; or over the closing bracket."""
        if is_first:
            self._at += 1
        self._skip_space()
        if self._text.startswith(closing, self._at):
            self._at += 1
            return False
        if not is_first:
            self._take(",", f"a comma or {closing}")
        return True

    def _take(self, character: str, words: str) -> None:
        if not self._text.startswith(character, self._at):
            raise _UnreadableError(self._at, f"not JSON: {words} should stand here")
        self._at += 1
        self._skip_space()

    def _int(self, digits: str) -> int:
        if len(digits) > MOST_DIGITS:
            raise _UnreadableError(self._at, f"a number of more than {MOST_DIGITS} digits")
        return int(digits)

    def _float(self, digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            raise _UnreadableError(self._at, "a number too large for any computer")
        return value

    def _refuse_constant(self, word: str) -> NoReturn:
        raise _UnreadableError(self._at, f"{word} is not JSON")
