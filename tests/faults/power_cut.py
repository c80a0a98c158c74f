"""Cut the power at every point of a rehearsal: what the disk may hold then is whole, and the next run ends as ever.

``python tests/faults/power_cut.py [--stage STAGE] [--runs N]``: every state is looked at; the next run is tried for
each state that differs where a reader looks, or for N of them in every stage.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from losing_disk import Record, Tree, written
from rehearsal import STAGES, Place, Rehearsal, Stage, rehearsed, undisturbed
from sweeping import next_run, not_whole
from write_points import told


def states(stage: Stage, rehearsal: Rehearsal, place: Place) -> list[Tree]:
    """What the disk may hold when the power goes during a stage."""
    shutil.copytree(rehearsal.before[stage], place.root)
    record = Record(place.root)
    with told(lambda _: None, [place.root], after=record.add):
        assert undisturbed(place, stage) == 0, place.said.read_text(encoding="utf-8")
    shutil.rmtree(place.root)
    return list(record.states())


def visible(tree: Tree) -> frozenset[tuple[str, bytes | None]]:
    """What of it a reader looks at."""
    return frozenset(
        (name, content) for name, content in tree.items() if ".partial" not in name and "history/begun" not in name
    )


def tried(stage: Stage, tree: Tree, rehearsal: Rehearsal, place: Place, runs: bool) -> Iterator[str]:
    """Everything about a state that is not as it has to be."""
    written(tree, place.root)
    yield from not_whole(place, rehearsal.whole[stage])
    if runs:
        yield from next_run(stage, rehearsal, place)
    shutil.rmtree(place.root)


def main() -> None:
    """Cut as asked; exit 1 where anything was not as it has to be."""
    parser = argparse.ArgumentParser(description="power cuts")
    parser.add_argument("--stage", choices=STAGES, action="append")
    parser.add_argument("--runs", type=int, default=sys.maxsize, help="in every stage; all that differ where not given")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    started, n_states, n_runs, problems, drawn = time.monotonic(), 0, 0, [], random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        rehearsal = rehearsed(Path(folder))
        place = Place(Path(folder) / "place", rehearsal.data)
        for stage in asked.stage or STAGES:
            found = states(stage, rehearsal, place)
            different = sorted({visible(tree): number for number, tree in enumerate(found)}.values())
            chosen = drawn.sample(different, min(asked.runs, len(different)))
            for number, tree in enumerate(found):
                told_of = tried(stage, tree, rehearsal, place, number in chosen)
                problems += [f"state {number} of {stage}: {problem!r}" for problem in told_of]
            n_states, n_runs = n_states + len(found), n_runs + len(chosen)
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    print(f"{n_states} states, {n_runs} next runs, {len(problems)} problems, {time.monotonic() - started:.0f} s")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
