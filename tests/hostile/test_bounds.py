"""What a hostile submission may cost: a few megabytes whatever it claims, one array at a time where it is honest."""

from __future__ import annotations

import io
import os
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from containers import FOLDERS, ZIPS
from contents import BYTES
from small_submission import GEOMETRY, good, npy, write_folder, write_zip

from algokit.challenge.submission_check import validate_stream, validate_submission
from algokit.types import SubjectGeometry

BOMBS = {name: build for name, (build, _) in {**ZIPS, **FOLDERS}.items() if "bomb" in name or " GB" in name}
LISTS = {name: ZIPS[name][0] for name in ZIPS if name.startswith("a list")}


def peak_bytes(action: Callable[[], object]) -> int:
    action()  # what is imported or cached on first use is no cost of this one
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [*BOMBS, *LISTS])
def test_a_bomb_costs_no_memory(name: str, tmp_path: Path) -> None:
    path = {**BOMBS, **LISTS}[name](tmp_path)
    assert peak_bytes(lambda: validate_submission(path, GEOMETRY)) < 4_000_000


def test_the_corpus_holds_bombs_of_every_kind() -> None:
    assert len(BOMBS) >= 8
    assert len(LISTS) >= 3


@pytest.mark.parametrize("name", [name for name in BYTES if "claims" in name or "size" in name or "axes" in name])
def test_a_header_is_not_believed_about_memory(name: str, tmp_path: Path) -> None:
    path = write_folder(tmp_path, BYTES[name][0])
    assert peak_bytes(lambda: validate_submission(path, GEOMETRY)) < 4_000_000


@pytest.mark.parametrize("container", ["folder", "zip"])
def test_an_honest_submission_costs_no_more_than_one_array_and_a_bit(container: str, tmp_path: Path) -> None:
    n_images, n_vertices = 200, 10_000
    sizes = {
        one: SubjectGeometry(one, 9, n_images, {"lh": n_vertices, "rh": n_vertices}) for one in ("subj01", "subj02")
    }
    rng = np.random.default_rng(0)
    files = {
        f"{one}/{side}_pred_test.npy": npy(rng.standard_normal((n_images, n_vertices), dtype=np.float32))
        for one in sizes
        for side in ("lh", "rh")
    }
    write = write_folder if container == "folder" else write_zip
    path = write(tmp_path / "sub", files)
    one_array = 4 * n_images * n_vertices
    assert peak_bytes(lambda: validate_submission(path, sizes)) < 1.5 * one_array
    assert validate_submission(path, sizes) == []


class Endless(io.RawIOBase):
    """A stream that never ends, and counts what was taken from it."""

    taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        assert size > 0, "who reads it whole never returns"
        self.taken += size
        return bytes(size)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files; nothing is left in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not os.listdir(folder)  # noqa: PTH208


def test_a_stream_without_end_is_refused_at_the_limit(temporary: Path) -> None:
    stream = Endless()
    (finding,) = validate_stream(stream, GEOMETRY, limit_bytes=10_000_000)  # type: ignore[arg-type]
    assert (finding.code, finding.severity, finding.where) == ("too-long-stream", "error", "-")
    assert finding.expected == "at most 10 MB"
    assert finding.advice
    assert stream.taken < 12_000_000


def test_a_stream_is_checked_like_the_file_it_came_from(tmp_path: Path, temporary: Path) -> None:
    packed = write_zip(tmp_path / "a.zip", {**good(), "subj01/x": b"x"}).read_bytes()
    (finding,) = validate_stream(io.BytesIO(packed), GEOMETRY)
    assert (finding.code, finding.where, finding.path) == ("extra-file", "-", "subj01/x")
    assert validate_stream(io.BytesIO(write_zip(tmp_path / "b.zip", good()).read_bytes()), GEOMETRY) == []


@pytest.mark.parametrize("content", [b"", b"x", b"\x1f\x8b" + bytes(100), npy(np.zeros(9))])
def test_a_stream_that_is_no_zip_is_a_finding(content: bytes, temporary: Path) -> None:
    (finding,) = validate_stream(io.BytesIO(content), GEOMETRY)
    assert (finding.code, finding.where) == ("not-a-zip", "-")
