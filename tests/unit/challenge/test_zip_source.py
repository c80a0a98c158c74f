"""A zip from a stranger: attacks are findings, memory stays bounded, nothing is written anywhere."""

from __future__ import annotations

import struct
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_submission import LEFT, RIGHT, check, codes, good, npy, values, write_zip

from algokit.challenge import zip_source
from algokit.challenge.submission import open_submission
from algokit.errors import SubmissionError

Change = Callable[[zipfile.ZipFile], None]
SHAPE = (7, 11)


def changed(path: Path, change: Change, *left_out: str) -> Path:
    """A good zip without some members, and with whatever ``change`` adds."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of duplicate names
        for name, content in good().items():
            if name not in left_out:
                archive.writestr(name, content)
        change(archive)
    return path


def member(name: str, content: bytes = b"x", mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> Change:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = method
    return lambda archive: archive.writestr(info, content)


def patched(path: Path, name: str, offset: int, value: bytes) -> Path:
    """Overwrite bytes of a member's entry in the central directory, at an offset from its signature."""
    content = bytearray(path.read_bytes())
    entry = content.rindex(name.encode()) - 46
    assert content[entry : entry + 4] == b"PK\x01\x02"
    content[entry + offset : entry + offset + len(value)] = value
    path.write_bytes(content)
    return path


BAD_NAMES = {
    "../escaped.npy": "path-traversal",
    "subj01/../../escaped.npy": "path-traversal",
    "..\\escaped.npy": "path-traversal",
    "/absolute/lh_pred_test.npy": "absolute-name",
    "\\\\server\\share.npy": "absolute-name",
    "C:/windows.npy": "absolute-name",
    "subj01\\lh_pred_test.npy": "backslash-in-name",
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_leaves_the_archive_is_found_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    path = changed(inside / "sub.zip", member(name))
    assert codes(path) == [(BAD_NAMES[name], name)]
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])


def test_a_nul_in_a_name_is_found(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.zip", member("subj01/lh_pred_test.npyXexe"))
    path.write_bytes(path.read_bytes().replace(b".npyXexe", b".npy\0exe"))
    assert [code for code, _ in codes(path)] == ["duplicate-member", "nul-in-name"]


def test_a_member_without_a_name_is_found(tmp_path: Path) -> None:
    assert codes(changed(tmp_path / "a.zip", member(""))) == [("empty-name", "")]


@pytest.mark.parametrize(
    ("mode", "code"), [(0o120777, "symlink"), (0o010644, "special-file"), (0o020644, "special-file")]
)
def test_a_member_that_is_no_regular_file_is_found_and_not_read(tmp_path: Path, mode: int, code: str) -> None:
    path = changed(tmp_path / "a.zip", member(LEFT, b"../../secret", mode), LEFT)
    assert codes(path) == [(code, LEFT)]


@pytest.mark.parametrize("name", ["more.zip", "subj01/x.tar.gz", "subj01/lh_pred_test.npz"])
def test_an_archive_inside_the_archive_is_found(tmp_path: Path, name: str) -> None:
    path = changed(tmp_path / "a.zip", member(name))
    assert codes(path) == [("nested-archive", name), ("extra-file", name)]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_without_a_bound_is_refused_unread(tmp_path: Path, method: int) -> None:
    path = changed(tmp_path / "a.zip", member(LEFT, npy(values()), method=method), LEFT)
    assert codes(path) == [("compression", LEFT)]
    with open_submission(path) as source, pytest.raises(SubmissionError, match="not deflate"):
        source.array(LEFT, SHAPE)


def test_stored_members_are_fine(tmp_path: Path) -> None:
    assert check(write_zip(tmp_path / "a.zip", good(), zipfile.ZIP_STORED)) == []


def test_encrypted_members_are_found(tmp_path: Path) -> None:
    path = patched(changed(tmp_path / "a.zip", lambda _: None), LEFT, 8, b"\x01\x00")
    assert codes(path) == [("encrypted", LEFT)]


def test_two_files_of_one_name_are_found(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.zip", member(LEFT, npy(2 * values())))
    assert codes(path) == [("duplicate-member", LEFT)]


def test_a_checksum_that_does_not_fit_is_found(tmp_path: Path) -> None:
    path = patched(changed(tmp_path / "a.zip", lambda _: None), LEFT, 16, b"\0\0\0\0")
    assert codes(path) == [("unreadable", LEFT)]


def test_a_name_that_differs_between_directory_and_file_is_found(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.zip", lambda _: None)
    content = path.read_bytes()
    path.write_bytes(content.replace(LEFT.encode(), LEFT.replace("lh", "xx").encode(), 1))
    assert codes(path) == [("unreadable", LEFT)]


def test_a_member_smaller_than_it_declares_is_found(tmp_path: Path) -> None:
    body = npy(values())
    path = changed(tmp_path / "a.zip", member(LEFT, body[:-40]), LEFT)
    assert codes(patched(path, LEFT, 24, struct.pack("<I", len(body)))) == [("unreadable", LEFT)]


def peak_bytes(action: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_bomb_costs_no_memory(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.zip", member(LEFT, npy(values()) + bytes(200_000_000)), LEFT)
    assert path.stat().st_size < 300_000
    found: list[tuple[str, str]] = []
    assert peak_bytes(lambda: found.extend(codes(path))) < 4_000_000
    assert found == [("over-long", LEFT)]


def test_a_bomb_that_declares_the_right_size_costs_no_memory(tmp_path: Path) -> None:
    body = npy(values())
    path = changed(tmp_path / "a.zip", member(LEFT, body + bytes(200_000_000)), LEFT)
    patched(path, LEFT, 24, struct.pack("<I", len(body)))
    found: list[tuple[str, str]] = []
    assert peak_bytes(lambda: found.extend(codes(path))) < 4_000_000
    assert found == [("unreadable", LEFT)]


def test_a_list_of_a_hundred_thousand_files_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * 100_000
    path.write_bytes(directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(directory), 0, 0))
    found: list[tuple[str, str]] = []
    assert peak_bytes(lambda: found.extend(codes(path))) < 4_000_000
    assert found == [("not-a-zip", "")]


def test_many_problems_are_told_on_one_screen(tmp_path: Path) -> None:
    names = [f"../{number}" for number in range(500)]
    findings = check(write_zip(tmp_path / "a.zip", {**good(), **dict.fromkeys(names, b"x")}))
    assert len(findings) == 21
    assert findings[-1].what == "and 480 more like these"


def test_an_archive_above_the_upload_limit_is_told_but_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_source, "UPLOAD_LIMIT_BYTES", 1000)
    (finding,) = check(write_zip(tmp_path / "a.zip", good()))
    assert (finding.code, finding.severity) == ("over-upload-limit", "warning")


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x05\x06", b"\x1f\x8b\x08" + bytes(60), npy(values())])
def test_a_file_that_is_no_zip_is_a_finding(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert codes(path) == [("not-a-zip", "")]


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_a_changed_zip_is_found_or_changes_nothing(tmp_path: Path, data: st.DataObject) -> None:
    path = write_zip(tmp_path / "a.zip", good())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    if not check(path):
        with open_submission(path) as source:
            np.testing.assert_array_equal(source.array(LEFT, SHAPE), values())
            np.testing.assert_array_equal(source.array(RIGHT, (7, 13)), values(hemisphere="rh"))
