"""Every way to get the files wrong is a finding with its place; a good submission has none."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_submission import (
    GEOMETRY,
    LEFT,
    RIGHT,
    Files,
    check,
    codes,
    good,
    npy,
    values,
    with_left,
    write_folder,
    write_zip,
)

from algokit.challenge import shipped_manifest
from algokit.challenge.submission_check import validate_submission

CONTAINERS = ["folder", "zip"]


def written(tmp_path: Path, files: Files, container: str) -> Path:
    return write_folder(tmp_path / "sub", files) if container == "folder" else write_zip(tmp_path / "sub.zip", files)


def without(*names: str) -> Files:
    return {name: content for name, content in good().items() if name not in names}


def renamed(old: str, new: str) -> Files:
    return {name.replace(old, new): content for name, content in good().items()}


def spoilt(row: int, column: int, value: float) -> np.ndarray:
    array = values()
    array[row, column] = value
    return array


def header(shape: str, dtype: str = "<f4", order: str = "False", version: bytes = b"\x01\x00") -> bytes:
    """A header that says whatever it is told to."""
    text = f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    size = struct.pack("<H" if version[0] == 1 else "<I", len(text) + 1)
    return b"\x93NUMPY" + version + size + text + b"\n"


CONSTANT = values()
CONSTANT[:, [2, 5]] = 0.1
BODY = npy(values())
RAW = values().tobytes()

BROKEN: dict[str, tuple[Files, list[tuple[str, str]]]] = {
    "one file missing": (without(LEFT), [("missing-file", LEFT)]),
    "one subject missing": (without(LEFT, RIGHT), [("missing-subject", "subj01")]),
    "a subject too many": ({**good(), "subj09/lh_pred_test.npy": BODY}, [("extra-subject", "subj09")]),
    "one folder too many": (renamed("subj", "best/subj"), [("extra-folder-level", "best/")]),
    "nothing": ({}, [("missing-subject", "subj01"), ("missing-subject", "subj06")]),
    "no subject folders": (
        {"lh_pred_test.npy": BODY},
        [
            ("missing-file", LEFT),
            ("missing-file", RIGHT),
            ("missing-file", "subj06/lh_pred_test.npy"),
            ("missing-file", "subj06/rh_pred_test.npy"),
            ("extra-file", "lh_pred_test.npy"),
        ],
    ),
    "wrong case of a folder": (
        renamed("subj01", "Subj01"),
        [("wrong-case", "Subj01/lh_pred_test.npy"), ("wrong-case", "Subj01/rh_pred_test.npy")],
    ),
    "wrong case of a file": (
        renamed("lh_pred", "LH_pred"),
        [("wrong-case", "subj01/LH_pred_test.npy"), ("wrong-case", "subj06/LH_pred_test.npy")],
    ),
    "a wrong name": (
        renamed(LEFT, "subj01/lh_test_pred.npy"),
        [("missing-file", LEFT), ("extra-file", "subj01/lh_test_pred.npy")],
    ),
    "a subject's number without its zero": (
        renamed("subj01", "subj1"),
        [("missing-file", LEFT), ("missing-file", RIGHT), ("extra-subject", "subj1")],
    ),
    "another array beside": ({**good(), "subj01/lh_old.npy": BODY}, [("extra-file", "subj01/lh_old.npy")]),
    "float64": (with_left(values().astype(np.float64)), [("float64", LEFT)]),
    "float16": (with_left(values().astype(np.float16)), [("float16", LEFT)]),
    "integers": (with_left(values().astype(np.int32)), [("wrong-dtype", LEFT)]),
    "complex numbers": (with_left(values().astype(np.complex64)), [("wrong-dtype", LEFT)]),
    "text": (with_left(values().astype("S4")), [("wrong-dtype", LEFT)]),
    "big-endian": (with_left(values().astype(">f4")), [("big-endian", LEFT)]),
    "Fortran order": (with_left(np.asfortranarray(values())), [("fortran-order", LEFT)]),
    "transposed": (with_left(values().T.copy()), [("transposed", LEFT)]),
    "hemispheres swapped": (
        {**good(), LEFT: npy(values(hemisphere="rh")), RIGHT: npy(values(hemisphere="lh"))},
        [("hemispheres-swapped", LEFT), ("hemispheres-swapped", RIGHT)],
    ),
    "both of another subject": (with_left(values("subj06")), [("another-subject", LEFT)]),
    "images of another subject": (with_left(np.ones((9, 11), np.float32)), [("another-subject", LEFT)]),
    "training images": (with_left(np.ones((20, 11), np.float32)), [("training-images", LEFT)]),
    "one image short": (with_left(values()[:-1]), [("wrong-images", LEFT)]),
    "one vertex short": (with_left(values()[:, :-1].copy()), [("wrong-shape", LEFT)]),
    "flattened": (with_left(values().ravel()), [("wrong-shape", LEFT)]),
    "an axis too many": (with_left(values()[None]), [("wrong-shape", LEFT)]),
    "a scalar": (with_left(np.float32(1)), [("wrong-shape", LEFT)]),
    "no images": (with_left(values()[:0]), [("wrong-images", LEFT)]),
    "wrong shape and wrong dtype": (
        with_left(values().T.astype(np.int64)),
        [("transposed", LEFT), ("wrong-dtype", LEFT)],
    ),
    "NaN": (with_left(spoilt(3, 4, np.nan)), [("not-finite", LEFT)]),
    "infinite": (with_left(spoilt(3, 4, -np.inf)), [("not-finite", LEFT)]),
    "beyond float32": (with_left(values().astype(np.float64) * 1e300), [("float64", LEFT), ("not-finite", LEFT)]),
    "constant vertices": (with_left(CONSTANT), [("constant-columns", LEFT)]),
    "all zero": (with_left(np.zeros_like(values())), [("all-constant", LEFT)]),
    "every vertex constant": (
        with_left(np.ones_like(values()) * np.arange(11)),
        [("float64", LEFT), ("all-constant", LEFT)],
    ),
    "pickled objects": (with_left(values().astype(object), allow_pickle=True), [("pickled", LEFT)]),
    "pickled fields": (with_left(np.zeros(2, [("a", object)]), allow_pickle=True), [("pickled", LEFT)]),
    "empty": ({**good(), LEFT: b""}, [("not-npy", LEFT)]),
    "not an array": ({**good(), LEFT: b"<html>please log in</html>"}, [("not-npy", LEFT)]),
    "a bare pickle": ({**good(), LEFT: b"\x80\x04K\x01."}, [("not-npy", LEFT)]),
    "cut inside its header": ({**good(), LEFT: BODY[:40]}, [("not-npy", LEFT)]),
    "cut inside its values": ({**good(), LEFT: BODY[:-5]}, [("truncated", LEFT)]),
    "no values at all": ({**good(), LEFT: BODY[:128]}, [("truncated", LEFT)]),
    "bytes after the end": ({**good(), LEFT: BODY + b"\0"}, [("over-long", LEFT)]),
    "two arrays in one file": ({**good(), LEFT: BODY + BODY}, [("over-long", LEFT)]),
    "a header that claims terabytes": (
        {**good(), LEFT: header("(7, 1000000000000)") + RAW},
        [("wrong-shape", LEFT), ("truncated", LEFT)],
    ),
    "a header that claims a wider type": (
        {**good(), LEFT: header("(7, 11)", "<f8") + RAW},
        [("float64", LEFT), ("truncated", LEFT)],
    ),
    "negative sizes": ({**good(), LEFT: header("(-7, -11)") + RAW}, [("not-npy", LEFT)]),
    "a header that is code": ({**good(), LEFT: header("__import__('os').getpid()") + RAW}, [("not-npy", LEFT)]),
    "a header without end": ({**good(), LEFT: b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + RAW}, [("not-npy", LEFT)]),
    "a header nested without end": ({**good(), LEFT: header("(" * 9000)}, [("not-npy", LEFT)]),
    "a dtype that is none": ({**good(), LEFT: header("(7, 11)", "<q99") + RAW}, [("not-npy", LEFT)]),
    "an unknown format": ({**good(), LEFT: header("(7, 11)", version=b"\x09\x00") + RAW}, [("not-npy", LEFT)]),
    "everything at once": (
        {RIGHT: npy(values(hemisphere="rh").T.copy()), "subj06/lh_pred_test.npy": b"x", "subj07/a.npy": b"x"},
        [
            ("missing-file", LEFT),
            ("missing-file", "subj06/rh_pred_test.npy"),
            ("extra-subject", "subj07"),
            ("transposed", RIGHT),
            ("not-npy", "subj06/lh_pred_test.npy"),
        ],
    ),
}
WARNINGS = {"float64", "float16", "big-endian", "fortran-order", "constant-columns", "extra-file"}


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_good_submission_has_no_findings(tmp_path: Path, container: str) -> None:
    assert check(written(tmp_path, good(), container)) == []


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("case", BROKEN)
def test_every_problem_is_found_at_its_place_and_nothing_else(tmp_path: Path, case: str, container: str) -> None:
    files, expected = BROKEN[case]
    (tmp_path / "sub").mkdir()
    path = written(tmp_path, files, container)
    findings = check(path)
    assert [(finding.code, finding.path) for finding in findings] == expected
    for finding in findings:
        assert finding.where == str(path)
        assert (finding.severity == "warning") == (finding.code in WARNINGS)


def test_a_format_2_header_is_read_like_any_other(tmp_path: Path) -> None:
    assert check(write_folder(tmp_path, with_left(values(), version=(2, 0)))) == []


def test_what_lies_beside_the_files_of_a_folder_is_no_business_of_the_check(tmp_path: Path) -> None:
    beside = ["plan.json", "card.json", "scores.json", "report.md", "val/subj01/lh_pred_val.npy", ".DS_Store"]
    beside += ["fits/member/subj01/lh_alpha.npy", "subj01/.hidden"]
    assert check(write_folder(tmp_path, {**good(), **dict.fromkeys(beside, b"x")})) == []


def test_the_same_files_in_a_zip_are_one_too_many_each(tmp_path: Path) -> None:
    extra = ["card.json", "__MACOSX/subj01/._lh_pred_test.npy"]
    path = write_zip(tmp_path / "a.zip", {**good(), **dict.fromkeys(extra, b"x")})
    assert codes(path) == [("extra-file", name) for name in sorted(extra)]


def test_a_misnamed_file_is_suggested_and_never_one_of_another_subject_or_hemisphere(tmp_path: Path) -> None:
    files = {**without(LEFT, RIGHT), "subj01/rh-pred-test.npy": BODY, "subj06/lh_pred_test2.npy": BODY}
    advice = {finding.path: finding.advice for finding in check(write_folder(tmp_path, files))}
    assert advice[LEFT].startswith("add it")
    assert advice[RIGHT] == "rename subj01/rh-pred-test.npy"


def test_a_missing_file_is_told_from_a_missing_subject(tmp_path: Path) -> None:
    (finding,) = check(write_folder(tmp_path, without(LEFT, RIGHT)))
    assert finding.expected == f"{LEFT} and {RIGHT}"


@pytest.mark.parametrize("case", BROKEN)
def test_whatever_stops_a_submission_comes_with_advice(tmp_path: Path, case: str) -> None:
    (tmp_path / "sub").mkdir()
    for finding in check(written(tmp_path, BROKEN[case][0], "folder")):
        assert finding.severity == "warning" or finding.advice, finding


def test_non_finite_values_are_counted_and_the_first_is_placed(tmp_path: Path) -> None:
    array = values()
    array[2, 7] = array[2, 9] = array[6, 7] = np.inf
    (finding,) = check(write_folder(tmp_path, with_left(array)))
    assert finding.found == "3 in 2 of 11 vertices; the first is inf at image 2, vertex 7"


def test_constant_vertices_are_counted(tmp_path: Path) -> None:
    (finding,) = check(write_folder(tmp_path, with_left(CONSTANT)))
    assert (finding.found, finding.advice) == ("2 of 11 vertices", "they score 0")


def test_float64_says_what_it_costs_for_the_official_sizes(tmp_path: Path) -> None:
    manifest = shipped_manifest()
    geometry = {subject: manifest.geometry(subject) for subject in manifest.subjects}
    path = write_folder(tmp_path, {LEFT: npy(np.zeros((1, 1)))})
    advice = [finding.advice for finding in validate_submission(path, geometry) if finding.code == "float64"]
    assert advice == ["all files take 635.6 MB instead of 317.8 MB"]


def test_the_owner_of_foreign_rows_is_named(tmp_path: Path) -> None:
    (finding,) = check(write_folder(tmp_path, with_left(values("subj06"))))
    assert finding.what == "rows of another subject (subj06)"


def test_a_loaded_pickle_would_have_left_a_trace(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "trace"),)

    path = write_folder(tmp_path / "sub", with_left(np.array([Trap()], object), allow_pickle=True))
    assert codes(path) == [("pickled", LEFT)]
    assert not (tmp_path / "trace").exists()


def test_names_that_would_drive_a_terminal_are_shown_harmless(tmp_path: Path) -> None:
    name = "subj01/\x1b[2Jlh\u202e.npy"
    path = write_zip(tmp_path / "a.zip", {**good(), name: BODY})
    assert codes(path) == [("extra-file", "subj01/\\x1b[2Jlh\\u202e.npy")]


@pytest.mark.parametrize("what", ["nothing", "pipe"])
def test_a_path_that_is_no_submission_is_a_finding(tmp_path: Path, what: str) -> None:
    path = tmp_path / "here"
    if what == "pipe":
        os.mkfifo(path)
    assert codes(path) == [("not-found", "")]


def test_a_pipe_in_place_of_a_file_is_not_opened(tmp_path: Path) -> None:
    path = write_folder(tmp_path, without(LEFT))
    os.mkfifo(path / LEFT)
    assert ("special-file", LEFT) in codes(path)


def test_a_link_to_nowhere_is_a_finding(tmp_path: Path) -> None:
    path = write_folder(tmp_path, without(LEFT))
    (path / LEFT).symlink_to("nowhere.npy")
    assert codes(path) == [("unreadable", LEFT), ("missing-file", LEFT)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_header_is_found_or_changes_nothing(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(BODY)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 127))] = data.draw(st.integers(0, 255))
    path = write_folder(tmp_path, {**good(), LEFT: bytes(content)})
    findings = check(path)
    assert {finding.path for finding in findings} <= {LEFT}
    if not findings:
        np.testing.assert_array_equal(np.load(path / LEFT, allow_pickle=False), values())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(names=st.sets(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), max_size=6))
def test_every_further_name_in_a_zip_is_found_whatever_it_is(tmp_path: Path, names: set[str]) -> None:
    path = write_zip(tmp_path / "a.zip", {**good(), **{f"subj01/{name}": b"x" for name in names}})
    assert len(check(path)) >= len(names)


def test_sizes_of_the_geometry_decide_and_not_the_files(tmp_path: Path) -> None:
    path = write_folder(tmp_path, good())
    (finding,) = validate_submission(path, {"subj01": GEOMETRY["subj01"]})
    assert (finding.code, finding.path, finding.expected) == ("extra-subject", "subj06", "subj01")
