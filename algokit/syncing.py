"""What outlives a power cut: bytes once their file is synced, names once the folder that holds them is."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

_NOBODY_CAN = (errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)


def sync(path: Path) -> None:
    """Wait until the disk holds a file's bytes, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_names(folder: Path) -> None:
    """Wait until the disk holds the names in a folder, where that can be asked for.

    It cannot of a folder that may be written to and not read, nor of disks that know no syncing of folders.
    """
    try:
        sync(folder)
    except OSError as error:
        if error.errno not in _NOBODY_CAN:
            raise


def sync_folders(folders: Iterable[Path]) -> None:
    """Sync the names in each folder once; one that another process has removed meanwhile is left out."""
    for folder in dict.fromkeys(folders):
        try:
            sync_names(folder)
        except FileNotFoundError:
            continue


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing, so that the path to what will lie in it is kept."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in reversed(missing):
        sync_names(one.parent)
