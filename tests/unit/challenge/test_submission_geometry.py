"""Which sizes a submission is held against, and who says so."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from algokit.challenge import Manifest, open_challenge, shipped_manifest
from algokit.challenge.submission_geometry import submission_geometry
from algokit.errors import SubmissionError

ENTRY = {"n_train": 20, "n_test": 7, "n_vertices": {"lh": 11, "rh": 13}}


def write_card(folder: Path, entries: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "card.json").write_text(json.dumps({"geometry": entries}), encoding="utf-8")
    return folder


def sizes(path: Path, *sources: Any) -> tuple[dict[str, tuple[int, int]], str]:
    geometry, source = submission_geometry(path, *(sources or (None, None)))
    return {subject: (one.n_test, one.n_vertices["rh"]) for subject, one in geometry.items()}, source


def test_the_data_come_before_a_manifest_and_a_manifest_before_the_card(
    tmp_path: Path, template: Path, small_manifest: Manifest
) -> None:
    card = write_card(tmp_path / "sub", {"subj03": ENTRY})
    challenge = open_challenge(template)
    own = {"subj01": (5, 34), "subj06": (6, 31)}
    assert sizes(card, challenge, shipped_manifest()) == (own, f"the data in {template}")
    assert sizes(card, None, small_manifest) == (own, "the manifest of small")
    assert sizes(card, None, None) == ({"subj03": (7, 13)}, str(card / "card.json"))


def test_a_zip_is_held_against_the_card_of_the_folder_it_was_packed_from(tmp_path: Path) -> None:
    card = write_card(tmp_path / "sub-1.2", {"subj03": ENTRY})
    assert sizes(tmp_path / "sub-1.2.zip", None, None) == ({"subj03": (7, 13)}, str(card / "card.json"))


def test_without_anything_else_the_official_challenge_is_expected(tmp_path: Path) -> None:
    found, source = sizes(tmp_path, None, None)
    assert len(found) == 8
    assert found["subj08"] == (395, 20530)
    assert shipped_manifest().name in source


@pytest.mark.parametrize(
    "entries",
    [None, [], {"subj01": {}}, {"subj01": {**ENTRY, "n_test": 0}}, {"subj01": {**ENTRY, "n_vertices": {"lh": 3}}}],
)
def test_a_card_without_usable_sizes_is_refused(tmp_path: Path, entries: Any) -> None:
    with pytest.raises(SubmissionError) as caught:
        submission_geometry(write_card(tmp_path / "sub", entries), None, None)
    assert caught.value.findings[0].code == "bad-card"


def test_a_card_whose_subjects_are_no_subjects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError):
        submission_geometry(write_card(tmp_path / "sub", {"../../etc": ENTRY}), None, None)


def test_a_card_too_large_to_be_one_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "card.json").touch()
    os.truncate(tmp_path / "card.json", 10_000_000_000)
    with pytest.raises(SubmissionError) as caught:
        submission_geometry(tmp_path, None, None)
    assert "larger than" in caught.value.findings[0].found


def test_a_stream_has_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_card(tmp_path, {"subj03": ENTRY}))
    assert len(sizes(None)[0]) == 8  # type: ignore[arg-type]


def test_a_card_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_bytes(b"\xff{")
    with pytest.raises(SubmissionError, match=r"card\.json is not a card"):
        submission_geometry(tmp_path, None, None)
