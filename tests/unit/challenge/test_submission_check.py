"""What findings say: counts, places, costs and advice. That every problem is found is held by tests/hostile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
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
from algokit.types import Finding

BODY = npy(values())


def only(tmp_path: Path, files: Files) -> Finding:
    (finding,) = check(write_folder(tmp_path, files))
    return finding


@pytest.mark.parametrize("write", [write_folder, write_zip])
def test_a_good_submission_has_no_findings(tmp_path: Path, write: object) -> None:
    assert check(write(tmp_path / "sub", good())) == []  # type: ignore[operator]


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
    files = {name: content for name, content in good().items() if name not in (LEFT, RIGHT)}
    files |= {"subj01/rh-pred-test.npy": BODY, "subj06/lh_pred_test2.npy": BODY, "subj01/lh_pred_val.npy": BODY}
    advice = {finding.path: finding.advice for finding in check(write_folder(tmp_path, files))}
    assert advice[LEFT].startswith("add it")
    assert advice[RIGHT] == "rename subj01/rh-pred-test.npy"


def test_a_missing_file_is_told_from_a_missing_subject(tmp_path: Path) -> None:
    finding = only(tmp_path, {name: content for name, content in good().items() if name not in (LEFT, RIGHT)})
    assert finding.expected == f"{LEFT} and {RIGHT}"


def test_non_finite_values_are_counted_and_the_first_is_placed(tmp_path: Path) -> None:
    array = values()
    array[2, 7] = array[2, 9] = array[6, 7] = np.inf
    found = only(tmp_path, with_left(array)).found
    assert found == "3 in 2 of 11 vertices; the first is inf at image 2, vertex 7"


def test_constant_vertices_are_counted_and_zero_ones_among_them(tmp_path: Path) -> None:
    array = values()
    array[:, [2, 5, 6]] = 0.1
    array[:, 5] = 0
    finding = only(tmp_path, with_left(array))
    assert (finding.found, finding.advice) == ("3 of 11 vertices, 1 of them zero", "they score 0")


def test_rows_with_the_same_prediction_are_named_in_their_groups(tmp_path: Path) -> None:
    array = values()
    array[[4, 6]] = array[1]
    array[5] = array[0]
    finding = only(tmp_path, with_left(array))
    assert finding.severity == "warning"
    assert finding.found == "5 of 7 images share theirs: rows 0 = 5; 1 = 4 = 6 (counted from 0)"


def test_rows_that_differ_at_one_vertex_alone_are_not_the_same(tmp_path: Path) -> None:
    array = values()
    array[4] = array[1]
    array[4, 3] += 1
    assert check(write_folder(tmp_path, with_left(array))) == []


@pytest.mark.parametrize(("factor", "found"), [(1, False), (30, False), (300, True), (1e-9, True)])
def test_a_scale_no_z_score_has_is_a_warning_and_others_are_not(tmp_path: Path, factor: float, found: bool) -> None:
    low, high = float(values().min()), float(values().max())
    findings = check(write_folder(tmp_path, with_left((factor * values()).astype(np.float32))))
    assert [finding.code for finding in findings] == ["implausible-range"] * found
    for finding in findings:
        assert finding.severity == "warning"
        assert finding.found.startswith(f"{factor * low:.4g} to {factor * high:.4g}")


def test_vertices_that_an_offset_leaves_few_digits_are_counted(tmp_path: Path) -> None:
    array = values().astype(np.float64)
    array[:, :3] = 64 + 1e-5 * array[:, :3]  # steps of float32 at 64 are 7.6e-6 wide
    finding = only(tmp_path, with_left(array.astype(np.float32)))
    assert (finding.code, finding.severity, finding.found) == ("coarse-values", "warning", "3 of 11 vertices")


def test_float64_says_what_it_costs_for_the_official_sizes(tmp_path: Path) -> None:
    manifest = shipped_manifest()
    geometry = {subject: manifest.geometry(subject) for subject in manifest.subjects}
    path = write_folder(tmp_path, {LEFT: npy(np.zeros((1, 1)))})
    (advice,) = (finding.advice for finding in validate_submission(path, geometry) if finding.code == "float64")
    assert "all files take 635.6 MB like this and 317.8 MB as float32" in advice
    assert "at most 300.0 MB" in advice


def test_the_owner_of_rows_of_another_shape_is_named(tmp_path: Path) -> None:
    assert only(tmp_path, with_left(values("subj06"))).what == "rows of another subject (subj06)"


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"PK\x03\x04" + bytes(99), "numpy.savez"), (b"\x80\x04K\x01.", "a pickle"), (b"<html>", "a web page")],
)
def test_what_is_no_array_is_told_by_what_it_is(tmp_path: Path, content: bytes, found: str) -> None:
    assert found in only(tmp_path, {**good(), LEFT: content}).found


@pytest.mark.parametrize(("content", "found"), [(b"", "an empty file"), (b"abc", "bytes of no kind that is known")])
def test_what_begins_as_no_array_is_not_called_one(tmp_path: Path, content: bytes, found: str) -> None:
    finding = only(tmp_path, {**good(), LEFT: content})
    assert finding.what == "not a .npy file"
    assert finding.found.startswith(found)


def test_one_column_at_more_than_half_of_the_vertices_is_a_warning(tmp_path: Path) -> None:
    array = values()
    array[:, [10, 1, 3, 5, 7, 9]] = array[:, [1]]
    finding = only(tmp_path, with_left(array))
    assert (finding.code, finding.severity) == ("duplicate-columns", "warning")
    assert finding.found == "6 of 11 vertices share one column"
    assert "are 1, 3, 5 (from 0)" in finding.advice
    array[:, :] = array[:, :1]
    assert only(tmp_path, with_left(array)).found == "11 of 11 vertices share one column"


def test_one_column_per_roi_is_a_legal_readout(tmp_path: Path) -> None:
    array = values()
    array[:, :5], array[:, 5:10] = array[:, [0]], array[:, [5]]
    assert check(write_folder(tmp_path, with_left(array))) == []
    array = values()
    array[:-1, :] = array[:-1, [0]]  # alike in all images but one
    assert check(write_folder(tmp_path, with_left(array))) == []


def test_names_of_a_folder_that_would_drive_a_terminal_are_shown_harmless(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "a\x1b[2Jb", {**good(), "subj01/\u202ex": b""})
    (finding,) = check(path)
    assert (finding.path, finding.where) == ("subj01/\\u202ex", str(path).replace("\x1b", "\\x1b"))


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "sub", {name: content for name, content in good().items() if name != LEFT})
    (write_folder(path, {"arrays.d/one": BODY}) / LEFT).symlink_to("../arrays.d/one")
    assert check(path) == []


def test_a_submission_may_itself_be_a_link(tmp_path: Path) -> None:
    write_folder(tmp_path / "sub", good())
    (tmp_path / "latest").symlink_to("sub")
    assert check(tmp_path / "latest") == []


def test_many_problems_of_one_kind_are_told_on_one_screen_and_hide_no_other(tmp_path: Path) -> None:
    names = {f"../{number}": b"x" for number in range(500)}
    findings = check(write_zip(tmp_path / "a.zip", {**good(), **names, "zz.tar": b"x"}))
    assert [finding.code for finding in findings] == 21 * ["path-traversal"] + ["nested-archive", "extra-file"]
    assert findings[20].what == "and 480 more like these"


def test_sizes_of_the_geometry_decide_and_not_the_files(tmp_path: Path) -> None:
    path = write_folder(tmp_path, good())
    (finding,) = validate_submission(path, {"subj01": GEOMETRY["subj01"]})
    assert (finding.code, finding.path, finding.expected) == ("extra-subject", "subj06", "subj01")
