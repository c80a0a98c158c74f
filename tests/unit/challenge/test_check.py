"""What a check says about a whole directory, and what opening one refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from breaking import CEILING, FMRI, IMAGES, MASKS, TEST, array, content, copy, cut, image, picture, remove, value

from algokit.challenge import check_data, open_challenge
from algokit.errors import DataError
from algokit.types import Progress


def test_a_directory_as_its_manifest_says_has_no_findings(small: Path) -> None:
    assert check_data(small) == []


def test_departures_of_all_kinds_and_subjects_are_found_at_once(small: Path) -> None:
    for change in (copy(image(3), image(3, 31)), remove(image(7)), value(FMRI, (0, 0), np.nan), cut(CEILING, -1)):
        change(small)
    remove("train_data/subj06/training_split/training_fmri/rh_training_fmri.npy")(small)
    picture("test_data/subj06/test_split/test_images/test-0002_nsd-00025.png", "L", 7, 7)(small)
    assert sorted(finding.code for finding in check_data(small)) == sorted(
        [
            "duplicate-number",
            "missing-image",
            "not-finite",
            "truncated-file",
            "missing-file",
            "image-size",
            "image-mode",
        ]
    )


def test_quick_looks_at_structure_but_not_at_values_and_not_into_images(small: Path) -> None:
    value(FMRI, (0, 0), np.nan)(small)
    content(image(2), b"no image")(small)
    cut(CEILING, -1)(small)
    remove(image(5))(small)
    assert {finding.code for finding in check_data(small, quick=True)} == {"truncated-file", "missing-image"}


def test_absent_test_responses_and_other_folders_are_notes(small: Path) -> None:
    remove(f"{TEST}/test_fmri", f"{TEST}/noise_ceiling")(small)
    (small / "nsd").mkdir()
    (small / IMAGES / ".DS_Store").touch()
    findings = check_data(small)
    assert [(finding.code, finding.severity, finding.found) for finding in findings] == [
        ("no-test-responses", "note", "none for subj01"),
        ("no-ceilings", "note", "none for subj01"),
        ("extra-folder", "note", "nsd"),
    ]


def test_files_of_nsd_beside_the_challenge_are_not_called_ignored(small: Path) -> None:
    remove(f"{TEST}/noise_ceiling")(small)
    (small / "nsd" / "nsddata_betas").mkdir(parents=True)
    assert not {"extra-folder", "no-ceilings"} & {finding.code for finding in check_data(small)}


def test_progress_reaches_every_file_and_image(small: Path) -> None:
    messages: list[Progress] = []
    check_data(small, progress=messages.append)
    n_images, n_arrays = 12 + 5 + 10 + 6, 2 * 2 * (1 + 1 + 6 + 6 + 1 + 1)
    assert [message.done for message in messages] == list(range(1, n_images + n_arrays + 1))
    assert {message.total for message in messages} == {n_images + n_arrays}


@pytest.mark.parametrize("name", ["nothing", "empty", "file", "subj01"])
def test_a_place_without_a_challenge_is_said_to_be_one(small: Path, name: str) -> None:
    place = small / "train_data" / "subj01" if name == "subj01" else small / name
    (small / "empty").mkdir()
    (small / "file").touch()
    (finding,) = check_data(place)
    assert (finding.code, finding.where) == ("no-challenge", str(place))
    assert "train_data/subj01" in finding.expected


def test_a_broken_manifest_is_a_finding(small: Path) -> None:
    (small / "data_manifest.yaml").write_text("name: [", encoding="utf-8")
    (finding,) = check_data(small)
    assert finding.where.startswith(str(small / "data_manifest.yaml") + ":")


def test_open_refuses_with_every_structural_problem_and_no_other(small: Path) -> None:
    remove(image(7))(small)
    cut("train_data/subj06/training_split/training_fmri/rh_training_fmri.npy", -4)(small)
    array(CEILING, np.asfortranarray)(small)
    value(FMRI, (0, 0), np.nan)(small)
    with pytest.raises(DataError) as caught:
        open_challenge(small)
    assert [finding.code for finding in caught.value.findings] == ["missing-image", "truncated-file"]


def closed(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Refuse to list these folders, as their modes would to anybody but root."""
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path) in folders:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


@pytest.mark.parametrize("name", [IMAGES, MASKS, "train_data/subj01", "train_data"])
def test_a_folder_that_cannot_be_listed_is_one_finding_among_the_others(
    small: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    value(CEILING, 0, np.nan)(small)
    closed(monkeypatch, small / name)
    closed_folder, ceiling = check_data(small)
    assert (closed_folder.what, closed_folder.where) == ("permission denied", str(small / name))
    assert (closed_folder.code, closed_folder.severity) == ("unreadable", "error")
    assert ceiling.code == "ceiling-range"
    assert "download" not in closed_folder.advice


@pytest.mark.parametrize("name", [FMRI, image(2)])
def test_a_file_that_may_not_be_read_need_not_be_downloaded_again(
    small: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    opened = Path.open

    def refuse(path: Path, *arguments: str) -> object:
        if path == small / name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    (finding,) = check_data(small)
    assert "permission denied" in finding.found
    assert "chmod" in finding.advice and "download" not in finding.advice


def test_only_ceilings_that_can_be_percent_are_to_be_divided(small: Path) -> None:
    value(CEILING, 3, np.nan)(small)
    assert "divided" not in check_data(small)[0].advice
    array(CEILING, lambda a: 100 * np.nan_to_num(a))(small)
    assert "divided" in check_data(small)[0].advice


def test_a_challenge_all_in_another_case_is_named(small: Path) -> None:
    for side in ("train_data", "test_data"):
        for number in ("01", "06"):
            (small / side / f"subj{number}").rename(small / side / f"SUBJ{number}")
    findings = check_data(small)
    assert {(finding.code, finding.found, finding.expected) for finding in findings} == {
        ("name-case", "SUBJ01", "subj01"),
        ("name-case", "SUBJ06", "subj06"),
    }
    assert len(findings) == 4
