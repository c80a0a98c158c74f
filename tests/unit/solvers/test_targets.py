from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from algokit.errors import DataError, UsageError
from algokit.readouts import Rows
from algokit.solvers.targets import Targets, alpha_chunks

ROWS = Rows(fit=np.array([0, 1, 3, 4, 6, 7]), val=np.array([2, 5]))


def responses(n_targets: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (3 + np.random.default_rng(seed).standard_normal((8, n_targets))).astype(np.float32)


@pytest.mark.parametrize("block_targets", [None, 1, 3, 100])
def test_blocks_are_the_targets_in_order_less_their_mean_over_the_fit_rows(block_targets: int | None) -> None:
    parts = [responses(5), responses(4, seed=1)]
    targets = Targets(parts, ROWS, "cpu", block_targets)
    blocks = list(targets.blocks())
    together = np.concatenate(parts, axis=1)
    assert [column for block in blocks for column in range(9)[block.columns]] == list(range(9))
    expected = together - together[ROWS.fit].mean(axis=0)
    np.testing.assert_allclose(torch.cat([block.values for block in blocks], dim=1), expected, atol=1e-6)
    assert max(block.values.shape[1] for block in blocks) <= (block_targets or 5)


def test_flat_marks_targets_without_variance_in_a_fold_or_outside_it() -> None:
    values = responses(4)
    values[:, 0] = 0.1  # flat everywhere
    values[[0, 1], 1] = 0.1  # flat in the first fold
    values[[3, 4, 6, 7], 2] = 0.1  # flat outside the first fold
    flat = Targets([values], ROWS, "cpu").flat([np.array([0, 1]), np.array([3, 4]), np.array([6, 7])])
    assert flat.tolist() == [[True, True, True, False], [True, False, True, False], [True, False, True, False]]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_response_that_is_not_finite_is_named(bad: float) -> None:
    first, second = responses(5), responses(4)
    second[2, 3] = second[6, 0] = bad
    second[7, 0] = -bad
    with pytest.raises(DataError) as caught:
        Targets([first, second], ROWS, "cpu")
    (finding,) = caught.value.findings
    assert (finding.where, finding.path, finding.found) == ("responses[1]", "[2, 3]", str(bad))


def test_every_problem_of_rows_and_responses_is_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        Targets([responses(5)[:7], responses(4)[:6]], Rows(ROWS.fit, np.array([2, 6])), "cpu")
    assert [finding.where for finding in caught.value.findings] == ["responses[0]", "responses[1]", ""]


def test_alpha_chunks_cover_all_alphas_once_however_large_the_operators() -> None:
    for size in (0, 1, 2**25, 2**40):
        alphas = list(range(7))
        assert [alpha for chunk in alpha_chunks(7, size, 2**28) for alpha in alphas[chunk]] == alphas
