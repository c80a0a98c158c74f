"""Killed or interrupted at any moment: the store is whole, and the same command ends with the same bytes."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

from running import (
    ALGOKIT,
    PATIENCE_S,
    STOPPING,
    Run,
    algokit,
    artefacts,
    leftovers,
    predictions,
    started,
    stopped,
)

KILLED = -signal.SIGKILL
INTERRUPTED = 130
HOW_TO_GO_ON = "interrupted; finished steps are kept, nothing half-written; run it again"


def interrupt(run: Run, name: str, event: str, pattern: str, count: int = 1) -> None:
    """Stop a run at a moment; what is in the store is whole, and what was in it stays as it was."""
    before = artefacts(run.store)
    over = stopped(name, event, pattern, count, run.arguments())
    if name.endswith("SIGINT"):
        assert over.code == INTERRUPTED
        assert over.err.splitlines()[-1] == HOW_TO_GO_ON
        assert leftovers(run.store.parent) == []
    else:
        assert over.code == KILLED
    assert not over.out
    assert before.items() <= artefacts(run.store).items()


def resume(run: Run, undisturbed: Run) -> dict[str, str]:
    """Run to the end: the bytes of a run that nothing happened to, and nothing made twice. The steps made."""
    before = artefacts(run.store)
    over = algokit(*run.arguments("--json"))
    assert over.code == 0, over.err
    assert predictions(run.out) == predictions(undisturbed.out)
    assert leftovers(run.store.parent) == []
    after = artefacts(run.store)
    assert before.items() <= after.items()
    assert after.keys() == artefacts(undisturbed.store).keys()
    assert len(over.made()) == len(after) - len(before)
    return over.made()


def test_a_run_stopped_in_one_step_after_the_other_ends_as_if_nothing_had_happened(
    fresh: Run, undisturbed: Run
) -> None:
    interrupt(fresh, "SIGKILL", "os.rename", r"\.partial \S*/features/", count=8)
    assert 4 <= len(artefacts(fresh.store)) <= 7, "four are written at a time"
    assert leftovers(fresh.store)
    interrupt(fresh, "SIGINT", "open", r"/fit/.*/rh_alpha\.npy")
    assert {kind for kind, _ in artefacts(fresh.store)} == {"features"}
    interrupt(fresh, "SIGKILL", "os.rename", r"\.partial \S*/fit/")
    assert {kind for kind, _ in artefacts(fresh.store)} == {"features"}
    interrupt(fresh, "SIGKILL", "open", r"/ensemble/.*/rh_test\.npy")
    assert {kind for kind, _ in artefacts(fresh.store)} == {"features", "fit"}
    assert {step.split("/")[0] for step in resume(fresh, undisturbed)} == {"ensemble"}


def test_a_fit_killed_with_its_out_of_fold_predictions_half_saved_is_made_again(made: Run, undisturbed: Run) -> None:
    learned = made.arguments("--set", "ensemble={kind: stacking}")
    assert stopped("SIGKILL", "open", r"/fit/.*/rh_oof\.npy", 1, learned).code == KILLED
    assert len(leftovers(made.store)) > 1, "the artefact, and the file behind the memory map"
    over = algokit(*learned, "--json")
    assert over.code == 0, over.err
    assert {step.split("/")[0] for step in over.made()} == {"fit", "ensemble"}
    assert leftovers(made.store.parent) == []
    assert predictions(made.out) == predictions(undisturbed.out), "one member has all the weight"


def test_a_submission_is_replaced_whole_or_not_at_all(made: Run, undisturbed: Run) -> None:
    shutil.copytree(undisturbed.out, made.out)
    damaged = made.out / "subj01" / "lh_pred_test.npy"
    damaged.write_bytes(damaged.read_bytes()[:-4])
    before = predictions(made.out)
    interrupt(made, "SIGINT", "open", r"\.partial/subj06/\S*lh_pred_test")
    assert predictions(made.out) == before
    interrupt(made, "SIGKILL", "os.rename", r"\.partial \S*/out$", count=2)
    assert not made.out.exists(), "this is the moment between the old one and the new one"
    assert resume(made, undisturbed) == {}
    damaged.write_bytes(damaged.read_bytes()[:-4])
    interrupt(made, "SIGKILL", "shutil.rmtree", r"/\.out\.[^/ ]*( |$)")
    assert predictions(made.out) == predictions(undisturbed.out)
    assert leftovers(made.out.parent), "the old one"
    assert resume(made, undisturbed) == {}


def test_control_c_ends_a_run_even_where_python_drops_exceptions(fresh: Run, undisturbed: Run) -> None:
    interrupt(fresh, "finalizer:SIGINT", "open", r"/features/.*/digests|/features/.*\.npy")
    assert "ignored" not in algokit(*fresh.arguments()).err
    assert predictions(fresh.out) == predictions(undisturbed.out)


def wait_for(place: Path) -> None:
    """Until something is at a place."""
    deadline = time.monotonic() + PATIENCE_S
    while not place.exists():
        assert time.monotonic() < deadline, f"{place} never came"
        time.sleep(0.001)


def test_control_c_is_one_line_and_130_while_libraries_load_and_while_images_are_read(fresh: Run) -> None:
    for sign_of_life in (fresh.store / "digests.json", fresh.store / "features"):
        process = started((*ALGOKIT, *fresh.arguments()))
        wait_for(sign_of_life)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, out, err) == (INTERRUPTED, "", HOW_TO_GO_ON + "\n")
        assert leftovers(fresh.store.parent) == []


def test_two_runs_on_one_store_and_one_submission_both_end_well(fresh: Run, undisturbed: Run) -> None:
    """One is held just before it puts its first features in place, until the other has made everything."""
    slow = started((*STOPPING, "SIGSTOP", "os.rename", r"\.partial \S*/features/", "1", *fresh.arguments()))
    assert os.WIFSTOPPED(os.waitpid(slow.pid, os.WUNTRACED)[1])
    quick = algokit(*fresh.arguments("--json"))
    assert quick.code == 0, quick.err
    os.kill(slow.pid, signal.SIGCONT)
    assert slow.communicate(timeout=PATIENCE_S)[1].count("error") == 0
    assert slow.returncode == 0
    assert 0 <= len(artefacts(fresh.store)) - len(quick.made()) < 4  # the slow one writes four at a time
    assert predictions(fresh.out) == predictions(undisturbed.out)
    assert leftovers(fresh.store.parent) == []
