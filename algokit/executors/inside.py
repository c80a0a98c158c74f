"""What a container can see of where it runs: the folders it was given, what it may take, who it is."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_NETWORKS = Path("/sys/class/net")
_OF_THE_SYSTEM = re.compile(r"/(proc|sys|dev|tmp|run|etc/(hosts|hostname|resolv\.conf)|sbin/docker-init)(/|$)|/$")


@dataclass(frozen=True)
class Folder:
    """A folder of the host: its path here, whether it can be written to by this user, and the room on its disk."""

    path: Path
    is_writable: bool
    free_bytes: int


@dataclass(frozen=True)
class Surroundings:
    """Attributes
    ----------
    user : number and group, as ``id`` has them.
    has_network : whether there is more than the loopback.
    """

    folders: tuple[Folder, ...]
    user: str
    has_network: bool


def surroundings() -> Surroundings:
    """Look around; nothing is written."""
    return Surroundings(tuple(_folders()), f"{os.getuid()}:{os.getgid()}", _has_network())


def mounted(mountinfo: str) -> list[Path]:
    """The places of a ``/proc/self/mountinfo`` that an engine does not make by itself, sorted.

    Source: ``man 5 proc_pid_mountinfo``: field 5 is the place, with octal escapes.
    """
    places = {_unescaped(line.split()[4]) for line in mountinfo.splitlines()}
    return [Path(place) for place in sorted(places) if not _OF_THE_SYSTEM.match(place)]


def _unescaped(place: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), place)


def _folders() -> Iterator[Folder]:
    try:
        places = mounted(MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return
    for place in places:
        yield Folder(place, os.access(place, os.W_OK), shutil.disk_usage(place).free)


def _has_network() -> bool:
    try:
        return any(one.name != "lo" for one in _NETWORKS.iterdir())
    except OSError:
        return False
