"""An extraction killed with -9 loses one shard at most, and ends with the bytes of one that nothing happened to."""

from __future__ import annotations

import random
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from extracting import Sizes, extracted
from running import artefacts, leftovers

from algokit.store import META

USUAL = Sizes(batch=1, shard=4)


def features(store: Path) -> dict[str, bytes]:
    """Every file of features in a store."""
    root = store / "features"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.npy"))}


def shards(store: Path) -> list[Path]:
    """Every finished shard."""
    return sorted(path.parent for path in (store / "shards").glob(f"*/[0-9a-f]*/{META}"))


@pytest.fixture(scope="module")
def whole(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The store of an undisturbed run, and how many images went through a backbone."""
    store = tmp_path_factory.mktemp("whole") / "store"
    code, n_images = extracted(small_demo, store, USUAL)
    assert code == 0
    return store, n_images


@pytest.mark.parametrize("sizes", [USUAL, Sizes(batch=1, shard=4, n_threads=2), Sizes(1, 9, n_threads=2)], ids=str)
def test_ten_kills_at_random_moments_cost_a_shard_each_and_change_no_byte(
    small_demo: Path, whole: tuple[Path, int], tmp_path: Path, sizes: Sizes
) -> None:
    undisturbed, n_images = whole
    drawn, kills = random.Random(5), 0
    while kills < 10:  # in one extraction, unless it is over before
        store, before, computed, code = tmp_path / f"store{kills}", kills, 0, -1
        while code != 0:
            moment = (drawn.randint(1, 6), 0.03 * drawn.random()) if kills < 10 else (0, 0.0)
            code, more = extracted(small_demo, store, sizes, *moment)
            assert code in (0, -signal.SIGKILL)
            computed += more
            kills += code != 0
        assert computed <= n_images + (kills - before) * sizes.shard
        assert features(store) == features(undisturbed)
        assert artefacts(store).keys() == artefacts(undisturbed).keys()
        assert leftovers(store) == []
        assert shards(store) == [], "finished features are not kept twice"


@pytest.fixture
def half(small_demo: Path, whole: tuple[Path, int], tmp_path: Path) -> tuple[Path, int]:
    """A store with some shards of a killed extraction, and the images computed for it."""
    store = tmp_path / "half"
    code, computed = extracted(small_demo, store, USUAL, last=22)
    assert code == -signal.SIGKILL
    assert len(shards(store)) >= 2
    return store, computed


@pytest.mark.parametrize("sizes", [Sizes(7, 3), Sizes(1, 9, n_workers=1), Sizes(16, 500)], ids=str)
def test_other_sizes_after_a_kill_keep_the_shards_and_change_no_feature(
    small_demo: Path, whole: tuple[Path, int], half: tuple[Path, int], sizes: Sizes
) -> None:
    (undisturbed, n_images), (store, computed) = whole, half
    code, more = extracted(small_demo, store, sizes)
    n_batches_cut_short = 2 * 2  # the last of every member and subject is filled up
    assert code == 0
    assert computed + more <= n_images + USUAL.shard + n_batches_cut_short * (sizes.batch - 1)
    for path in sorted((undisturbed / "features").rglob("*.npy")):
        found = np.load(store / path.relative_to(undisturbed))
        np.testing.assert_allclose(found, np.load(path), rtol=1e-4, atol=1e-5)


def test_a_damaged_shard_is_set_aside_and_made_again(
    small_demo: Path, whole: tuple[Path, int], half: tuple[Path, int]
) -> None:
    (undisturbed, n_images), (store, computed) = whole, half
    content = bytearray((shards(store)[0] / "rows.npy").read_bytes())
    content[-1] ^= 1
    (shards(store)[0] / "rows.npy").write_bytes(content)
    code, more = extracted(small_demo, store, USUAL)
    assert code == 0
    assert n_images < computed + more <= n_images + 2 * USUAL.shard
    assert features(store) == features(undisturbed)
    assert len(list((store / "corrupt").iterdir())) == 1


def test_shards_of_other_images_are_never_used(small_demo: Path, half: tuple[Path, int], tmp_path: Path) -> None:
    """Another picture under an old name: what was begun for the old one stays aside."""
    store, _ = half
    before = shards(store)
    data, fresh = tmp_path / "data", tmp_path / "fresh"
    shutil.copytree(small_demo, data)
    first, second = sorted(data.rglob("subj01/**/train-000[12]_*.png"))
    first.write_bytes(second.read_bytes())
    assert extracted(data, store, USUAL)[0] == extracted(data, fresh, USUAL)[0] == 0
    assert features(store) == features(fresh)
    assert shards(store) == before
