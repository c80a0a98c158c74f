"""Per-vertex scores come back as they were written, and a damaged folder is refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_items import ITEMS

from algokit.errors import UsageError
from algokit.scoring import read_vertices, score, write_vertices
from algokit.types import Scores


@pytest.fixture(scope="module")
def scores() -> Scores:
    """One prediction constant, one not finite, no ceilings for one hemisphere, fsaverage known for another."""
    bad = ITEMS["subj01", "lh"].predictions.values.copy()
    bad[:, 4], bad[0, 7] = 2.0, np.nan
    items = {
        **ITEMS,
        ("subj01", "lh"): replace(
            ITEMS["subj01", "lh"],
            predictions=replace(ITEMS["subj01", "lh"].predictions, values=bad),
            fsaverage_index=np.arange(30) * 5,
        ),
        ("subj06", "rh"): replace(ITEMS["subj06", "rh"], ceilings=None),
    }
    return score(items.values())


@pytest.fixture
def folder(scores: Scores, tmp_path: Path) -> Path:
    write_vertices(tmp_path / "vertices", scores)
    return tmp_path / "vertices"


def test_what_is_written_comes_back(folder: Path, scores: Scores) -> None:
    read = read_vertices(folder, "test")
    assert len(read) == len(scores.vertices) == 4
    for mine, one in zip(read, scores.vertices, strict=True):
        names = ("subject", "hemisphere", "split", "n_images")
        assert [getattr(mine, name) for name in names] == [getattr(one, name) for name in names]
        for name in ("pearson_r", "ceiling", "normalized"):
            values = getattr(one, name)
            assert (values is None) == (getattr(mine, name) is None)
            if values is not None:
                np.testing.assert_array_equal(getattr(mine, name), values.astype(np.float32))
        np.testing.assert_array_equal(mine.constant, one.constant)
        np.testing.assert_array_equal(mine.nonfinite, one.nonfinite)
        assert list(mine.rois) == list(one.rois)
        for roi, vertices in one.rois.items():
            np.testing.assert_array_equal(mine.rois[roi], vertices)
    assert [None if one.fsaverage_index is None else one.fsaverage_index.tolist() for one in read] == [
        list(range(0, 150, 5)),
        None,
        None,
        None,
    ]
    assert [one.constant.sum() + 10 * one.nonfinite.sum() for one in read] == [11, 0, 0, 0]


def test_the_files_are_plain_arrays_of_known_names(folder: Path, scores: Scores) -> None:
    names = sorted(path.name for path in (folder / "test" / "subj01").iterdir())
    kinds = ("noise_ceiling.npy", "noise_normalized.npy", "pearson_r.npy", "roi_vertices.npy", "vertices.json")
    index = ["lh_fsaverage_index.npy"]
    assert names == sorted([f"{hemisphere}_{kind}" for hemisphere in ("lh", "rh") for kind in kinds] + index)
    values = np.load(folder / "test" / "subj01" / "rh_noise_normalized.npy")
    assert (values.dtype, values.shape) == (np.float32, (40,))
    assert np.load(folder / "test" / "subj01" / "lh_fsaverage_index.npy").dtype == np.int64


def test_writing_again_replaces_what_was_written(folder: Path, scores: Scores) -> None:
    fewer = score([ITEMS["subj06", "lh"]])
    write_vertices(folder, fewer)
    assert [(one.subject, one.hemisphere) for one in read_vertices(folder, "test")] == [("subj06", "lh")]


def test_files_of_others_are_not_replaced(scores: Scores, tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError) as caught:
        write_vertices(tmp_path, scores)
    assert [finding.code for finding in caught.value.findings] == ["out-taken"]
    assert (tmp_path / "test" / "thesis.tex").read_text() == "years of work"


def test_scores_read_from_their_document_have_no_vertices_to_write(scores: Scores, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to write"):
        write_vertices(tmp_path, replace(scores, vertices=()))
    assert not (tmp_path / "test").exists()


def _edit(**changes: object) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        path = place / "lh_vertices.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


DAMAGE: dict[str, Callable[[Path], object]] = {
    "an array is gone": lambda place: (place / "lh_pearson_r.npy").unlink(),
    "the document is gone": lambda place: (place / "lh_vertices.json").unlink(),
    "an array is cut short": lambda place: (place / "lh_pearson_r.npy").write_bytes(
        (place / "lh_pearson_r.npy").read_bytes()[:-4]
    ),
    "an array is empty": lambda place: (place / "lh_pearson_r.npy").write_bytes(b""),
    "an array is pickled": lambda place: np.save(place / "lh_pearson_r.npy", np.array([{}] * 30), allow_pickle=True),
    "an array is of another size": lambda place: np.save(place / "lh_noise_ceiling.npy", np.zeros(29, np.float32)),
    "an array is of another type": lambda place: np.save(place / "lh_noise_ceiling.npy", np.zeros(30)),
    "a value is not finite": lambda place: np.save(place / "lh_pearson_r.npy", np.full(30, np.nan, np.float32)),
    "the document is no JSON": lambda place: (place / "lh_vertices.json").write_text("{"),
    "the document is a list": lambda place: (place / "lh_vertices.json").write_text("[]"),
    "the document is of another subject": _edit(subject="subj02"),
    "the document is of another split": _edit(split="val"),
    "the document names no pearson_r": _edit(files=[]),
    "a vertex does not exist": _edit(constant=[30]),
    "an ROI is longer than its file": _edit(rois=[["streams", "early", 99]]),
    "hemispheres are swapped": lambda place: (shutil.copy(place / "rh_vertices.json", place / "lh_vertices.json"),),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_folder_is_refused_and_the_file_named(folder: Path, case: str) -> None:
    DAMAGE[case](folder / "test" / "subj01")
    with pytest.raises(UsageError, match="damaged") as caught:
        read_vertices(folder, "test")
    assert [finding.code for finding in caught.value.findings] == ["bad-vertices"]
    assert "subj01" in caught.value.findings[0].where


def test_a_folder_without_this_split_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_vertices(folder, "val")
    assert [finding.code for finding in caught.value.findings] == ["no-vertices"]


@pytest.mark.parametrize("name", ["lh_vertices.json", "lh_pearson_r.npy"])
def test_a_pipe_in_place_of_a_file_is_damage_and_nothing_waits_for_it(name: str, tmp_path: Path) -> None:
    write_vertices(tmp_path, score(ITEMS.values()))
    pipe = tmp_path / "test" / "subj01" / name
    pipe.unlink()
    os.mkfifo(pipe)
    with pytest.raises(UsageError) as caught:
        read_vertices(tmp_path, "test")
    assert "not a regular file" in caught.value.findings[0].found
