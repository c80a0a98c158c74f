"""What a disk may hold after the power went: a record of changes, replayed without those that nobody synced.

The rules are those of POSIX, which promise less than most file systems keep. The bytes of a file are on the disk once
the file was synced; before that it may be there and empty. A name that was made, changed or removed is so on the disk
once the folder that holds it was synced; before that any number of such changes may have happened, in their order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from write_points import Point

Tree: TypeAlias = Mapping[str, bytes | None]
"""Path -> the bytes of a file, None for a folder."""


@dataclass(eq=False)
class _Node:
    """A file or folder, whatever it is called now, and when it was synced, a file with which bytes."""

    is_folder: bool
    synced: list[tuple[int, bytes]] = field(default_factory=list)

    def content(self, when: int) -> bytes:
        """Of a file, what is sure to be there if the power goes before that point."""
        return next((content for synced, content in reversed(self.synced) if synced < when), b"")

    def sure_from(self, when: int) -> float:
        """Of a folder, the point with which a change before it was synced."""
        return next((float(synced) for synced, _ in self.synced if synced > when), math.inf)


@dataclass(frozen=True, eq=False)
class _Naming:
    """A change of names: one is taken from a folder, or given to something in a folder, or both."""

    when: int
    taken: tuple[_Node, str] | None
    given: tuple[_Node, str, _Node] | None

    def sure_from(self) -> float:
        """The point with which the change was synced."""
        folders = [one[0] for one in (self.taken, self.given) if one]
        return max(folder.sure_from(self.when) for folder in folders)

    def apply(self, entries: dict[_Node, dict[str, _Node]]) -> None:
        """To what folders hold."""
        if self.taken:
            entries.setdefault(self.taken[0], {}).pop(self.taken[1], None)
        if self.given:
            entries.setdefault(self.given[0], {})[self.given[1]] = self.given[2]


class Record:
    """Of every change below ``root``: `add` is to be told of points (`write_points.told`) after they happened."""

    def __init__(self, root: Path) -> None:
        self._root, self._top, self.n_points = root.resolve(), _Node(True), 0
        self._names: list[_Naming] = []
        self._now: dict[_Node, dict[str, _Node]] = {}
        for path in sorted(self._root.rglob("*")):
            node = _Node(path.is_dir(), [(-1, b"" if path.is_dir() else path.read_bytes())])
            self._name(None, (*self._place(path), node))
        self._n_before = len(self._names)

    def add(self, point: Point) -> None:
        """The next point, which has happened."""
        path = Path(point.path)
        if point.what == "fsync":
            node = self._node(path)
            node.synced.append((self.n_points, b"" if node.is_folder else path.read_bytes()))
        elif point.what in ("create", "mkdir"):
            self._name(None, (*self._place(path), _Node(point.what == "mkdir")))
        elif point.what == "rename":
            self._name(self._place(path), (*self._place(Path(point.to)), self._node(path)))
        elif point.what in ("unlink", "rmdir"):
            self._name(self._place(path), None)
        self.n_points += 1

    def states(self) -> Iterator[Tree]:
        """What may be there after a power cut before or after any point, each state once.

        Of the changes of names that are not sure, none has happened, or the first half, or all.
        """
        seen: set[int] = set()
        before, changes = self._names[: self._n_before], self._names[self._n_before :]
        for when in range(self.n_points + 1):
            past = [one for one in changes if one.when < when]
            unsure = [one for one in past if one.sure_from() >= when]
            for n_kept in sorted({0, len(unsure) // 2, len(unsure)}):
                lost = {id(one) for one in unsure[n_kept:]}
                tree = self._tree([*before, *(one for one in past if id(one) not in lost)], when)
                if (known := hash(tuple(tree.items()))) not in seen:
                    seen.add(known)
                    yield tree

    def _name(self, taken: tuple[_Node, str] | None, given: tuple[_Node, str, _Node] | None) -> None:
        self._names.append(_Naming(self.n_points, taken, given))
        self._names[-1].apply(self._now)

    def _node(self, path: Path) -> _Node:
        node = self._top
        for name in path.relative_to(self._root).parts:
            node = self._now[node][name]
        return node

    def _place(self, path: Path) -> tuple[_Node, str]:
        return self._node(path.parent), path.name

    def _tree(self, names: Iterable[_Naming], when: int) -> dict[str, bytes | None]:
        entries: dict[_Node, dict[str, _Node]] = {}
        for naming in names:
            naming.apply(entries)
        tree: dict[str, bytes | None] = {}
        folders = [("", self._top)]
        while folders:
            start, folder = folders.pop()
            for name, node in sorted(entries.get(folder, {}).items()):
                tree[start + name] = None if node.is_folder else node.content(when)
                if node.is_folder:
                    folders.append((f"{start}{name}/", node))
        return tree


def written(tree: Tree, root: Path) -> None:
    """Put such a state on a real disk."""
    root.mkdir(parents=True)
    for name, content in tree.items():
        if content is None:
            (root / name).mkdir(parents=True, exist_ok=True)
        else:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
