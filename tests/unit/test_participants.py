"""The command line of BIDS Apps, and what participants and group make."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from algokit import verbs
from algokit.cli.bids import as_verb
from algokit.errors import DataError, UsageError
from algokit.recipe.load import shipped_recipes

DEMO = shipped_recipes()["demo"]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ([], []),
        (["run", "/a"], ["run", "/a"]),
        (["/d", "/o", "group"], ["bids", "/d", "/o", "group"]),
        (
            ["/d", "/o", "participant", "--participant-label", "01", "05", "--recipe", "r"],
            [
                "bids",
                "/d",
                "/o",
                "participant",
                "--participant-label",
                "01",
                "--participant-label",
                "05",
                "--recipe",
                "r",
            ],
        ),
        (
            ["/d", "/o", "participant", "--participant_label", "01", "--participant_label", "05"],
            ["bids", "/d", "/o", "participant", "--participant_label", "01", "--participant_label", "05"],
        ),
    ],
)
def test_an_absolute_path_comes_first_in_a_bids_app_and_labels_stand_in_a_row(
    words: list[str], meant: list[str]
) -> None:
    assert as_verb(words) == meant


def predictions(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*_pred_*.npy")}


def test_participants_one_by_one_and_the_group_end_as_one_run(small_demo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for label, subject in (("sub-01", "subj01"), ("6", "subj06")):
        report = verbs.run_participants(DEMO, data=small_demo, out=out, labels=[label])
        assert report.submission == out / "participants" / f"demo-{subject}"
        assert {path.name for path in report.submission.glob("subj*")} == {subject}
    group = verbs.run_group(DEMO, data=small_demo, out=out)
    assert not any(one.made for one in group.run.outcomes)  # all was in the store
    whole = verbs.run(DEMO, data=small_demo, out=tmp_path / "whole", store=tmp_path / "store")
    assert predictions(group.run.submission) == predictions(whole.submission)
    assert (out / "demo.zip").is_file()
    card, other = (json.loads((one / "card.json").read_text()) for one in (group.run.submission, whole.submission))
    assert card["scores"] == other["scores"]


def test_the_group_names_every_participant_that_was_not_run(small_demo: Path, tmp_path: Path) -> None:
    verbs.run_participants(DEMO, data=small_demo, out=tmp_path, labels=["01"])
    with pytest.raises(DataError) as refusal:
        verbs.run_group(DEMO, data=small_demo, out=tmp_path)
    assert [one.where for one in refusal.value.findings] == ["subj06"]
    assert "--participant-label 06" in refusal.value.findings[-1].advice
    assert not (tmp_path / "demo").exists()


def test_every_label_that_is_nobody_is_named(small_demo: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refusal:
        verbs.run_participants(DEMO, data=small_demo, out=tmp_path, labels=["01", "09", "x"])
    assert [one.found for one in refusal.value.findings] == ["09", "x"]
    assert not list(tmp_path.iterdir())
