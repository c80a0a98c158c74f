"""Who uses a store: many may read and write artefacts at once, but only somebody alone may remove them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
from collections.abc import Iterator
from pathlib import Path

from algokit.atomic import disk_errors
from algokit.errors import MachineError
from algokit.syncing import make_folder
from algokit.types import Finding

LOCK = ".lock"
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
_CANNOT_LOCK = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


class StoreInUseError(MachineError):
    """Somebody else works on the store, or nobody can know."""


@contextlib.contextmanager
def in_use(root: Path) -> Iterator[None]:
    """Until the block ends, or the process, nothing is removed from the store that it may have found there.

    A store that cannot be written to, or a disk that knows no locks, is used without: `alone` refuses both.

    Raises
    ------
    DiskError : the disk is full.
    """
    with contextlib.ExitStack() as stack:
        with disk_errors(root):
            try:
                make_folder(root)
                fcntl.flock(stack.enter_context((root / LOCK).open("ab")), fcntl.LOCK_SH)
            except OSError as error:
                if error.errno not in (*_READ_ONLY, *_CANNOT_LOCK):
                    raise
        yield


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Nobody else uses the store until the block ends.

    Raises
    ------
    StoreInUseError : somebody does, or the disk knows no locks.
    DiskError : the store is not writable.
    """
    with disk_errors(root), (root / LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES, *_CANNOT_LOCK):
                raise
            is_busy = error.errno in (errno.EAGAIN, errno.EACCES)
            what = "a run is using this store" if is_busy else "this disk knows no locks: nobody can say who uses it"
            advice = "wait until it has ended" if is_busy else "with no run at work, the whole folder can be deleted"
            finding = Finding(what, where=str(root), advice=advice, code="store-in-use")
            raise StoreInUseError("nothing is removed from a store that is in use", [finding]) from error
        yield
