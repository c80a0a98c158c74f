"""Run a rehearsal on a disk that is really full, again and again with a little more space, until it is done.

``python tests/faults/filling.py DISK``, where DISK is a tmpfs of our own (`small_disk`). Prints what was full.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from forking import forked
from rehearsal import STAGES, Place, Rehearsal, Stage, rehearsed, undisturbed
from sweeping import not_whole, partial

MORE_BYTES: dict[Stage, int] = {"steps": 7 * 4096, "submission": 48 * 4096, "zip": 4096, "study": 16 * 4096}
_WHERE = re.compile(r"/place/(?:store/)?([a-z]+)")


def resized(disk: Path, n_bytes: int) -> None:
    """Give the disk another size."""
    subprocess.run(("mount", "-o", f"remount,size={n_bytes}", str(disk)), check=True)


def used_bytes(disk: Path) -> int:
    """What is taken of it."""
    state = os.statvfs(disk)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def filled(disk: Path, stage: Stage, rehearsal: Rehearsal, place: Place) -> Iterator[str]:
    """What was full, time after time; stops the program where anything is not as it has to be."""
    size = used_bytes(disk) + 4096
    while True:
        resized(disk, size)
        code = forked(lambda: undisturbed(place, stage))
        said = place.said.read_text(encoding="utf-8")
        problems = [*not_whole(place, rehearsal.whole[stage]), *partial(place)]
        if code == 0:
            problems += rehearsal.differing(place, stage)
        elif code != 3 or "no space left on this disk" not in said or "Traceback" in said:
            problems.append(f"exit {code}: {said}")
        if problems:
            sys.exit(f"{stage} on {size} bytes: {problems}")
        if code == 0:
            return
        yield from _WHERE.findall(said)[:1]
        size += MORE_BYTES[stage]


def main() -> None:
    """Fill it stage by stage."""
    disk = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="filling-") as folder:
        rehearsal = rehearsed(Path(folder))
        place = Place(disk / "place", rehearsal.data)
        place.root.mkdir()
        full = [where for stage in STAGES for where in filled(disk, stage, rehearsal, place)]
    print(*full)


if __name__ == "__main__":
    main()
