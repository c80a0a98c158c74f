"""Rows of features land where their images are, in whatever order and from wherever they come."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from algokit.pipeline.feature_files import FeatureFiles
from algokit.store import Store

N_TRAIN = 5
IMAGES = tuple("abcadefb")  # the first image is shown twice, the second in both splits
WIDTHS = (3, 1)


def step(number: int) -> SimpleNamespace:
    return SimpleNamespace(
        id=f"features/m/subj01/{number}",
        key=f"{number}" * 64,
        params={"dtype": "float32"},
        shape=(len(IMAGES), WIDTHS[number]),
    )


STEPS = [step(0), step(1)]


def values(images: Sequence[str], number: int) -> np.ndarray:
    """Features that say whose they are."""
    return np.array([[100 * ord(image) + column for column in range(WIDTHS[number])] for image in images], np.float32)


@dataclass(frozen=True)
class Source:
    images: tuple[str, ...]

    def rows(self, key: str) -> np.ndarray:
        return values(self.images, int(key[0]))


def made(store: Store, number: int) -> np.ndarray:
    artefact = store.open("features", STEPS[number].key)
    train, test = (store.array(artefact, split) for split in ("train", "test"))
    assert (len(train), len(test)) == (N_TRAIN, len(IMAGES) - N_TRAIN)
    return np.concatenate([train, test])


@pytest.mark.parametrize("put", [["ab", "cde", "f"], ["fe", "dcb", "a"], ["abcdef"], ["ca"], []], ids=str)
def test_rows_come_in_any_order_from_the_backbone_and_from_elsewhere(tmp_path: Path, put: list[str]) -> None:
    store = Store(tmp_path)
    with ExitStack() as until_finished:
        files = FeatureFiles(store, STEPS, IMAGES, N_TRAIN, until_finished)
        for batch in put:
            files.put(tuple(batch), [values(batch, number) for number in range(2)])
        assert not store.has("features", STEPS[0].key)
        assert list(files.finish([Source(("x", "f", "b")), Source(tuple("edcba"))])) == [1, 2]
    for number in range(2):
        np.testing.assert_array_equal(made(store, number), values(IMAGES, number))


def test_what_comes_first_counts(tmp_path: Path) -> None:
    with ExitStack() as until_finished:
        files = FeatureFiles(Store(tmp_path), STEPS, IMAGES, N_TRAIN, until_finished)
        files.put(IMAGES[:1], [values("z", 0), values("z", 1)])
        list(files.finish([Source(tuple("abcdef"))]))
    np.testing.assert_array_equal(made(Store(tmp_path), 0), values("zbczdefb", 0))


def test_files_with_rows_missing_never_become_artefacts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no features of 1 images"), ExitStack() as until_finished:
        files = FeatureFiles(Store(tmp_path), STEPS, IMAGES, N_TRAIN, until_finished)
        list(files.finish([Source(tuple("abcde"))]))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
