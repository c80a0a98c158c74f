"""Digests of data: right, shared between runs, and not computed twice without need."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from breaking import FMRI

from algokit.challenge import DigestCache, lock_data, open_challenge
from algokit.errors import DataError
from algokit.types import Progress


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def change_unseen(path: Path) -> None:
    """Other bytes, but the same size and modification time."""
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_the_lock_holds_sha256_and_size_of_every_file_of_the_challenge(small: Path) -> None:
    lock = lock_data(open_challenge(small))
    paths = [path for side in ("train_data", "test_data") for path in (small / side).rglob("*") if path.is_file()]
    expected = {str(path.relative_to(small)): {"sha256": sha256(path), "bytes": path.stat().st_size} for path in paths}
    assert lock["files"] == expected
    assert (lock["n_files"], lock["n_bytes"]) == (len(paths), sum(path.stat().st_size for path in paths))
    assert lock == json.loads((small / "data_lock.json").read_text(encoding="utf-8"))


def test_the_lock_cites_the_manifest_and_changes_with_the_data_only(small: Path, tmp_path: Path) -> None:
    challenge = open_challenge(small)
    first, second = (lock_data(challenge, tmp_path / name / "lock.json") for name in ("a", "b"))
    assert first == second
    assert (first["manifest"], first["manifest_sha256"]) == ("small", challenge.manifest.digest())
    (small / FMRI).write_bytes((small / FMRI).read_bytes()[:-1] + b"\x01")
    third = lock_data(challenge, tmp_path / "a" / "lock.json")
    assert third["sha256"] != first["sha256"]
    assert {name for name in first["files"] if first["files"][name] != third["files"][name]} == {FMRI}


def test_a_file_of_known_size_and_time_is_not_read_again_unless_asked(small: Path) -> None:
    challenge = open_challenge(small)
    before = lock_data(challenge)["files"][FMRI]
    change_unseen(small / FMRI)
    assert lock_data(challenge)["files"][FMRI] == before
    assert lock_data(challenge, full=True)["files"][FMRI]["sha256"] == sha256(small / FMRI)
    assert lock_data(challenge)["files"][FMRI]["sha256"] == sha256(small / FMRI)


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_file_of_another_size_or_time_is_read_again(tmp_path: Path, change: str) -> None:
    path, cache = tmp_path / "file", DigestCache(tmp_path / "cache.json")
    path.write_bytes(b"before")
    cache.sha256(path)
    status = path.stat()
    path.write_bytes(b"after" if change == "size" else b"behind")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + (change == "time")))
    assert cache.sha256(path) == DigestCache(tmp_path / "cache.json").sha256(path) == sha256(path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"file": 3}', '{"file": [1, 2]}', "null"])
def test_a_damaged_cache_is_replaced(tmp_path: Path, text: str) -> None:
    path, place = tmp_path / "file", tmp_path / "cache.json"
    path.write_bytes(b"content")
    place.write_text(text, encoding="utf-8")
    assert DigestCache(place).sha256(path) == sha256(path)
    change_unseen(path)
    assert DigestCache(place).sha256(path) == hashlib.sha256(b"content").hexdigest()


def test_many_digests_come_by_path_with_progress(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}" for number in range(20)]
    for path in paths:
        path.write_text(path.name, encoding="utf-8")
    messages: list[Progress] = []
    assert DigestCache().many([*paths, paths[0]], messages.append) == {path: sha256(path) for path in paths}
    assert [(message.done, message.total) for message in messages] == [(number, 20) for number in range(1, 21)]


def test_what_was_digested_before_a_failure_is_remembered(tmp_path: Path) -> None:
    path, place = tmp_path / "file", tmp_path / "cache.json"
    path.write_bytes(b"content")
    with pytest.raises(DataError, match="missing"):
        DigestCache(place).many([path, tmp_path / "missing"])
    change_unseen(path)
    assert DigestCache(place).sha256(path) == hashlib.sha256(b"content").hexdigest()
