"""Noise ceilings against their closed form, for the split they belong to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algokit.challenge import Manifest, ceiling_from_ncsnr, ceiling_term, ncsnr2_from_ceiling, open_challenge
from algokit.errors import DataError

NCSNR = np.linspace(0, 2, 28)  # of subj06 lh in the small challenge


def test_the_ceiling_at_k_repeats_is_that_of_the_mean_of_k_trials() -> None:
    for index, n_repeats in enumerate((3, 2, 1)):
        counts = [0, 0, 0]
        counts[index] = 7
        signal, noise = NCSNR**2, 1 / n_repeats
        np.testing.assert_allclose(ceiling_from_ncsnr(NCSNR, ceiling_term(counts)), signal / (signal + noise))


def test_the_ceiling_is_the_squared_correlation_of_signal_and_responses() -> None:
    rng = np.random.default_rng(0)
    counts, ncsnr = (40_000, 30_000, 20_000), 0.8
    repeats = np.repeat([3, 2, 1], counts)
    signal = ncsnr * rng.standard_normal(repeats.size)
    responses = signal + rng.standard_normal(repeats.size) / np.sqrt(repeats)
    r = np.corrcoef(signal, responses)[0, 1]
    assert ceiling_from_ncsnr(ncsnr, ceiling_term(counts)) == pytest.approx(r**2, abs=0.005)


def test_ncsnr_comes_back_from_its_ceiling_also_at_both_ends() -> None:
    np.testing.assert_allclose(ncsnr2_from_ceiling(ceiling_from_ncsnr(NCSNR, 0.4), 0.4), NCSNR**2, atol=1e-15)
    np.testing.assert_array_equal(ncsnr2_from_ceiling([0, 1], 0.4), [0, np.inf])
    np.testing.assert_array_equal(ceiling_from_ncsnr([0, np.inf], 0.4), [0, 1])


def test_the_test_ceilings_are_those_in_the_file(small: Path) -> None:
    ceilings = open_challenge(small).ceilings("subj06", "lh", "test")
    assert ceilings and ceilings.split == "test"
    stored = np.load(small / "test_data/subj06/test_split/noise_ceiling/lh_noise_ceiling.npy")
    np.testing.assert_array_equal(ceilings.values, stored)


def test_the_val_ceilings_follow_from_ncsnr_and_the_training_repeats(small: Path) -> None:
    ceilings = open_challenge(small).ceilings("subj06", "lh", "val")
    assert ceilings and ceilings.split == "val"
    term = (5 / 3 + 2 / 2 + 3) / 10
    np.testing.assert_allclose(ceilings.values, NCSNR**2 / (NCSNR**2 + term), atol=1e-15)
    assert ceilings.values[0] == 0 and np.all(np.diff(ceilings.values) > 0)
    assert f"{term:.5f}" in ceilings.source


def test_val_ceilings_lie_below_test_ceilings_where_training_images_were_repeated_less(small: Path) -> None:
    challenge = open_challenge(small)
    test, val = (challenge.ceilings("subj01", "rh", split) for split in ("test", "val"))
    assert test and val
    assert np.all(val.values[1:] < test.values[1:])


def test_there_are_no_val_ceilings_without_repeats_and_none_of_the_training_split(
    small: Path, small_manifest: Manifest
) -> None:
    subjects = {name: entry.model_copy(update={"repeats": None}) for name, entry in small_manifest.subjects.items()}
    challenge = open_challenge(small, small_manifest.model_copy(update={"subjects": subjects}))
    assert challenge.ceilings("subj01", "lh", "val") is None
    assert challenge.ceilings("subj01", "lh", "train") is None


def test_ceilings_in_percent_are_refused(small: Path) -> None:
    path = small / "test_data/subj01/test_split/noise_ceiling/lh_noise_ceiling.npy"
    np.save(path, 100 * np.load(path))
    with pytest.raises(DataError, match="divided by 100"):
        open_challenge(small).ceilings("subj01", "lh", "val")
