"""The zip for upload: what a server would unpack from it, and the same bytes every time."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import small_submission
from small_submission import GEOMETRY, LEFT, check, good, npy, values, with_left, write_folder, write_zip

from algokit.challenge import packing, shipped_manifest
from algokit.challenge.packing import forecast_bytes, pack_submission
from algokit.errors import SubmissionError, UsageError
from algokit.types import Progress, SubjectGeometry

KILLED = """
import os, signal, sys
from pathlib import Path
from small_submission import GEOMETRY
from algokit.challenge.packing import pack_submission

def progress(message):
    if message.step == "pack" and message.done == 2:
        os.kill(os.getpid(), signal.SIGKILL)

pack_submission(Path(sys.argv[1]), Path(sys.argv[2]), GEOMETRY, progress=progress)
"""


def test_the_zip_unpacks_to_the_files_of_the_folder_and_no_others(tmp_path: Path) -> None:
    beside = {"card.json": b"{}", "val/subj01/lh_pred_val.npy": b"", "subj01/notes.txt": b""}
    folder = write_folder(tmp_path / "sub", {**good(), **beside})
    out = pack_submission(folder, tmp_path / "new" / "sub.zip", GEOMETRY).path
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(good())
        for name, content in good().items():
            expected = np.load(io.BytesIO(content))
            np.testing.assert_array_equal(np.load(io.BytesIO(archive.read(name))), expected)
    assert check(out) == []


def test_the_same_submission_gives_the_same_bytes(tmp_path: Path) -> None:
    first = pack_submission(write_folder(tmp_path / "a", good()), tmp_path / "1.zip", GEOMETRY).path
    reordered = write_folder(tmp_path / "b", dict(reversed(good().items())))
    for path in reordered.rglob("*.npy"):
        os.utime(path, (1e9, 1e9))
        path.chmod(0o600)
    second = pack_submission(reordered, tmp_path / "2.zip", GEOMETRY).path
    third = pack_submission(first, tmp_path / "3.zip", GEOMETRY).path
    assert first.read_bytes() == second.read_bytes() == third.read_bytes()


def test_members_state_no_time_and_no_owner(tmp_path: Path) -> None:
    out = pack_submission(write_folder(tmp_path / "a", good()), tmp_path / "a.zip", GEOMETRY).path
    with zipfile.ZipFile(out) as archive:
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.external_attr >> 16, info.create_system) == (0o100644, 3)
            assert info.compress_type == zipfile.ZIP_DEFLATED
            assert info.extra == b""


@pytest.mark.parametrize("array", [values().astype(np.float64), np.asfortranarray(values()), values().astype(">f4")])
def test_a_file_with_warnings_goes_in_without_them(tmp_path: Path, array: np.ndarray) -> None:
    plain = pack_submission(write_folder(tmp_path / "a", good()), tmp_path / "a.zip", GEOMETRY).path
    folder = write_folder(tmp_path / "b", with_left(array))
    assert [finding.severity for finding in check(folder)] == ["warning"]
    assert pack_submission(folder, tmp_path / "b.zip", GEOMETRY).path.read_bytes() == plain.read_bytes()


def test_only_the_subjects_asked_for_go_in(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", {name: data for name, data in good().items() if "subj01" in name})
    out = pack_submission(folder, tmp_path / "a.zip", {"subj01": GEOMETRY["subj01"]}).path
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
    assert check(pack_submission(folder, old, GEOMETRY).path) == []


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
    assert check(pack_submission(tmp_path / "unpacked" / "best", tmp_path / "best.zip", GEOMETRY).path) == []


def test_a_zip_killed_half_written_leaves_the_old_one_and_the_next_sweeps_up(tmp_path: Path) -> None:
    folder, out = write_folder(tmp_path / "a", good()), write_zip(tmp_path / "a.zip", {LEFT: b"old"})
    before = out.read_bytes()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(out)], cwd=Path(small_submission.__file__).parent
    )
    assert killed.returncode == -signal.SIGKILL
    assert out.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3  # the folder, the old zip, and what was left half-written
    assert check(pack_submission(folder, out, GEOMETRY).path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.zip"]


@pytest.mark.parametrize("trim_bits", [None, 8])
def test_the_size_is_told_before_it_is_written_and_close_to_what_it_becomes(
    tmp_path: Path, trim_bits: int | None
) -> None:
    sizes = {"subj01": SubjectGeometry("subj01", 9, 250, {"lh": 600, "rh": 700})}  # more than a sample per file
    rng = np.random.default_rng(0)
    files = {
        f"subj01/{side}_pred_test.npy": npy(rng.standard_normal((250, n), dtype=np.float32))
        for side, n in sizes["subj01"].n_vertices.items()
    }
    out, told = tmp_path / "a.zip", []

    def announce(n_bytes: int) -> None:
        assert not out.exists()
        told.append(n_bytes)

    packed = pack_submission(write_folder(tmp_path / "a", files), out, sizes, trim_bits=trim_bits, announce=announce)
    assert told == [packed.forecast_bytes]
    assert packed.n_bytes == out.stat().st_size == pytest.approx(packed.forecast_bytes, rel=0.005)
    assert packed.n_bytes / (4 * 250 * 1300) == pytest.approx(0.93 if trim_bits is None else 0.76, abs=0.02)


def test_rounded_predictions_are_the_same_bytes_every_time_and_as_close_as_their_bits_allow(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", good())
    plain = pack_submission(folder, tmp_path / "0.zip", GEOMETRY)
    first, second = (pack_submission(folder, tmp_path / name, GEOMETRY, trim_bits=8) for name in ("1.zip", "2.zip"))
    again = pack_submission(first.path, tmp_path / "3.zip", GEOMETRY, trim_bits=8)
    assert first.path.read_bytes() == second.path.read_bytes() == again.path.read_bytes()
    assert first.n_bytes < plain.n_bytes
    assert check(first.path) == []
    with zipfile.ZipFile(first.path) as archive:
        for name, content in good().items():
            wanted, found = np.load(io.BytesIO(content)), np.load(io.BytesIO(archive.read(name)))
            assert not np.any(found.view(np.uint32) & 0xFF)
            np.testing.assert_allclose(found, wanted, rtol=2.0**-16, atol=0)


def test_a_column_that_rounding_would_make_constant_keeps_its_values(tmp_path: Path) -> None:
    array = values()
    array[:, 3] = np.float32(1) + np.arange(len(array), dtype=np.float32) * np.float32(2) ** -23
    folder = write_folder(tmp_path / "a", with_left(array))
    packed = pack_submission(folder, tmp_path / "a.zip", GEOMETRY, trim_bits=8)
    assert packed.n_columns_kept == 1
    assert [one.code for one in packed.findings] == [one.code for one in check(folder)]
    with zipfile.ZipFile(packed.path) as archive:
        found = np.load(io.BytesIO(archive.read(LEFT)))
    np.testing.assert_array_equal(found[:, 3], array[:, 3])
    assert not np.any(np.delete(found, 3, axis=1).view(np.uint32) & 0xFF)


def test_what_the_inspector_refuses_is_not_written(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", good())

    def refuse(zip_path: Path) -> None:
        assert check(zip_path) == []
        raise SubmissionError("not this one")

    with pytest.raises(SubmissionError, match="not this one"):
        pack_submission(folder, tmp_path / "a.zip", GEOMETRY, inspect=refuse)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_every_file_is_told_as_it_goes_in(tmp_path: Path) -> None:
    messages: list[Progress] = []
    pack_submission(write_folder(tmp_path / "a", good()), tmp_path / "a.zip", GEOMETRY, progress=messages.append)
    packing = [one for one in messages if one.step == "pack"]
    assert [(one.done, one.total) for one in packing] == [(done, 4) for done in range(5)]
    assert [one.note for one in packing[:4]] == sorted(good())


def test_the_forecast_for_the_official_sizes_is_what_participants_measured() -> None:
    manifest = shipped_manifest()
    geometry = {subject: manifest.geometry(subject) for subject in manifest.subjects}
    assert 295e6 < forecast_bytes(geometry) < 296e6  # deflated float32 submissions of 2023: 295 to 296 MB
