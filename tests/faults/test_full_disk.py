"""No space left, or nothing may be written: exit 3, where and what to do, nothing half-written; then it goes on."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import PATIENCE_S, Ended, Run, algokit, artefacts, ended, leftovers, predictions
from small_disk import PAGE_BYTES, SmallDisk, pages, small_disk

from algokit.challenge.submission import prediction_file
from algokit.store import Store


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A small disk."""
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def is_told(over: Ended, what: str, where: Path | str) -> bool:
    """Whether a machine error was told once, with its place and advice."""
    lines = over.err.splitlines()
    assert (over.code, over.out) == (3, ""), over
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert any(line.startswith(f"  {where}") and what in line for line in lines), over.err
    return any(line.split()[0] == "advice" for line in lines)


def is_full(over: Ended, where: Path | str) -> bool:
    return is_told(over, "no space left on this disk", where) and "MB free" in over.err


def sizes(store: Path) -> dict[tuple[str, str], int]:
    """(kind, subject) -> bytes of its artefacts."""
    total: dict[tuple[str, str], int] = {}
    for kind, key in artefacts(store):
        artefact = Store(store).open(kind, key)
        subject = next(part for part in artefact.meta["id"].split("/") if part.startswith("subj"))
        total[kind, subject] = total.get((kind, subject), 0) + pages(artefact.path)
    return total


def test_a_store_that_fills_up_in_any_step_keeps_what_is_whole_and_goes_on_with_more_space(
    fresh: Run, undisturbed: Run, disk: SmallDisk
) -> None:
    run, seen = fresh.at(store=disk.path / "store"), disk.seen / "store"
    needed = sizes(undisturbed.store)
    digests = pages_of(undisturbed.store / "digests.json")
    disk.remount(f"size={disk.used() + digests + needed['features', 'subj01'] // 4}")
    assert is_full(disk.algokit(*run.arguments()), disk.path / "store" / "features")
    assert (leftovers(seen), artefacts(seen)) == ([], {})
    disk.remount("size=64m")
    for kind in ("features", "images"):
        shutil.copytree(undisturbed.store / kind, seen / kind, dirs_exist_ok=True)
    enough = {
        "fit": 3 * PAGE_BYTES,
        "ensemble": needed["fit", "subj01"] + needed["fit", "subj06"] + 2 * PAGE_BYTES,
    }
    whole = artefacts(seen)
    for kind, more in enough.items():
        disk.remount(f"size={disk.used() + more}")
        assert is_full(disk.algokit(*run.arguments()), disk.path / "store" / kind)
        assert leftovers(seen) == []
        assert whole.items() <= artefacts(seen).items()
        whole = artefacts(seen)
        assert kind not in {one for one, _ in whole}
    disk.remount("size=64m")
    over = disk.algokit(*run.arguments("--json"))
    assert over.code == 0
    assert {step.split("/")[0] for step in over.made()} == {"ensemble"}
    assert predictions(run.out) == predictions(undisturbed.out)


def test_a_disk_that_fills_up_anywhere_is_named_and_each_run_goes_on_where_there_is_more_space(disk: SmallDisk) -> None:
    """Learned weights, a reduction, the submission, the zip, a study: in some thirty runs."""
    script = str(Path(__file__).with_name("filling.py"))
    over = ended((*disk.enter, sys.executable, script, str(disk.path)), None, 3 * PATIENCE_S)
    assert over.code == 0, over.err
    assert {"features", "fit", "ensemble", "out", "curve", "study"} <= set(over.out.split()), over.out


def test_out_of_fold_predictions_that_do_not_fit_are_an_error_and_not_a_crash(
    fresh: Run, undisturbed: Run, disk: SmallDisk
) -> None:
    """They are written through a memory map, which on a full disk would kill the process without a word."""
    disk.remount("size=64m")
    shutil.copytree(undisturbed.store, disk.seen / "store")
    run, before = fresh.at(store=disk.path / "store"), artefacts(disk.seen / "store")
    learned = ("--set", "ensemble={kind: stacking}")
    disk.remount(f"size={disk.used() + 2 * PAGE_BYTES}")
    assert is_full(disk.algokit(*run.arguments(*learned)), disk.path / "store" / "fit")
    assert leftovers(disk.seen) == []
    assert artefacts(disk.seen / "store") == before
    disk.remount("size=64m")
    assert disk.algokit(*run.arguments(*learned)).code == 0
    assert leftovers(disk.seen) == []
    assert predictions(run.out) == predictions(undisturbed.out), "one member has all the weight"


def pages_of(path: Path) -> int:
    return -(-path.stat().st_size // PAGE_BYTES) * PAGE_BYTES


def test_a_submission_that_does_not_fit_leaves_nothing_also_where_out_is_the_disk_itself(
    made: Run, undisturbed: Run, disk: SmallDisk
) -> None:
    disk.remount(f"size={pages(undisturbed.out) // 2}")
    for out in (disk.path / "out", disk.path):
        assert is_full(disk.algokit(*made.at(out=out).arguments()), out)
        assert list(disk.seen.iterdir()) == []
    disk.remount("size=64m")
    assert disk.algokit(*made.at(out=disk.path).arguments()).code == 0
    assert predictions(disk.seen) == predictions(undisturbed.out)
    assert leftovers(disk.seen) == []


def test_a_zip_or_a_demo_that_does_not_fit_leaves_nothing(undisturbed: Run, disk: SmallDisk) -> None:
    disk.remount(f"size={PAGE_BYTES}")
    pack = ("pack", str(undisturbed.out), "--out", str(disk.path / "zip"))
    assert is_full(disk.algokit(*pack), disk.path / "zip")
    assert is_full(disk.algokit("data", "demo", str(disk.path / "demo")), disk.path / "demo")
    assert list(disk.seen.iterdir()) == []
    disk.remount("size=64m")
    assert disk.algokit(*pack).code == 0
    assert [path.name for path in disk.seen.iterdir()] == ["zip"]


def test_a_disk_that_is_read_only_is_named_and_a_store_on_it_can_still_be_read(
    fresh: Run, undisturbed: Run, disk: SmallDisk
) -> None:
    disk.remount("size=64m")
    shutil.copytree(undisturbed.store, disk.seen / "store")
    disk.remount("ro")
    read_only = "cannot write here"
    assert is_told(disk.algokit(*fresh.at(store=disk.path / "new").arguments()), read_only, disk.path / "new")
    on_it = fresh.at(store=disk.path / "store", out=disk.path / "out")
    assert is_told(disk.algokit(*on_it.arguments()), read_only, on_it.out)
    assert is_told(disk.algokit("pack", str(undisturbed.out), "--out", str(disk.path / "zip")), read_only, disk.path)
    assert sorted(path.name for path in disk.seen.iterdir()) == ["store"]
    over = disk.algokit(*on_it.at(out=fresh.out).arguments("--json"))
    assert (over.code, over.made()) == (0, {})
    assert predictions(fresh.out) == predictions(undisturbed.out)


@pytest.mark.parametrize("option", ["--store", "--out"])
def test_a_file_in_the_way_is_named_before_it_is_touched(made: Run, tmp_path: Path, option: str) -> None:
    way = tmp_path / "file"
    way.write_text("precious", encoding="utf-8")
    place = way / "inside"
    over = algokit(*(made.at(store=place) if option == "--store" else made.at(out=place)).arguments())
    assert is_told(over, "cannot write here", place)
    assert way.read_text(encoding="utf-8") == "precious"
    assert prediction_file("subj01", "lh") not in predictions(made.out)
