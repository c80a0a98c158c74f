"""Trouble at every point of a rehearsal at which the disk changes: what is found after it, and how the next run ends.

``python tests/faults/sweeping.py [--stage STAGE] [--trouble TROUBLE] [--kinds N] [--seed N] [--jobs N]``

Each case is a run in a process of its own that meets one trouble at one point: *kill* ends it there, *full* lets
nothing grow from there on, *broken* fails this one call with an input/output error, *interrupt* is a Ctrl-C.
``--kinds`` takes one point of that many kinds (what
happens to which sort of file of which step) instead of all.
"""

from __future__ import annotations

import argparse
import errno
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from escapes import audited, escaped
from forking import begun, forked, waited
from rehearsal import STAGES, Place, Rehearsal, Stage, rehearsed, undisturbed
from write_points import GROWING, Point, Told, told

from algokit.atomic import is_partial
from algokit.pipeline.shards import KIND as SHARDS
from algokit.store import check_artefacts, entries

Trouble = Literal["kill", "full", "broken", "interrupt"]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
_NOT_READY, _INTERRUPTED = 3, 130
_PASSING = re.compile(r"store/(shards|history|corrupt)/")  # there while a run is at work, and not after it


@dataclass(frozen=True)
class Case:
    """A trouble at the n-th point of a stage, counted from 0."""

    stage: Stage
    trouble: Trouble
    number: int
    point: Point

    def __str__(self) -> str:
        words = f"{self.point.what} {self.point.path} {self.point.to}".strip()
        return f"{self.trouble} at point {self.number} of {self.stage} ({words})"


def points(stage: Stage, rehearsal: Rehearsal, place: Place) -> list[Point]:
    """Every point of a stage that nothing happens to."""
    found: list[Point] = []
    shutil.copytree(rehearsal.before[stage], place.root)
    with audited(place.root) as audits, told(found.append, [place.root]):
        assert undisturbed(place, stage) == 0, place.said.read_text(encoding="utf-8")
    assert not (missed := escaped(audits, found)), f"changes of the disk that nobody was told of: {missed}"
    shutil.rmtree(place.root)
    return [Point(one.what, _below(place, one.path), _below(place, one.to)) for one in found]


def _below(place: Place, path: str) -> str:
    return path.removeprefix(f"{place.root.resolve()}/")


def sampled(found: Sequence[Point], n_kinds: int, drawn: random.Random) -> list[int]:
    """The number of one point of every kind, of so many kinds."""
    kinds: dict[tuple[str, ...], list[int]] = {}
    for number, point in enumerate(found):
        kinds.setdefault(_kind(point), []).append(number)
    chosen = drawn.sample(sorted(kinds), min(n_kinds, len(kinds)))
    return sorted(drawn.choice(kinds[kind]) for kind in chosen)


def _kind(point: Point) -> tuple[str, ...]:
    """What happens to which sort of file of which step."""
    parts = re.sub(r"[0-9a-f]{64}|\.[0-9a-f]+-\d+\.\w+\.partial|\d+", "", point.path).split("/")
    return (point.what, *parts[:2], Path(parts[-1]).suffix)


def _meets(case: Case) -> Told:
    """What is told of every point, and makes trouble at one."""
    passed = 0

    def at(point: Point) -> None:
        nonlocal passed
        number, passed = passed, passed + 1
        if number == case.number and case.trouble in ("kill", "interrupt"):
            os.kill(os.getpid(), signal.SIGKILL if case.trouble == "kill" else signal.SIGINT)
        elif number == case.number and case.trouble == "broken":
            raise OSError(errno.EIO, os.strerror(errno.EIO), point.path)
        elif number >= case.number and case.trouble == "full" and point.what in GROWING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), point.path)

    return at


def tried(case: Case, rehearsal: Rehearsal, place: Place) -> Iterator[str]:
    """Let it happen, look, and run again: everything that is not as it has to be."""
    shutil.copytree(rehearsal.before[case.stage], place.root)

    def act() -> int:
        with told(_meets(case), [place.root]):
            return undisturbed(place, case.stage)

    code = forked(act)
    yield from _badly_told(case, code, place.said.read_text(encoding="utf-8"))
    yield from _left_behind(case, code, place)
    yield from not_whole(place, rehearsal.whole[case.stage])
    yield from next_run(case.stage, rehearsal, place)
    if left := partial(place):
        yield f"the next run left behind {left}"
    shutil.rmtree(place.root)


def next_run(stage: Stage, rehearsal: Rehearsal, place: Place) -> Iterator[str]:
    """Run a stage on what is there: whether it ends as if nothing had happened, and makes nothing again."""
    before = artefacts(place)
    if forked(lambda: undisturbed(place, stage)) != 0:
        yield f"the next run failed: {place.said.read_text(encoding='utf-8')}"
    elif different := rehearsal.differing(place, stage):
        yield f"the next run ended otherwise: {different}"
    yield from made_again(place, before)


def artefacts(place: Place) -> dict[str, int]:
    """Which folder is at the place of every artefact: another number means that it was made again."""
    lasting = [one.path for one in entries(place.store) if one.kind != SHARDS]
    return {str(path): path.stat().st_ino for path in lasting}


def made_again(place: Place, before: dict[str, int]) -> Iterator[str]:
    """Artefacts that were there whole before the next run, and are others now, or none."""
    after = artefacts(place)
    if others := [path for path, number in before.items() if after.get(path) != number]:
        yield f"made again, though it was there: {others}"


def _badly_told(case: Case, code: int, said: str) -> Iterator[str]:
    """A kill says nothing; all else ends well, or in one message with an exit code of its own."""
    allowed = {"kill": (-signal.SIGKILL,), "interrupt": (0, _INTERRUPTED)}.get(case.trouble, (0, _NOT_READY))
    if code not in allowed:
        yield f"exit {code}: {said}"
    n_errors = sum(line.startswith("error: ") for line in said.splitlines())
    if "Traceback" in said or n_errors != (code == _NOT_READY):
        yield f"badly told: {said}"


def _left_behind(case: Case, code: int, place: Place) -> Iterator[str]:
    """What is begun stays only behind a kill, and where the removing itself was what failed or was interrupted."""
    may_leave = case.trouble == "kill" or (case.trouble != "full" and case.point.what in ("unlink", "rmdir"))
    if not may_leave and (left := partial(place)):
        yield f"exit {code} left behind {left}"


def not_whole(place: Place, whole: dict[str, str]) -> Iterator[str]:
    """Every artefact matches its digests; submission, zip and results of a study are there whole, or not there."""
    if place.store.exists():
        yield from (str(finding) for finding in check_artefacts(place.store, list(entries(place.store))).findings)
    here = place.files()
    lasting = {name: digest for name, digest in here.items() if not _PASSING.match(name)}
    if other := [name for name, digest in lasting.items() if whole.get(name, digest) != digest]:
        yield f"half-written, where a reader looks: {other}"
    for folder in (place.out, place.study):
        missing = [name for name in whole if name.startswith(f"{folder.name}/") and name not in here]
        if missing and folder.exists():
            yield f"{folder.name} without {missing}"


def partial(place: Place) -> list[str]:
    return [str(path.relative_to(place.root)) for path in place.root.rglob("*") if is_partial(path)]


def swept(cases: Sequence[Case], rehearsal: Rehearsal, root: Path, n_jobs: int) -> list[str]:
    """Try all cases, some at once; what went wrong, with the case before it."""
    workers = []
    for job in range(n_jobs):
        place = Place(root / f"job{job}", rehearsal.data)
        log = place.root.with_suffix(".log")

        def work(job: int = job, place: Place = place, log: Path = log) -> int:
            with log.open("w", encoding="utf-8", buffering=1) as file:
                for case in cases[job::n_jobs]:
                    file.writelines(f"{case}: {problem!r}\n" for problem in tried(case, rehearsal, place))
            return 0

        workers.append((begun(work), log))
    problems = []
    for worker, log in workers:
        code = waited(worker)
        problems += log.read_text(encoding="utf-8").splitlines()
        problems += [f"a worker ended with {code}"] if code else []
    return problems


def main() -> None:
    """Sweep as asked; exit 1 where anything was not as it has to be."""
    parser = argparse.ArgumentParser(description="trouble at every write point")
    parser.add_argument("--stage", choices=STAGES, action="append")
    parser.add_argument("--trouble", choices=TROUBLES, action="append")
    parser.add_argument("--kinds", type=int, help="one point of that many kinds; all points where not given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    started, cases, drawn = time.monotonic(), [], random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        rehearsal = rehearsed(Path(folder))
        for stage in asked.stage or STAGES:
            found = points(stage, rehearsal, Place(Path(folder) / "listing", rehearsal.data))
            for trouble in asked.trouble or TROUBLES:
                chosen = sampled(found, asked.kinds, drawn) if asked.kinds else range(len(found))
                cases += [Case(stage, trouble, number, found[number]) for number in chosen]
        problems = swept(cases, rehearsal, Path(folder), asked.jobs)
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    print(f"{len(cases)} cases, {len(problems)} problems, {time.monotonic() - started:.0f} s")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
