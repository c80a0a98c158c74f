"""What the power going off may leave on a disk is whole; and the disk that forgets is itself held to what it is for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from losing_disk import Record, Tree
from running import PATIENCE_S, ended
from write_points import told

from algokit.atomic import move_aside, replacing, written_aside
from algokit.syncing import make_folder


def after_a_cut(root: Path, act: Callable[[], None]) -> list[Tree]:
    """What may be on the disk when the power goes during the act."""
    record = Record(root)
    with told(lambda _: None, [root], after=record.add):
        act()
    return list(record.states())


def contents(states: list[Tree], name: str) -> set[bytes | None]:
    """What a file may be found to hold; None where it may be missing."""
    return {tree.get(name) for tree in states}


def test_what_nobody_synced_may_be_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")

    def careless() -> None:
        (tmp_path / "new").write_bytes(b"new")
        (tmp_path / "new").rename(tmp_path / "file")

    assert contents(after_a_cut(tmp_path, careless), "file") == {b"old", b""}


def test_a_file_that_is_replaced_is_the_old_one_or_the_new_one_and_new_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")

    def careful() -> None:
        with replacing(tmp_path / "file") as aside:
            aside.write_bytes(b"new")

    states = after_a_cut(tmp_path, careful)
    assert contents(states, "file") == {b"old", b"new"}
    assert states[-1]["file"] == b"new"


def test_a_folder_with_everything_above_it_is_there_whole_or_not_there(tmp_path: Path) -> None:
    def careful() -> None:
        with written_aside(tmp_path / "features" / "ab" / "key") as aside:
            (aside / "values").write_bytes(b"values")

    states = after_a_cut(tmp_path, careful)
    assert contents(states, "features/ab/key/values") == {None, b"values"}
    assert not [tree for tree in states if "features/ab/key" in tree and "features/ab/key/values" not in tree]
    assert states[-1]["features/ab/key/values"] == b"values"


def test_a_folder_that_is_replaced_is_never_half_removed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("a", "b"):
        (tmp_path / "out" / name).write_bytes(b"old")

    def careful() -> None:
        with written_aside(tmp_path / "out") as aside:
            for name in ("a", "b"):
                (aside / name).write_bytes(b"new")

    for tree in after_a_cut(tmp_path, careful):
        assert (tree.get("out/a"), tree.get("out/b")) in {(b"old", b"old"), (b"new", b"new"), (None, None)}
        assert ("out" in tree) == ("out/a" in tree)


def test_what_is_removed_is_whole_until_it_is_gone(tmp_path: Path) -> None:
    import shutil

    (tmp_path / "fit").mkdir()
    for name in ("meta", "values"):
        (tmp_path / "fit" / name).write_bytes(b"1")
    states = after_a_cut(tmp_path, lambda: shutil.rmtree(move_aside([tmp_path / "fit"], tmp_path)))
    assert {("fit/meta" in tree, "fit/values" in tree) for tree in states} == {(True, True), (False, False)}


def test_folders_made_for_what_follows_are_not_lost_with_it(tmp_path: Path) -> None:
    states = after_a_cut(tmp_path, lambda: make_folder(tmp_path / "a" / "b" / "c"))
    assert "a/b/c" in states[-1]


@pytest.mark.parametrize(("stage", "n_runs"), [("steps", 6), ("submission", 1), ("zip", 1), ("study", 1)])
def test_the_power_going_at_any_write_leaves_what_is_whole_and_the_next_run_ends_with_the_same_bytes(
    stage: str, n_runs: int
) -> None:
    script = str(Path(__file__).with_name("power_cut.py"))
    over = ended((sys.executable, script, "--stage", stage, "--runs", str(n_runs)), None, 3 * PATIENCE_S)
    assert over.code == 0, over.out + over.err
    assert " 0 problems" in over.out
