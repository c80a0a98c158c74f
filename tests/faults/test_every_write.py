"""Some of the points at which a run changes the disk, each with every trouble; `make faults` takes them all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rehearsal import STAGES
from running import PATIENCE_S, ended

KINDS = {"steps": 7, "submission": 2, "zip": 3, "study": 3}


@pytest.mark.parametrize("stage", STAGES)
def test_trouble_at_a_write_leaves_what_is_whole_and_the_next_run_ends_with_the_same_bytes(stage: str) -> None:
    script = str(Path(__file__).with_name("sweeping.py"))
    over = ended(
        (sys.executable, script, "--stage", stage, "--kinds", str(KINDS[stage]), "--jobs", "1"), None, 3 * PATIENCE_S
    )
    assert over.code == 0, over.out + over.err
    assert f"{4 * KINDS[stage]} cases, 0 problems" in over.out


WITH_A_THREAD = """
import pathlib, sys, threading, time
from forking import forked

def act():
    threading.Thread(target=lambda: (time.sleep(0.5), pathlib.Path(sys.argv[1]).touch())).start()
    return 7

sys.exit(forked(act))
"""


def test_a_forked_run_ends_with_its_threads_as_any_python_does(tmp_path: Path) -> None:
    """Else what an interrupted run's thread is about to finish would be taken for left behind."""
    search = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
    over = ended((sys.executable, "-c", f"{search}\n{WITH_A_THREAD}", str(tmp_path / "done")))
    assert (over.code, over.err) == (7, "")
    assert (tmp_path / "done").exists()
