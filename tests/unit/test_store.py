"""The store: whole or absent, verified, keyed by content."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from algokit.atomic import disk_errors, sweep_partial, written_aside
from algokit.errors import DiskError
from algokit.store import CorruptArtefactError, Store, digest_of

KEY = digest_of({"step": 1})


def _make(store: Store, values: np.ndarray) -> None:
    with store.write("features", KEY, {"id": "features/a"}) as folder:
        np.save(folder / "train.npy", values)


def test_what_was_written_is_read_back_with_its_meta(tmp_path: Path) -> None:
    store, values = Store(tmp_path), np.arange(6, dtype=np.float32).reshape(2, 3)
    _make(store, values)
    artefact = Store(tmp_path).open("features", KEY)
    assert artefact.meta["id"] == "features/a"
    np.testing.assert_array_equal(store.array(artefact, "train"), values)


def test_key_is_sha256_of_canonical_json() -> None:
    import hashlib

    assert digest_of({"b": 1, "a": [1.5, None]}) == hashlib.sha256(b'{"a":[1.5,null],"b":1}').hexdigest()


def test_a_block_that_raises_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(ValueError, match="stop"), store.write("features", KEY, {}) as folder:
        np.save(folder / "train.npy", np.zeros(3))
        raise ValueError("stop")
    assert not store.has("features", KEY)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "meta"])
def test_a_damaged_artefact_is_named_moved_aside_and_never_used(tmp_path: Path, damage: str) -> None:
    _make(Store(tmp_path), np.ones(100))
    place = Store(tmp_path).path("features", KEY)
    file = place / "train.npy"
    if damage == "flip":
        blob = bytearray(file.read_bytes())
        blob[-1] ^= 1
        file.write_bytes(blob)
    elif damage == "truncate":
        file.write_bytes(file.read_bytes()[:-8])
    elif damage == "remove":
        file.unlink()
    else:
        (place / "meta.json").write_text("{")
    store = Store(tmp_path)
    with pytest.raises(CorruptArtefactError) as caught:
        store.open("features", KEY)
    assert KEY[:12] in caught.value.findings[0].where
    assert not store.has("features", KEY)
    _make(store, np.ones(100))
    assert store.open("features", KEY).meta["key"] == KEY


def test_killed_writer_leaves_no_artefact_and_is_swept(tmp_path: Path) -> None:
    code = (
        "import sys, time, numpy as np; from pathlib import Path; from algokit.store import Store\n"
        f"with Store(Path({str(tmp_path)!r})).write('features', {KEY!r}, {{}}) as folder:\n"
        "    np.save(folder / 'train.npy', np.zeros(9)); print('writing', flush=True); time.sleep(60)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    assert sweep_partial(tmp_path) == 0, "a living writer's folder is left alone"
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    time.sleep(0.05)
    assert not Store(tmp_path).has("features", KEY)
    assert sweep_partial(tmp_path) == 1
    assert not list(tmp_path.rglob("*.partial"))


def test_replacing_a_folder_keeps_the_old_one_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "submission"
    with written_aside(target) as folder:
        (folder / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt), written_aside(target) as folder:
        (folder / "a").write_text("new")
        raise KeyboardInterrupt
    assert (target / "a").read_text() == "old"
    with written_aside(target) as folder:
        (folder / "a").write_text("new")
    assert (target / "a").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["submission"]


def test_a_mount_point_cannot_be_replaced_so_its_content_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "disk"
    target.mkdir()
    inode = target.stat().st_ino
    monkeypatch.setattr(Path, "is_mount", lambda path: path == target)
    for names in (("a", "old/x"), ("a", "new/x"), ("a/x", "old/x")):
        with written_aside(target) as folder:
            for name in names:
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(str(names))
            assert list(tmp_path.iterdir()) == [target]
        written = {
            path.relative_to(target).as_posix(): path.read_text() for path in target.rglob("*") if path.is_file()
        }
        assert written == dict.fromkeys(names, str(names))
        assert sorted(path.name for path in target.iterdir()) == sorted({name.split("/")[0] for name in names})
    assert target.stat().st_ino == inode


def test_a_link_is_followed_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "far" / "away")
    with written_aside(tmp_path / "link") as folder:
        (folder / "a").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "away" / "a").read_text() == "new"


def test_of_two_writers_of_one_artefact_the_first_wins_and_the_second_is_content(tmp_path: Path) -> None:
    first, second = Store(tmp_path), Store(tmp_path)
    with second.write("features", KEY, {}) as folder:
        np.save(folder / "train.npy", np.ones(4))
        _make(first, np.ones(4))
        inode = first.path("features", KEY).stat().st_ino
    assert second.path("features", KEY).stat().st_ino == inode
    assert not list(tmp_path.rglob("*.partial"))
    Store(tmp_path).open("features", KEY)


def test_what_a_process_of_another_machine_writes_is_swept_only_when_a_week_old(tmp_path: Path) -> None:
    folder = tmp_path / "features" / f".{KEY}.00000000-1.abc.partial"
    folder.mkdir(parents=True)
    (tmp_path / ".theirs.partial").touch()
    assert sweep_partial(tmp_path) == 0
    long_ago = time.time() - 8 * 24 * 3600
    os.utime(folder, (long_ago, long_ago))
    assert sweep_partial(tmp_path) == 1
    assert not folder.exists()
    assert (tmp_path / ".theirs.partial").exists(), "not a name of ours"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_disk_trouble_becomes_advice(tmp_path: Path, number: int) -> None:
    with pytest.raises(DiskError) as caught, disk_errors(tmp_path):
        raise OSError(number, os.strerror(number))
    assert str(tmp_path) in str(caught.value)


def test_meta_states_size_and_digest_of_every_file(tmp_path: Path) -> None:
    import hashlib

    store = Store(tmp_path)
    _make(store, np.ones(4))
    place = store.path("features", KEY)
    stated = json.loads((place / "meta.json").read_text())["files"]["train.npy"]
    blob = (place / "train.npy").read_bytes()
    assert stated == {"bytes": len(blob), "sha256": hashlib.sha256(blob).hexdigest()}
