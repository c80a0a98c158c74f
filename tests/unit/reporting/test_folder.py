"""A submission folder is replaced only where everything in it is ours, and written again only where it differs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import SmallRun

from algokit.errors import UsageError
from algokit.reporting.folder import refuse_foreign
from algokit.reporting.reported import read_reported
from algokit.scoring import read_vertices
from algokit.store import file_sha256

OURS = (
    "plan.json",
    "card.json",
    "report.html",
    "figures/roi-bars-classes.svg",
    "subj01/lh_pred_test.npy",
    "val/subj01/image_ids.npy",
    "vertices/test/subj01/lh_pearson_r.npy",
    "fits/a/subj01/rh_alpha.npy",
)


def _folder(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_nothing_an_empty_folder_and_a_submission_of_ours_may_be_replaced(tmp_path: Path) -> None:
    refuse_foreign(tmp_path / "absent")
    refuse_foreign(_folder(tmp_path))
    refuse_foreign(_folder(tmp_path / "ours", *OURS))


@pytest.mark.parametrize(
    ("names", "named"),
    [
        ((*OURS, "notes.txt"), "notes.txt"),
        ((*OURS, "subj01/lh_pred_test.npy.bak"), "subj01/lh_pred_test.npy.bak"),
        ((*OURS, "figures/my drawing.svg"), "figures/my drawing.svg"),
        ((*OURS, "vertices/notes.npy"), "vertices/notes.npy"),
        (("subj01/lh_pred_test.npy",), "subj01/lh_pred_test.npy"),
        (("photo.jpg",), "photo.jpg"),
    ],
)
def test_files_that_are_not_ours_are_named_and_kept(tmp_path: Path, names: tuple[str, ...], named: str) -> None:
    out = _folder(tmp_path / "out", *names)
    with pytest.raises(UsageError) as caught:
        refuse_foreign(out)
    assert named in caught.value.findings[0].found
    assert (out / named).exists()


def test_what_a_killed_process_was_writing_in_a_submission_is_removed_and_of_another_machine_left(
    tmp_path: Path,
) -> None:
    (tmp_path / "card.json").write_text("{}")
    elsewhere = tmp_path / ".card.json.00000000-1.ab12cd34.partial"
    elsewhere.touch()
    dying = """if True:
        import os, pathlib, sys
        from algokit.atomic import replacing
        with replacing(pathlib.Path(sys.argv[1])):
            os._exit(0)
    """
    subprocess.run((sys.executable, "-c", dying, str(tmp_path / "card.json")), check=True)
    assert len(list(tmp_path.iterdir())) == 3
    refuse_foreign(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"card.json", elsewhere.name}


def test_a_file_in_the_place_is_kept(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        refuse_foreign(_folder(tmp_path, "out") / "out")


def test_every_file_a_run_writes_is_known_as_ours(ran: SmallRun) -> None:
    refuse_foreign(ran.out)


def test_the_card_vouches_for_all_that_the_reports_are_made_from_and_not_for_the_reports(ran: SmallRun) -> None:
    stated = json.loads((ran.out / "card.json").read_text())["files"]
    there = {path.relative_to(ran.out).as_posix() for path in ran.out.rglob("*") if path.is_file()}
    derived = {name for name in there if name.startswith(("report.", "figures/"))}
    assert len(derived) > 10
    assert set(stated) == there - derived - {"card.json"}
    assert all(file_sha256(ran.out / name) == digest for name, digest in stated.items())


def test_the_numbers_of_the_vertices_lie_beside_the_scores_of_both_splits(ran: SmallRun) -> None:
    stored = json.loads((ran.out / "scores.json").read_text())
    for split in ("test", "val"):
        vertices = read_vertices(ran.out / "vertices", split)
        percent = [100 * value for one in vertices for value in one.normalized]
        assert sum(percent) / len(percent) == pytest.approx(stored[split]["noise_normalized_mean"], abs=1e-4)
        assert all(one.fsaverage_index is not None for one in vertices)


def test_scores_of_a_run_carry_intervals_that_hold_their_value(ran: SmallRun) -> None:
    for split in ("test", "val"):
        document = json.loads((ran.out / "scores.json").read_text())[split]
        total = next(row for row in document["rows"] if row["metric"] == "pearson_r_mean")
        assert document["intervals"]
        assert total["low"] < total["value"] < total["high"]


def test_a_run_with_nothing_to_do_leaves_every_byte_alone(ran: SmallRun) -> None:
    before = {path: path.stat().st_mtime_ns for path in ran.out.rglob("*")}
    assert ran.again(ran.out).reused
    assert {path: path.stat().st_mtime_ns for path in ran.out.rglob("*")} == before


@pytest.mark.parametrize("name", ["report.html", "vertices/test/subj01/lh_pearson_r.npy"])
def test_what_is_missing_is_written_again(ran: SmallRun, tmp_path: Path, name: str) -> None:
    out = ran.copied(tmp_path / "out")
    (out / name).unlink()
    assert not ran.again(out).reused
    assert (out / name).read_bytes() == (ran.out / name).read_bytes() or name == "report.html"


def test_the_same_run_elsewhere_gives_the_same_files_but_for_its_times(ran: SmallRun, tmp_path: Path) -> None:
    ran.again(tmp_path / "other")
    for path in ran.out.rglob("*"):
        name = path.relative_to(ran.out).as_posix()
        if path.is_file() and name not in ("card.json", "report.html"):
            assert (tmp_path / "other" / name).read_bytes() == path.read_bytes(), name
    cards = [json.loads((out / "card.json").read_text()) for out in (ran.out, tmp_path / "other")]
    for card in cards:
        card["timings"] = card["device"] = None
    assert cards[0] == cards[1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("card.json", "{"),
        ("card.json", '{"schema": "algokit-card/1", "recipe": 5}'),
        ("scores.json", "[3]"),
        ("scores.json", '{"test": {"rows": 3}}'),
        ("scores.json", '{"test": 3}'),
        ("plan.json", '{"members": "many"}'),
        ("fits/gabor/spaces.json", '[{"name": "x"}]'),
        ("fits/gabor/subj01/lh_alpha.npy", "no array"),
        ("vertices/test/subj01/lh_vertices.json", "{}"),
    ],
)
def test_a_damaged_folder_is_a_finding_that_names_it(ran: SmallRun, tmp_path: Path, name: str, content: str) -> None:
    out = ran.copied(tmp_path / "out")
    (out / name).write_text(content)
    with pytest.raises(UsageError) as caught:
        read_reported(out)
    assert caught.value.findings
    assert all(str(out) in finding.where for finding in caught.value.findings)


def test_choices_that_name_a_feature_space_which_is_not_there_are_refused(ran: SmallRun, tmp_path: Path) -> None:
    out = ran.copied(tmp_path / "out")
    spaces = json.loads((out / "fits" / "gabor" / "spaces.json").read_text())
    (out / "fits" / "gabor" / "spaces.json").write_text(json.dumps(spaces[:1]))
    with pytest.raises(UsageError, match="damaged"):
        read_reported(out)


def test_a_folder_without_vertices_still_has_its_scores(ran: SmallRun, tmp_path: Path) -> None:
    out = ran.copied(tmp_path / "out")
    shutil.rmtree(out / "vertices")
    reported = read_reported(out)
    assert reported.scores["test"] is not None
    assert reported.scores["test"].vertices == ()
