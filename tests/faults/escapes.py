"""What Python itself says of changes of a disk, to be held against what is told of them (`write_points`)."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from write_points import Point, absolute

_NAMES = {"os.mkdir": "mkdir", "os.rename": "rename", "os.remove": "unlink", "os.rmdir": "rmdir"}
_FOLDERS = {"os.mkdir": 2, "os.rename": 2, "os.remove": 1, "os.rmdir": 1}  # where in its arguments


@contextmanager
def audited(root: Path) -> Iterator[list[Point]]:
    """Changes of names below a folder, and files made or emptied as ``create``, until the block ends."""
    found: list[Point] = []
    start, is_on = f"{root.resolve()}{os.sep}", True

    def heard(event: str, details: tuple[Any, ...]) -> None:
        if not is_on or (event not in _NAMES and event != "open") or isinstance(details[0], int):
            return
        folder = details[_FOLDERS[event]] if event in _NAMES else -1
        path = absolute(os.fsdecode(details[0]), folder if folder != -1 else None)
        if path.startswith(start) and (event != "open" or _changes(path, details[2])):
            found.append(Point(_NAMES.get(event, "create"), path))

    sys.addaudithook(heard)
    try:
        yield found
    finally:
        is_on = False


def _changes(path: str, flags: int) -> bool:
    """Whether opening a file makes or empties it."""
    return bool(flags & os.O_TRUNC or (flags & os.O_CREAT and not Path(path).exists()))


def escaped(audits: Iterable[Point], points: Iterable[Point]) -> list[Point]:
    """What was done and not told. A file that was made once may be opened again: its writes are told of."""
    told = Counter(Point(one.what, one.path) for one in points)
    made = {one.path for one in told if one.what == "create"}
    names = Counter(one for one in audits if one.what != "create")
    files = [one for one in audits if one.what == "create" and one.path not in made]
    return [*(names - told), *files]
