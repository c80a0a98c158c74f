"""Names are synced as well as bytes, where a disk can be asked for it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from algokit.atomic import replacing
from algokit.errors import DiskError
from algokit.syncing import make_folder, sync_folders


def refusing(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that answers the syncing of a folder with an error."""
    real = os.fsync

    def answer(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().is_dir():
            raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(os, "fsync", answer)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EINVAL, errno.ENOTSUP])
def test_a_disk_that_cannot_sync_folders_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refusing(number, monkeypatch)
    make_folder(tmp_path / "a" / "b")
    with replacing(tmp_path / "a" / "b" / "file") as aside:
        aside.write_text("new", encoding="utf-8")
    assert (tmp_path / "a" / "b" / "file").read_text(encoding="utf-8") == "new"


def test_a_disk_that_fails_while_names_are_synced_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(errno.EIO, monkeypatch)
    with pytest.raises(DiskError, match="not writable"), replacing(tmp_path / "file") as aside:
        aside.write_text("new", encoding="utf-8")


def test_a_folder_that_another_process_has_removed_is_left_out(tmp_path: Path) -> None:
    sync_folders([tmp_path / "gone", tmp_path])


def test_folders_that_are_there_already_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(tmp_path / "a")
    monkeypatch.setattr(os, "fsync", lambda handle: pytest.fail("nothing to sync"))
    make_folder(tmp_path / "a")
