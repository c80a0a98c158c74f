"""Kill the demo pipeline at random moments: nothing is lost, nothing is corrupt, and the next run ends with the same
bytes.

``python tests/faults/killing.py --kills 200``: each kill is a ``kill -9`` of ``algokit run recipes/demo.yaml`` and
``algokit pack`` in a process of its own that begins with nothing. Every other one comes at a time drawn from the run's
duration, the rest at a point drawn from its writes (`write_points`). Processes are forked with the libraries loaded
and without what computes for a reader alone (`rehearsal.small_thinking`), so that most kills come while something is
written.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from forking import begun, forked, one_thread, typed, waited
from rehearsal import Place, small_thinking
from sweeping import artefacts, made_again, not_whole, partial
from write_points import Point, told

from algokit.challenge.synthetic import DemoSettings, write_demo
from algokit.recipe.load import shipped_recipes

SMALL = DemoSettings(subjects=("subj01",), n_train=40, n_test=12, image_px=32, vertex_fraction=0.001)


@dataclass(frozen=True)
class Kill:
    """After so many seconds, or at the n-th point; what is not used is None."""

    seconds: float | None = None
    point: int | None = None

    def __str__(self) -> str:
        return f"kill after {self.seconds:.3f} s" if self.seconds is not None else f"kill at point {self.point}"


@dataclass(frozen=True)
class Demo(Place):
    """The demo recipe on the demo challenge."""

    def pipeline(self) -> int:
        """Recipe to zip: the first exit code that is not 0."""
        places = ("--data", str(self.data), "--store", str(self.store), "--out", str(self.out))
        run = ("run", str(shipped_recipes()["demo"]), *places, "--quiet", "--device", "cpu", "--shard-images", "32")
        pack = ("pack", str(self.out), "--out", str(self.zip))
        with small_thinking("submission"):
            return typed(run, self.said) or typed(pack, self.said)


def killed(demo: Demo, kill: Kill) -> int:
    """The pipeline, which a kill meets: how it ended."""
    passed = 0

    def at(_: Point) -> None:
        nonlocal passed
        passed += 1
        if passed == kill.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def act() -> int:
        if kill.seconds is not None:
            return demo.pipeline()
        with told(at, [demo.root]):
            return demo.pipeline()

    child = begun(act)
    timer = threading.Timer(kill.seconds or 0.0, os.kill, (child, signal.SIGKILL))
    if kill.seconds is not None:
        timer.start()
    code = waited(child)
    timer.cancel()
    if timer.ident:
        timer.join()
    return code


def counted(demo: Demo) -> tuple[dict[str, str], int, float]:
    """An undisturbed pipeline: its files, the number of its points and its seconds."""
    listed = demo.root.with_suffix(".points")

    def act() -> int:
        points: list[Point] = []
        with told(points.append, [demo.root]):
            code = demo.pipeline()
        listed.write_text(str(len(points)), encoding="utf-8")
        return code

    def timed() -> int:
        return demo.pipeline()

    demo.root.mkdir()
    assert forked(act) == 0, demo.said.read_text(encoding="utf-8")
    shutil.rmtree(demo.root)
    demo.root.mkdir()
    started = time.monotonic()
    assert forked(timed) == 0
    seconds, files = time.monotonic() - started, demo.files()
    shutil.rmtree(demo.root)
    return files, int(listed.read_text(encoding="utf-8")), seconds


def tried(demo: Demo, kill: Kill, whole: dict[str, str]) -> Iterator[str]:
    """One kill and the run after it: everything that is not as it has to be."""
    demo.root.mkdir()
    code = killed(demo, kill)
    if code not in (0, -signal.SIGKILL):
        yield f"exit {code}: {demo.said.read_text(encoding='utf-8')}"
    yield from not_whole(demo, whole)
    before = artefacts(demo)
    if forked(demo.pipeline) != 0:
        yield f"the next run failed: {demo.said.read_text(encoding='utf-8')}"
    if (files := demo.files()) != whole:
        different = sorted(name for name in files.keys() | whole.keys() if files.get(name) != whole.get(name))
        yield f"the next run ended otherwise: {different}"
    yield from made_again(demo, before)
    if left := partial(demo):
        yield f"the next run left behind {left}"
    shutil.rmtree(demo.root)


def main() -> None:
    """Kill as often as asked; exit 1 where anything was not as it has to be."""
    parser = argparse.ArgumentParser(description="random kills of the demo pipeline")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--small", action="store_true", help="a smaller demo challenge than the default one")
    asked = parser.parse_args()
    started, drawn, problems = time.monotonic(), random.Random(asked.seed), []
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        data = Path(folder) / "data"
        write_demo(data, settings=SMALL if asked.small else None)
        demo = Demo(Path(folder) / "place", data)
        one_thread()
        demo.root.mkdir()
        assert demo.pipeline() == 0, demo.said.read_text(encoding="utf-8")  # loads all libraries
        shutil.rmtree(demo.root)
        whole, n_points, seconds = counted(demo)
        print(f"{n_points} points, {seconds:.2f} s undisturbed", flush=True)
        for number in range(asked.kills):
            kill = Kill(seconds=drawn.uniform(0, seconds)) if number % 2 else Kill(point=drawn.randint(1, n_points))
            found = [f"{kill}: {problem!r}" for problem in tried(demo, kill, whole)]
            problems += found
            print("\n".join(found) or f"{number + 1}/{asked.kills} {kill}: well", flush=True)
    print(f"{asked.kills} kills, {len(problems)} problems, {time.monotonic() - started:.0f} s")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
