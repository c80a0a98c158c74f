"""Every moment at which this process is about to change a disk, in order, for somebody to be told of.

Below the folders that are watched, these are points: a file is made or emptied, one half of a write and then the
other, a file or folder is synced, something is renamed, made or removed. Whoever is told may end the process (a kill
-9 leaves what was done by then) or raise (the call fails). One thread at a time passes a point, so that points have an
order.

What leaves out this count is what no Python call does: writes through a memory map, which only scratch files have.
"""

from __future__ import annotations

import builtins
import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

GROWING = ("create", "write", "mkdir")
"""What needs space on the disk."""


@dataclass(frozen=True)
class Point:
    """One change of a disk that is about to happen.

    Attributes
    ----------
    what : ``create``, ``write``, ``truncate``, ``fsync``, ``rename``, ``mkdir``, ``unlink`` or ``rmdir``.
    path : of what; where it is renamed to, ``to``.
    """

    what: str
    path: str
    to: str = ""


Told = Callable[[Point], None]
Done = Callable[[Point], None]


def _nothing(_: Point) -> None:
    return None


class _Watch:
    def __init__(self, roots: Sequence[Path], before: Told, after: Done, syncs: bool) -> None:
        self._roots = tuple(f"{root.resolve()}{os.sep}" for root in roots)
        self._before, self._after, self.syncs = before, after, syncs
        self._order = threading.RLock()

    def watches(self, path: str) -> bool:
        return f"{path}{os.sep}".startswith(self._roots)

    def does(self, point: Point, act: Callable[[], Any]) -> Any:
        """The act, between telling of it before and after; without a word where it is elsewhere."""
        if not self.watches(point.path):
            return act()
        with self._order:
            self._before(point)
            done = act()
            self._after(point)
            return done


def absolute(path: Any, folder: int | None = None) -> str:
    """A path as it is from the root on; of one in an open folder too."""
    here = _of_handle(folder) if folder is not None else Path.cwd()
    return os.path.normpath(here / os.fspath(path))


def _of_handle(handle: int) -> Path:
    """What an open file or folder is called now."""
    return Path(f"/proc/self/fd/{handle}").readlink()


class _File(io.FileIO):
    """A file whose writes come in two halves: a kill between them leaves a torn one."""

    watch: _Watch

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        written, half = 0, len(view) // 2
        for part in (view[:half], view[half:]) if half else (view,):
            written += self.watch.does(Point("write", absolute(self.name)), partial(super().write, part))
        return written

    def truncate(self, size: int | None = None, /) -> int:
        return int(self.watch.does(Point("truncate", absolute(self.name)), partial(super().truncate, size)))


def _opening(watch: _Watch, real: Callable[..., Any]) -> Callable[..., Any]:
    """``open`` whose writing files are watched."""

    def opened(
        file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, errors: Any = None, newline: Any = None,
        closefd: bool = True, opener: Any = None,
    ) -> Any:  # fmt: skip
        is_path = isinstance(file, str | os.PathLike)
        if not is_path or not set(mode) & set("wxa+") or opener or not watch.watches(absolute(file)):
            return real(file, mode, buffering, encoding, errors, newline, closefd, opener)
        path = absolute(file)
        act = partial(_File, path, mode.replace("b", "").replace("t", ""))
        raw = watch.does(Point("create", path), act) if "w" in mode or not Path(path).exists() else act()
        raw.watch = watch
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

    return opened


@contextmanager
def told(before: Told, roots: Sequence[Path], *, after: Done = _nothing, syncs: bool = False) -> Iterator[None]:
    """Tell of every point below some folders until the block ends.

    Parameters
    ----------
    before, after : called with the point, before it happens and after it has.
    syncs : whether syncing is really done; for whoever does not cut the power it only takes time.
    """
    watch = _Watch(roots, before, after, syncs)
    with ExitStack() as stack:
        for module, name, replacement in _replacements(watch):
            stack.enter_context(patch.object(module, name, replacement))
        yield


def _replacements(watch: _Watch) -> Iterator[tuple[Any, str, Any]]:
    import numpy.lib._format_impl as npy

    for module in (io, builtins):
        yield module, "open", _opening(watch, module.open)  # type: ignore[attr-defined]
    yield os, "open", _os_open(watch, os.open)
    yield os, "fsync", _fsync(watch, os.fsync)
    yield npy, "isfileobj", lambda file: isinstance(file, io.BufferedReader)  # else NumPy writes past Python
    for name, what in (("mkdir", "mkdir"), ("unlink", "unlink"), ("remove", "unlink"), ("rmdir", "rmdir")):
        yield os, name, _one_path(watch, what, getattr(os, name))
    for name in ("rename", "replace"):
        yield os, name, _two_paths(watch, getattr(os, name))


def _os_open(watch: _Watch, real: Callable[..., int]) -> Callable[..., int]:
    def opened(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        def act() -> int:
            return real(path, flags, mode, dir_fd=dir_fd)

        makes = flags & os.O_CREAT and not os.path.lexists(absolute(path, dir_fd))
        return watch.does(Point("create", absolute(path, dir_fd)), act) if makes else act()

    return opened


def _fsync(watch: _Watch, real: Callable[[Any], None]) -> Callable[[Any], None]:
    def synced(file: Any) -> None:
        handle = file if isinstance(file, int) else file.fileno()
        act = partial(real, handle) if watch.syncs else int
        watch.does(Point("fsync", str(_of_handle(handle))), act)

    return synced


def _one_path(watch: _Watch, what: str, real: Callable[..., None]) -> Callable[..., None]:
    def done(path: Any, *more: Any, dir_fd: int | None = None) -> None:
        watch.does(Point(what, absolute(path, dir_fd)), lambda: real(path, *more, dir_fd=dir_fd))

    return done


def _two_paths(watch: _Watch, real: Callable[..., None]) -> Callable[..., None]:
    def done(src: Any, dst: Any, **more: Any) -> None:
        watch.does(Point("rename", absolute(src), absolute(dst)), lambda: real(src, dst, **more))

    return done
