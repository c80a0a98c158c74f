"""The zip for upload: what a server would unpack from it, and the same bytes every time."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_submission import GEOMETRY, LEFT, check, good, npy, values, with_left, write_folder, write_zip

from algokit.challenge import packing, shipped_manifest
from algokit.challenge.packing import forecast_bytes, pack_submission
from algokit.errors import SubmissionError, UsageError


def test_the_zip_unpacks_to_the_files_of_the_folder_and_no_others(tmp_path: Path) -> None:
    beside = {"card.json": b"{}", "val/subj01/lh_pred_val.npy": b"", "subj01/notes.txt": b""}
    folder = write_folder(tmp_path / "sub", {**good(), **beside})
    out = pack_submission(folder, tmp_path / "new" / "sub.zip", GEOMETRY)
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(good())
        for name, content in good().items():
            expected = np.load(io.BytesIO(content))
            np.testing.assert_array_equal(np.load(io.BytesIO(archive.read(name))), expected)
    assert check(out) == []


def test_the_same_submission_gives_the_same_bytes(tmp_path: Path) -> None:
    first = pack_submission(write_folder(tmp_path / "a", good()), tmp_path / "1.zip", GEOMETRY)
    reordered = write_folder(tmp_path / "b", dict(reversed(good().items())))
    for path in reordered.rglob("*.npy"):
        os.utime(path, (1e9, 1e9))
        path.chmod(0o600)
    second = pack_submission(reordered, tmp_path / "2.zip", GEOMETRY)
    third = pack_submission(first, tmp_path / "3.zip", GEOMETRY)
    assert first.read_bytes() == second.read_bytes() == third.read_bytes()


def test_members_state_no_time_and_no_owner(tmp_path: Path) -> None:
    out = pack_submission(write_folder(tmp_path / "a", good()), tmp_path / "a.zip", GEOMETRY)
    with zipfile.ZipFile(out) as archive:
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.external_attr >> 16, info.create_system) == (0o100644, 3)
            assert info.compress_type == zipfile.ZIP_DEFLATED
            assert info.extra == b""


@pytest.mark.parametrize("array", [values().astype(np.float64), np.asfortranarray(values()), values().astype(">f4")])
def test_a_file_with_warnings_goes_in_without_them(tmp_path: Path, array: np.ndarray) -> None:
    plain = pack_submission(write_folder(tmp_path / "a", good()), tmp_path / "a.zip", GEOMETRY)
    folder = write_folder(tmp_path / "b", with_left(array))
    assert [finding.severity for finding in check(folder)] == ["warning"]
    assert pack_submission(folder, tmp_path / "b.zip", GEOMETRY).read_bytes() == plain.read_bytes()


def test_only_the_subjects_asked_for_go_in(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", {name: data for name, data in good().items() if "subj01" in name})
    out = pack_submission(folder, tmp_path / "a.zip", {"subj01": GEOMETRY["subj01"]})
    assert zipfile.ZipFile(out).namelist() == ["subj01/lh_pred_test.npy", "subj01/rh_pred_test.npy"]


def test_a_submission_with_errors_is_refused_with_all_of_them_and_nothing_is_written(tmp_path: Path) -> None:
    broken = {**with_left(values().T.copy()), "subj06/rh_pred_test.npy": b""}
    with pytest.raises(SubmissionError) as caught:
        pack_submission(write_folder(tmp_path / "a", broken), tmp_path / "a.zip", GEOMETRY)
    assert [finding.code for finding in caught.value.findings] == ["transposed", "not-npy"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_zip_that_came_out_wrong_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(tmp_path / "a", good())
    monkeypatch.setattr(packing, "write_array", lambda stream, array: stream.write(npy(2 * array)[:-1]))
    old = write_zip(tmp_path / "a.zip", {LEFT: b"old"})
    before = old.read_bytes()
    with pytest.raises(SubmissionError):
        pack_submission(folder, old, GEOMETRY)
    assert old.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.zip"]


def test_only_a_zip_is_replaced(tmp_path: Path) -> None:
    folder, thesis = write_folder(tmp_path / "a", good()), tmp_path / "thesis.tex"
    thesis.write_text("years of work")
    for taken in (thesis, folder):
        with pytest.raises(UsageError, match=f"{taken.name}: not a zip"):
            pack_submission(folder, taken, GEOMETRY)
    assert thesis.read_text() == "years of work"
    old = write_zip(tmp_path / "a.zip", {LEFT: b"old"})
    assert check(pack_submission(folder, old, GEOMETRY)) == []


def test_what_is_not_itself_a_submission_is_refused_with_those_inside(tmp_path: Path) -> None:
    folders = [write_folder(tmp_path / "all" / name, good()) for name in "ab"]
    with pytest.raises(UsageError) as caught:
        pack_submission(tmp_path / "all", tmp_path / "all.zip", GEOMETRY)
    assert [finding.where for finding in caught.value.findings] == [str(folder) for folder in folders]
    with pytest.raises(UsageError, match="no such file or folder"):
        pack_submission(tmp_path / "none", tmp_path / "none.zip", GEOMETRY)


def test_the_advice_for_a_nested_zip_leads_to_one_that_is_right(tmp_path: Path) -> None:
    nested = write_zip(tmp_path / "nested.zip", {f"best/{name}": data for name, data in good().items()})
    (finding,) = check(nested)
    assert finding.advice.endswith("unpack it and give algokit pack the folder best/")
    zipfile.ZipFile(nested).extractall(tmp_path / "unpacked")
    assert check(pack_submission(tmp_path / "unpacked" / "best", tmp_path / "best.zip", GEOMETRY)) == []


def test_the_forecast_for_the_official_sizes_is_what_participants_measured() -> None:
    manifest = shipped_manifest()
    geometry = {subject: manifest.geometry(subject) for subject in manifest.subjects}
    assert 295e6 < forecast_bytes(geometry) < 296e6  # deflated float32 submissions of 2023: 295 to 296 MB
