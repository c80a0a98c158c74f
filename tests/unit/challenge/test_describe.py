"""Which manifest applies, and what a folder without one says of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from breaking import CEILING, FMRI, IMAGES, MASKS, TEST, Break, array, content, cut, image, remove

from algokit.challenge import Manifest, check_data, describe_directory, manifest_to_yaml, open_challenge
from algokit.errors import DataError

FIRST_TEST_IMAGE = f"{TEST}/test_images/test-0001_nsd-00015.png"


@pytest.fixture
def bare(small: Path) -> Path:
    """The small challenge without its manifest."""
    (small / "data_manifest.yaml").unlink()
    return small


def test_a_folder_without_a_manifest_describes_itself(bare: Path, small_manifest: Manifest) -> None:
    described = describe_directory(bare)
    without_repeats = {
        subject: entry.model_copy(update={"repeats": None}) for subject, entry in small_manifest.subjects.items()
    }
    expected = {"name": "custom", "version": 1, "subjects": without_repeats}
    assert described == small_manifest.model_copy(update=expected)
    assert open_challenge(bare).manifest == described


def test_a_sound_folder_without_a_manifest_has_one_note_that_says_so(bare: Path) -> None:
    (note,) = check_data(bare)
    assert (note.severity, note.code, note.where) == ("note", "self-described", str(bare))
    assert "algokit data manifest" in note.advice


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (remove(image(12)), ["missing-image"]),
        (remove(FMRI), ["missing-file"]),
        (content(FMRI, b""), ["bad-header"]),
        (array(FMRI, lambda a: a[:5, :7].copy()), ["wrong-shape"]),
        (array(CEILING, lambda a: a[:-1]), ["wrong-shape"]),
        (cut(FMRI, -1), ["truncated-file"]),
        (array(f"{MASKS}/lh.all-vertices_fsaverage_space.npy", np.zeros_like), ["vertex-mask"]),
        (array(f"{MASKS}/lh.streams_fsaverage_space.npy", lambda a: a[:-1]), ["wrong-shape"]),
        (remove(FIRST_TEST_IMAGE), ["missing-image"]),
        (content(FIRST_TEST_IMAGE, b"no image"), ["image-unreadable"]),
    ],
)
def test_one_broken_file_does_not_change_what_a_folder_says_of_itself(
    bare: Path, change: Break, codes: list[str]
) -> None:
    before = describe_directory(bare)
    change(bare)
    assert describe_directory(bare) == before
    assert [finding.code for finding in check_data(bare)] == ["self-described", *codes]


def test_a_size_that_nothing_tells_is_asked_for(bare: Path) -> None:
    remove(f"{TEST}/test_images", f"{TEST}/test_fmri")(bare)
    (finding,) = check_data(bare)
    assert (finding.code, finding.where) == ("cannot-describe", str(bare / "test_data/subj01"))
    with pytest.raises(DataError, match="number of test images"):
        open_challenge(bare)


def test_one_training_file_of_official_shape_makes_a_folder_the_official_challenge(bare: Path) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (9841, 20544)}
    with (bare / FMRI.replace("lh_", "rh_")).open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
    findings = check_data(bare, quick=True)
    assert "self-described" not in {finding.code for finding in findings}
    (shape,) = [finding for finding in findings if finding.where == str(bare / FMRI)]
    assert (shape.code, shape.expected, shape.found) == ("wrong-shape", "(9841, 19004)", "(12, 30)")


def test_a_folder_without_readable_training_responses_is_held_against_the_official_challenge(bare: Path) -> None:
    for path in bare.glob("train_data/*/training_split/training_fmri/*.npy"):
        path.write_bytes(b"")
    missing = [finding for finding in check_data(bare, quick=True) if finding.code == "missing-image"]
    assert str(bare / IMAGES) in {finding.where for finding in missing}
    assert any("9841 images" in finding.expected for finding in missing)


def test_a_manifest_given_wins_over_the_one_in_the_folder(small: Path, small_manifest: Manifest) -> None:
    given = small_manifest.model_copy(update={"image_px": 16})
    assert {finding.code for finding in check_data(small, given)} == {"image-size"}
    (small / "data_manifest.yaml").write_text(manifest_to_yaml(given), encoding="utf-8")
    assert {finding.code for finding in check_data(small)} == {"image-size"}
    assert check_data(small, small_manifest) == []
