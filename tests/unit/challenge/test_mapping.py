"""Pickled mappings are read, and nothing that stands in them is run."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algokit.challenge import read_mapping
from algokit.errors import DataError

MAPPING = {0: "Unknown", 1: "V1v", 2: "hV4"}


class Runs:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return self.call


def write(path: Path, pickled: bytes) -> Path:
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": ()})
        stream.write(pickled)
    return path


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_mappings_of_every_pickle_protocol_of_numpy_2_are_read(tmp_path: Path, protocol: int) -> None:
    path = write(tmp_path / "mapping.npy", pickle.dumps(np.array(MAPPING, object), protocol=protocol))
    assert read_mapping(path) == np.load(path, allow_pickle=True).item() == MAPPING


def test_mappings_written_by_numpy_1_are_read(tmp_path: Path) -> None:
    pickled = pickle.dumps(np.array(MAPPING, object), protocol=3)
    assert b"cnumpy._core.multiarray\n" in pickled
    path = write(tmp_path / "mapping.npy", pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert read_mapping(path) == MAPPING


def test_a_malicious_pickle_is_refused_without_being_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = tmp_path / "mapping.npy"
    np.save(path, np.array({0: "Unknown", 1: Runs(os.mkdir, str(mark))}, object))
    with pytest.raises(DataError) as caught:
        read_mapping(path)
    (finding,) = caught.value.findings
    assert (finding.code, finding.where) == ("pickled-content", str(path))
    assert "mkdir" in finding.found
    assert not mark.exists()
    np.load(path, allow_pickle=True)  # the same file does run where it is trusted
    assert mark.exists()


@pytest.mark.parametrize("function", [eval, getattr, np.load, np.dtype("f8").newbyteorder, np.float64, pickle.loads])
def test_a_pickle_that_names_anything_else_is_refused(tmp_path: Path, function: Any) -> None:
    path = write(tmp_path / "mapping.npy", pickle.dumps(Runs(function, "1")))
    with pytest.raises(DataError):
        read_mapping(path)


@pytest.mark.parametrize(
    "value",
    [{"1": "V1v"}, {1: 2}, {True: "V1v"}, [1, "V1v"], {1: ["V1v"]}, "V1v", None, {1: np.dtype("f4")}],
    ids=str,
)
def test_anything_but_integers_to_names_is_refused(tmp_path: Path, value: object) -> None:
    wrapped = np.empty((), object)
    wrapped[()] = value
    np.save(tmp_path / "mapping.npy", wrapped)
    with pytest.raises(DataError):
        read_mapping(tmp_path / "mapping.npy")


@pytest.mark.parametrize(
    "pickled",
    [b"", b".", b"N.", b"\x80\x05N", pickle.dumps(MAPPING), b"\x80\x04" + b"(" * 50, b"]" * 70_000],
    ids=["empty", "stop", "none", "cut", "bare dict", "marks", "large"],
)
def test_a_damaged_or_bare_pickle_is_refused(tmp_path: Path, pickled: bytes) -> None:
    with pytest.raises(DataError):
        read_mapping(write(tmp_path / "mapping.npy", pickled))


def test_an_absent_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read_mapping(tmp_path / "mapping.npy")


@pytest.mark.parametrize(
    "pickled",
    [b"\x80\x02N" + b"r" + (1 << 28).to_bytes(4, "little") + b".", b"\x80\x02Np268435456\n."],
    ids=["LONG_BINPUT", "PUT"],
)
def test_a_memo_larger_than_the_pickle_is_refused_before_it_is_made(tmp_path: Path, pickled: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="memo index 268435456"):
            read_mapping(write(tmp_path / "mapping.npy", pickled))
        assert tracemalloc.get_traced_memory()[1] < 10**7
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("mapping", [{1 << 20000: "V1v"}, {1: "V" * 1000}], ids=["integer", "name"])
def test_entries_too_long_to_print_are_refused(tmp_path: Path, mapping: dict[int, str]) -> None:
    np.save(tmp_path / "mapping.npy", np.array(mapping, object))
    with pytest.raises(DataError):
        read_mapping(tmp_path / "mapping.npy")
