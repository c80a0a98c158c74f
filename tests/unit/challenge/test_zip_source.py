"""A zip as a source of arrays: they come out as they went in. What strangers do to zips is in tests/hostile."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_submission import LEFT, check, good, npy, values, write_zip

from algokit.challenge import zip_source
from algokit.challenge.submission import open_submission
from algokit.errors import SubmissionError

SHAPE = (7, 11)


def test_stored_members_are_fine(tmp_path: Path) -> None:
    assert check(write_zip(tmp_path / "a.zip", good(), zipfile.ZIP_STORED)) == []


def test_members_with_sizes_of_64_bits_are_fine(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in good().items():
            with archive.open(name, "w", force_zip64=True) as stream:
                stream.write(content)
    assert check(tmp_path / "a.zip") == []


def test_members_whose_sizes_follow_them_are_fine(tmp_path: Path) -> None:
    with (tmp_path / "a.zip").open("wb") as file, zipfile.ZipFile(_Unseekable(file), "w", 8) as archive:  # type: ignore[type-var]
        for name, content in good().items():
            archive.writestr(name, content)
    assert check(tmp_path / "a.zip") == []


class _Unseekable:
    """A file that can only be written on, such as a pipe."""

    def __init__(self, file: object) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data)  # type: ignore[attr-defined, no-any-return]

    def flush(self) -> None:
        self._file.flush()  # type: ignore[attr-defined]


def test_folders_in_a_zip_are_fine(tmp_path: Path) -> None:
    assert check(write_zip(tmp_path / "a.zip", {"subj01/": b"", "subj06/": b"", **good()})) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_without_a_bound_is_refused_unread(tmp_path: Path, method: int) -> None:
    path = write_zip(tmp_path / "a.zip", good(), method)
    with open_submission(path) as source, pytest.raises(SubmissionError, match="not deflate"):
        source.array(LEFT, SHAPE)


def test_an_archive_above_the_upload_limit_is_told_but_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_source, "UPLOAD_LIMIT_BYTES", 1000)
    (finding,) = check(write_zip(tmp_path / "a.zip", good()))
    assert (finding.code, finding.severity) == ("over-upload-limit", "warning")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\x1f\x8b\x08" + bytes(60), "gzip (63 bytes)"),
        (bytes(257) + b"ustar" + bytes(300), "a tar archive (562 bytes)"),
        (b"", "an empty file"),
        (b"x", "bytes of no kind that is known here (1 bytes)"),
        (b"PK\x03\x04" + bytes(100), "a zip that is cut short: its list of files is missing"),
    ],
)
def test_what_is_no_zip_is_told_by_what_it_is(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    (finding,) = check(tmp_path / "a.zip")
    assert (finding.code, finding.found) == ("not-a-zip", found)


def test_arrays_come_out_as_they_went_in(tmp_path: Path) -> None:
    with open_submission(write_zip(tmp_path / "a.zip", good())) as source:
        np.testing.assert_array_equal(source.array(LEFT, SHAPE), values())


@pytest.mark.parametrize("array", [np.asfortranarray(values()), values().astype(">f4"), values().astype(np.float64)])
def test_other_floats_and_orders_are_converted(tmp_path: Path, array: np.ndarray) -> None:
    with open_submission(write_zip(tmp_path / "a.zip", {**good(), LEFT: npy(array)})) as source:
        loaded = source.array(LEFT, SHAPE)
    assert loaded.dtype == np.dtype("<f4")
    assert loaded.flags.c_contiguous
    np.testing.assert_array_equal(loaded, values())
