"""The files of a submission: names, bytes, and where submissions are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_submission import LEFT, good, npy, values, write_folder, write_zip

from algokit.challenge import submission
from algokit.challenge.submission import find_submissions, open_submission, prediction_file, write_predictions
from algokit.errors import SubmissionError, UsageError
from algokit.types import Predictions

SHAPE = (7, 11)


def predictions(array: np.ndarray, split: str = "test") -> Predictions:
    return Predictions(array, np.arange(len(array)), "subj01", "lh", split)  # type: ignore[arg-type]


def test_files_have_the_names_the_challenge_asks_for() -> None:
    assert prediction_file("subj01", "lh") == "subj01/lh_pred_test.npy"
    assert prediction_file("subj08", "rh", "val") == "subj08/rh_pred_val.npy"


@pytest.mark.parametrize("array", [values(), np.asfortranarray(values()), values().astype(np.float64)])
def test_whatever_is_predicted_is_written_as_float32_in_c_order(tmp_path: Path, array: np.ndarray) -> None:
    write_predictions(tmp_path, [predictions(array)])
    assert (tmp_path / LEFT).read_bytes() == npy(values(), version=(1, 0))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(stream: object, array: object) -> None:
        stream.write(b"half")  # type: ignore[attr-defined]
        raise RuntimeError("killed")

    write_predictions(tmp_path, [predictions(values())])
    before = (tmp_path / LEFT).read_bytes()
    monkeypatch.setattr(submission, "write_array", fail)
    with pytest.raises(RuntimeError, match="killed"):
        write_predictions(tmp_path, [predictions(2 * values())])
    assert (tmp_path / LEFT).read_bytes() == before
    assert [path.name for path in (tmp_path / "subj01").iterdir()] == ["lh_pred_test.npy"]


def test_predictions_of_another_number_of_images_than_ids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="of 3 images"):
        write_predictions(tmp_path, [Predictions(values(), np.arange(3), "subj01", "lh", "test")])
    assert not list(tmp_path.iterdir())


def test_arrays_of_a_folder_are_memory_mapped(tmp_path: Path) -> None:
    with open_submission(write_folder(tmp_path, good())) as source:
        loaded = source.array(LEFT, SHAPE)
    assert isinstance(loaded if isinstance(loaded, np.memmap) else loaded.base, np.memmap)
    np.testing.assert_array_equal(loaded, values())


@pytest.mark.parametrize("container", ["folder", "zip"])
@pytest.mark.parametrize("content", [npy(values().T.copy()), npy(values().astype(int)), npy(values())[:-1], b"junk"])
def test_an_array_that_is_not_the_expected_one_is_never_loaded(tmp_path: Path, container: str, content: bytes) -> None:
    files = {**good(), LEFT: content}
    path = write_folder(tmp_path / "a", files) if container == "folder" else write_zip(tmp_path / "a.zip", files)
    with open_submission(path) as source, pytest.raises(SubmissionError) as caught:
        source.array(LEFT, SHAPE)
    assert caught.value.findings[0].path == LEFT


def test_a_submission_folder_and_a_zip_are_found_as_themselves(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", good())
    packed = write_zip(tmp_path / "b.zip", good())
    assert find_submissions(folder) == [folder]
    assert find_submissions(packed) == [packed]


def test_a_folder_of_submissions_gives_each_once(tmp_path: Path) -> None:
    folders = [write_folder(tmp_path / name, good()) for name in ("b", "a-1.2")]
    write_zip(tmp_path / "b.zip", good())
    alone = write_zip(tmp_path / "c.zip", good())
    write_folder(tmp_path / "empty-run", {"card.json": b"{}"})
    write_folder(tmp_path, {"README.md": b"", ".a.123.partial/subj01/lh_pred_test.npy": b"", "other/notes.txt": b""})
    assert find_submissions(tmp_path) == [folders[1], folders[0], alone, tmp_path / "empty-run"]


def test_folders_named_submission_are_not_taken_for_subjects(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "submission1", good())
    assert find_submissions(tmp_path) == [folder]


def test_a_tree_of_submissions_gives_those_of_every_level(tmp_path: Path) -> None:
    deep = write_folder(tmp_path / "2024" / "may" / "best", good())
    packed = write_zip(tmp_path / "2024" / "c.zip", good())
    flat = write_folder(tmp_path / "z", good())
    (tmp_path / "latest").symlink_to("2024/may/best")
    (tmp_path / "2024" / "loop").symlink_to("..")
    assert find_submissions(tmp_path) == [packed, deep, flat]


def test_the_challenge_itself_is_not_taken_for_submissions(tmp_path: Path) -> None:
    write_folder(tmp_path, {"data/train_data/subj01/training_split/a.npy": b"", "data/test_data/subj01/x/y.npy": b""})
    folder = write_folder(tmp_path / "sub", good())
    assert find_submissions(tmp_path) == [folder]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_place_without_submissions_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as caught:
        find_submissions(tmp_path / name)
    assert caught.value.findings[0].where == str(tmp_path / name)
