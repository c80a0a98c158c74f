"""A disk of a few kilobytes that is really full when it is full: a tmpfs in a mount namespace of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from running import ALGOKIT, Ended, ended

PAGE_BYTES = 4096


def pages(*places: Path) -> int:
    """How many bytes of a tmpfs the files in some folders take."""
    sizes = [path.stat().st_size for place in places for path in place.rglob("*") if path.is_file()]
    return sum(-(-size // PAGE_BYTES) for size in sizes) * PAGE_BYTES


@dataclass(frozen=True)
class SmallDisk:
    """A mounted tmpfs.

    Attributes
    ----------
    path : where those see it who are inside (`algokit`).
    seen : where this process sees it.
    """

    path: Path
    seen: Path
    enter: tuple[str, ...]

    def algokit(self, *arguments: str) -> Ended:
        """``algokit ...`` to its end, with the disk in sight."""
        return ended((*self.enter, *ALGOKIT, *arguments))

    def remount(self, options: str) -> None:
        """Change it: ``size=64k``, ``ro``."""
        subprocess.run((*self.enter, "mount", "-o", f"remount,{options}", str(self.path)), check=True)

    def used(self) -> int:
        """Bytes in use."""
        return pages(self.seen)


@contextlib.contextmanager
def small_disk(path: Path) -> Iterator[SmallDisk]:
    """A disk at ``path`` for the length of the block; the test is skipped where nobody may mount one."""
    if not (shutil.which("unshare") and shutil.which("nsenter")):
        pytest.skip("unshare and nsenter (util-linux) are not installed")
    is_root = os.geteuid() == 0
    path.mkdir()
    mount = f"mount -t tmpfs -o size=64k tmpfs '{path}' && echo mounted && cat"
    holder = subprocess.Popen(
        ("unshare", "--mount", *(() if is_root else ("--map-root-user",)), "sh", "-c", mount),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert holder.stdin and holder.stdout and holder.stderr
    try:
        if holder.stdout.readline() != b"mounted\n":
            pytest.skip(f"mounting is not permitted here: {holder.stderr.read().decode().strip()}")
        user = () if is_root else ("--user", "--preserve-credentials")
        enter = ("nsenter", f"--target={holder.pid}", "--mount", *user, f"--wdns={Path.cwd()}", "--")
        yield SmallDisk(path, Path(f"/proc/{holder.pid}/root{path}"), enter)
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()
        holder.stderr.close()
