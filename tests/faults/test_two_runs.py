"""Two runs at work on one store at once, with somebody who removes garbage, and with one of them killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from running import ALGOKIT, PATIENCE_S, Run, algokit, artefacts, leftovers, predictions, started

from algokit.store import META

IN_USE = 3


def seen(store: Path) -> dict[str, int]:
    """Which file is at the place of every artefact: another number means that it was written again."""
    found = {}
    for kind in ("features", "fit", "ensemble"):
        for path in (store / kind).glob(f"*/[0-9a-f]*/{META}"):
            found[str(path)] = path.stat().st_ino
    return found


def both(run: Run, tmp_path: Path) -> tuple[list[Run], list[subprocess.Popen[str]]]:
    """The same recipe twice at once, into two submissions."""
    runs = [run.at(out=tmp_path / name) for name in ("one", "two")]
    return runs, [started((*ALGOKIT, *one.arguments())) for one in runs]


def test_two_runs_share_every_artefact_and_garbage_collection_takes_none_from_them(
    fresh: Run, undisturbed: Run, tmp_path: Path
) -> None:
    runs, processes = both(fresh, tmp_path)
    first_seen: dict[str, int] = {}
    collected = []
    while any(process.poll() is None for process in processes):
        first_seen = {**seen(fresh.store), **first_seen}
        if fresh.store.exists():
            keep = ("--keep", str(fresh.recipe), "--data", str(fresh.data))
            collected.append(algokit("store", "gc", "--store", str(fresh.store), *keep, "--yes").code)
    for process, run in zip(processes, runs, strict=True):
        assert (process.communicate()[1].count("error"), process.returncode) == (0, 0)
        assert predictions(run.out) == predictions(undisturbed.out)
    assert set(collected) <= {0, IN_USE}
    assert IN_USE in collected, "the runs were at work meanwhile"
    assert first_seen.items() <= seen(fresh.store).items(), "no artefact was written twice or taken away"
    assert artefacts(fresh.store).keys() == artefacts(undisturbed.store).keys()
    assert leftovers(fresh.store, *(run.out.parent for run in runs)) == []


def test_one_of_two_runs_that_is_killed_takes_nothing_from_the_other(
    fresh: Run, undisturbed: Run, tmp_path: Path
) -> None:
    runs, processes = both(fresh, tmp_path)
    n_artefacts = random.Random(3).randint(1, len(artefacts(undisturbed.store)) - 1)
    deadline = time.monotonic() + PATIENCE_S
    while len(seen(fresh.store)) < n_artefacts:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.killpg(processes[0].pid, signal.SIGKILL)
    assert processes[0].wait() == -signal.SIGKILL
    processes[0].communicate()
    first_seen = seen(fresh.store)
    said = processes[1].communicate(timeout=PATIENCE_S)[1]
    assert (processes[1].returncode, said.count("error")) == (0, 0)
    again = algokit(*runs[0].arguments("--json"))
    assert (again.code, again.made()) == (0, {})
    assert first_seen.items() <= seen(fresh.store).items()
    assert predictions(runs[0].out) == predictions(runs[1].out) == predictions(undisturbed.out)
    assert artefacts(fresh.store).keys() == artefacts(undisturbed.store).keys()
    assert leftovers(fresh.store.parent) == []
