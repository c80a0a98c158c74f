"""Repeats of images within a split: counted from a design, or read from a table."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from nsd_files import N_IMAGES, N_PER_SESSION, SESSIONS, design_path, write_design

from algokit.challenge.nsd import read_repeats
from algokit.errors import DataError

TRAINING = {3: 1, 40: 2, 500: 3, 6000: 2}
TEST = {40: 1, 6000: 1, 7: 3, 71: 2, 45_000: 1}  # 40 and 6000 are training images that came once more at the end


@pytest.mark.parametrize("number", [1, 3, 4, 6, 8])
def test_only_trials_of_the_split_count(tmp_path: Path, number: int) -> None:
    write_design(tmp_path, number, TRAINING, TEST)
    repeats = read_repeats(design_path(tmp_path), f"subj{number:02d}")
    np.testing.assert_array_equal(repeats.of("train", np.array([*TRAINING])), [*TRAINING.values()])
    np.testing.assert_array_equal(repeats.of("test", np.array([7, 71, 45_000])), [3, 2, 1])


def test_every_trial_of_a_random_design_is_counted_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    order = rng.permutation(np.repeat(np.arange(N_IMAGES), 3))
    images = np.stack([rng.choice(73_000, N_IMAGES, replace=False) for _ in SESSIONS])
    path = tmp_path / "nsd_expdesign.mat"
    # Indices from 1; as small integers, which MATLAB may save whole numbers as.
    content = {"masterordering": (order[None] + 1).astype(np.uint16), "subjectim": (images + 1).astype(np.int32)}
    scipy.io.savemat(path, content)
    for number, n_sessions in enumerate(SESSIONS, start=1):
        repeats = read_repeats(path, f"subj{number:02d}")
        shown = [int(images[number - 1][trial]) for trial in order[: N_PER_SESSION * n_sessions]]
        n_training = N_PER_SESSION * (n_sessions - 3)
        assert repeats.trials["train"] == Counter(shown[:n_training])
        assert repeats.trials["test"] == Counter(shown[n_training:])
        assert len(shown[n_training:]) == 2250


@pytest.mark.parametrize(
    ("side", "image_ids", "problem"),
    [
        ("train", [3, 8, 9], "0 of nsd-00008; 2 of 3"),
        ("train", [3, 41], "4 of nsd-00041; 1 of 2"),
        ("test", [7, 3], "0 of nsd-00003"),
        ("test", [7, 40], "shown in training"),
    ],
)
def test_images_that_are_not_of_the_split_are_refused(
    tmp_path: Path, side: str, image_ids: list[int], problem: str
) -> None:
    write_design(tmp_path, 2, {**TRAINING, 41: 4}, TEST)
    repeats = read_repeats(design_path(tmp_path), "subj02")
    with pytest.raises(DataError, match=problem) as caught:
        repeats.of(side, np.array(image_ids))  # type: ignore[arg-type]
    assert {finding.code for finding in caught.value.findings} == {"repeats-mismatch"}


def test_a_design_that_is_none_is_refused_with_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "nsd_expdesign.mat"
    scipy.io.savemat(path, {"masterordering": np.array([[1, 2, 99]]), "subjectim": np.array([[1, 0.5]])})
    with pytest.raises(DataError) as caught:
        read_repeats(path, "subj01")
    paths = [finding.path for finding in caught.value.findings]
    assert paths == ["masterordering", "masterordering", "subjectim", "subjectim"]


@pytest.mark.parametrize(
    "content", [{"masterordering": np.ones((1, 3))}, {"masterordering": "text", "subjectim": np.ones((8, 2))}]
)
def test_a_mat_file_without_the_design_is_refused(tmp_path: Path, content: dict[str, object]) -> None:
    path = tmp_path / "nsd_expdesign.mat"
    scipy.io.savemat(path, content)
    with pytest.raises(DataError, match="none in"):
        read_repeats(path, "subj01")


def test_a_damaged_mat_file_is_a_finding_wherever_it_is_cut(tmp_path: Path) -> None:
    write_design(tmp_path, 1, TRAINING, TEST)
    path = design_path(tmp_path)
    whole = path.read_bytes()
    damaged = [whole[: len(whole) * part // 10] for part in range(10)]
    damaged += [b"MATLAB 7.3 MAT-file" + bytes(105) + b"\x00\x02IM" + bytes(100), b"text\n" * 50]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            read_repeats(path, "subj01")
        assert {finding.code for finding in caught.value.findings} <= {"bad-mat", "bad-design"}


def test_a_subject_nsd_does_not_have_is_refused(tmp_path: Path) -> None:
    write_design(tmp_path, 1, TRAINING, TEST)
    with pytest.raises(DataError, match="subj01 to subj08"):
        read_repeats(design_path(tmp_path), "subj09")


def test_a_table_gives_the_same_repeats_as_a_design(tmp_path: Path) -> None:
    write_design(tmp_path, 5, TRAINING, {7: 3})
    rows = [("train", i, image_id, n) for i, (image_id, n) in enumerate(TRAINING.items())] + [("test", 0, 7, 3)]
    table = tmp_path / "subj05_repeats.csv"
    table.write_text("\n".join(["split,row,nsd_id,repeats", *(",".join(map(str, row)) for row in rows)]) + "\n")
    by_design, by_table = (read_repeats(path, "subj05") for path in (design_path(tmp_path), table))
    for side, image_ids in (("train", [*TRAINING]), ("test", [7])):
        ids = np.array(image_ids)
        np.testing.assert_array_equal(by_table.of(side, ids), by_design.of(side, ids))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "found nothing"),
        ("split,nsd_id\ntrain,3\n", "other columns"),
        ("split,row,nsd_id,repeats\ntrain,0,3,2\nval,0,4,2\n", "csv:3: not a row"),
        ("split,row,nsd_id,repeats\ntrain,0,3\n", "not a row"),
        ("split,row,nsd_id,repeats\ntrain,0,3,1.5\n", "not a row"),
        ("split,row,nsd_id,repeats\ntrain,0,-3,1\n", "not a row"),
        (f"split,row,nsd_id,repeats\ntrain,0,{'9' * 5000},1\n", "not a row"),
        ("split,row,nsd_id,repeats\ntrain,0,3,2\ntrain,1,3,2\n", "csv:3: an image twice"),
        ("\xff\xfe", "not a readable table"),
        ("split,row,nsd_id,repeats\n" + "train,0,x,2\n" * 9, "first 5 of 9"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "subj01_repeats.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=problem):
        read_repeats(path, "subj01")
