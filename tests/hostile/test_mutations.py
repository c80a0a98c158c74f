"""A good submission, its bytes changed in hundreds of ways: findings or no change at all, never another exception."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contents import BODY, literal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_submission import GEOMETRY, LEFT, good, values, write_folder, write_zip

from algokit.challenge import Challenge
from algokit.challenge.packing import pack_submission
from algokit.challenge.submission import open_submission
from algokit.challenge.submission_check import locate, validate_submission
from algokit.errors import AlgokitError
from algokit.scoring import score_submission
from algokit.types import Finding, errors_among

steady = settings(
    derandomize=True,
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Change = Callable[[bytes], bytes]


@st.composite
def changed(draw: st.DrawFn, content: bytes, n_bytes: int) -> bytes:
    """Some bytes overwritten, dropped, doubled or put in; places among the first ``n_bytes``."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, min(n_bytes, len(data))))
        length = draw(st.integers(0, 40))
        kind = draw(st.sampled_from(["overwrite", "drop", "double", "insert", "cut"]))
        if kind == "overwrite":
            new = draw(st.binary(min_size=1, max_size=8))
            data[start : start + len(new)] = new
        elif kind == "drop":
            del data[start : start + length]
        elif kind == "double":
            data[start:start] = data[start : start + length]
        elif kind == "insert":
            data[start:start] = draw(st.binary(min_size=1, max_size=40))
        else:
            del data[start + length :]
    return bytes(data)


def survives(path: Path, challenge: Challenge, out: Path) -> list[Finding]:
    """The findings; packing refuses or works, and so does scoring where the arrays are of the right shape."""
    findings = validate_submission(path, GEOMETRY, challenge=challenge)
    errors = errors_among(findings)
    try:
        pack_submission(path, out, GEOMETRY)
    except AlgokitError as error:
        assert errors, error
    if {finding.code for finding in errors} <= {"not-finite", "all-constant"}:  # the corpus scores all the others
        score_submission(path, challenge)
    return findings


def assert_unchanged(path: Path) -> None:
    """The arrays are the good ones."""
    with open_submission(path) as source:
        for file in locate(source, GEOMETRY)[0]:
            array = source.array(file.name, file.shape)
            np.testing.assert_array_equal(array, values(file.subject, file.hemisphere))


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_zip(tmp_path_factory.mktemp("packed") / "good.zip", good()).read_bytes()


@steady
@given(data=st.data())
def test_a_changed_zip_is_found_or_changes_nothing(
    data: st.DataObject, packed: bytes, tmp_path: Path, challenge: Challenge
) -> None:
    path = tmp_path / "sub.zip"
    path.write_bytes(data.draw(changed(packed, len(packed))))
    if not survives(path, challenge, tmp_path / "out.zip"):
        assert_unchanged(path)


@steady
@given(data=st.data())
def test_a_changed_list_of_files_is_found_or_changes_nothing(
    data: st.DataObject, packed: bytes, tmp_path: Path, challenge: Challenge
) -> None:
    start = packed.index(b"PK\x01\x02")
    path = tmp_path / "sub.zip"
    path.write_bytes(packed[:start] + data.draw(changed(packed[start:], len(packed) - start)))
    if not survives(path, challenge, tmp_path / "out.zip"):
        assert_unchanged(path)


@steady
@given(content=changed(BODY, 128))
def test_a_changed_header_is_found_or_changes_nothing(content: bytes, tmp_path: Path, challenge: Challenge) -> None:
    path = write_folder(tmp_path / "sub", {**good(), LEFT: content})
    findings = survives(path, challenge, tmp_path / "out.zip")
    assert {finding.path for finding in findings} <= {LEFT}
    if not findings:
        np.testing.assert_array_equal(np.load(path / LEFT, allow_pickle=False), values())


numbers = st.integers() | st.floats() | st.booleans() | st.none() | st.sampled_from([7, 11, 2**31, 2**62, 2**64])
dtypes = st.sampled_from(["<f4", ">f4", "<f8", "<f2", "|O", "<U3", "|V9", "<M8[s]", "<f4,<f4", "(2,)<f4", "p", "g", ""])
words = dtypes | st.text(max_size=5)
literals = st.recursive(
    numbers | words | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(words, inner, max_size=2),
    max_leaves=6,
)


@steady
@given(
    descr=words | literals,
    order=st.booleans() | literals,
    shape=st.just((7, 11)) | st.lists(numbers, max_size=3).map(tuple) | literals,
    version=st.sampled_from([b"\x01\x00", b"\x02\x00", b"\x03\x00"]),
)
def test_a_header_of_any_literals_is_found_or_says_the_truth(
    descr: object, order: object, shape: object, version: bytes, tmp_path: Path, challenge: Challenge
) -> None:
    text = repr({"descr": descr, "fortran_order": order, "shape": shape})
    path = write_folder(tmp_path / "sub", {**good(), LEFT: literal(text, version) + values().tobytes()})
    if not survives(path, challenge, tmp_path / "out.zip"):
        np.testing.assert_array_equal(np.load(path / LEFT, allow_pickle=False), values())


@steady
@given(names=st.sets(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), max_size=6))
def test_every_further_name_in_a_zip_is_found_whatever_it_is(names: set[str], tmp_path: Path) -> None:
    path = write_zip(tmp_path / "sub.zip", {**good(), **{f"subj01/{name}": b"x" for name in names}})
    findings = validate_submission(path, GEOMETRY)
    assert len(findings) >= len(names)
    assert all(str(finding).isprintable() for finding in findings)
