from __future__ import annotations

import numpy as np
import pytest
import torch

from algokit.solvers.interpolate import (
    LIMIT,
    MOST_BEYOND,
    TOLERANCE,
    interpolation,
    runs_of_alphas,
    shortfall,
    solved_alphas,
)

GRIDS = [np.logspace(1, 5, 10), np.logspace(1, 5, 30), np.logspace(0, 8, 9), np.logspace(-3, 15, 5), np.array([7.0])]


@pytest.mark.parametrize("alphas", GRIDS)
@pytest.mark.parametrize("largest", [0.0, 1e-6, 3.0, 2e3, 1e6])
def test_every_alpha_is_a_sum_of_the_solved_ones_at_every_eigenvalue(alphas: np.ndarray, largest: float) -> None:
    found = solved_alphas(alphas.tolist(), largest, largest)
    eigenvalues = np.concatenate([[0.0], np.geomspace(1e-12, 1.0, 2003)]) * largest
    each = [1 / (eigenvalues + alpha) if alpha < LIMIT else np.ones_like(eigenvalues) for alpha in found.solved]
    sums = np.stack(each, axis=1) @ found.weights.T
    np.testing.assert_allclose(sums * (eigenvalues[:, None] + alphas), 1.0, atol=1.05 * TOLERANCE)
    assert list(found.solved) == sorted(found.solved)
    assert set(found.solved) <= {*alphas.tolist(), LIMIT}


def test_a_fine_grid_costs_little_more_than_a_coarse_one() -> None:
    coarse, fine = (len(solved_alphas(np.logspace(1, 5, n).tolist(), 2e3, 2e3).solved) for n in (10, 100))
    assert coarse <= 9
    assert fine <= coarse + 3


def test_nothing_is_interpolated_where_it_may_not_be() -> None:
    found = solved_alphas([1.0, 1.1, 1.2], np.inf, np.inf)
    assert found.solved == (1.0, 1.1, 1.2)
    np.testing.assert_array_equal(found.weights, np.eye(3))


def test_runs_cover_all_alphas_in_order_and_solve_few_at_a_time() -> None:
    alphas = np.logspace(0, 6, 40).tolist()
    for most in (0, 1, 3, 8, 40):
        runs = list(runs_of_alphas(alphas, 1e4, 1e4, most))
        assert [alpha for run, _ in runs for alpha in alphas[run]] == alphas
        assert all(len(chosen.solved) <= max(1, most) for _, chosen in runs)
        assert all(len(chosen.weights) == run.stop - run.start for run, chosen in runs)


def test_an_alpha_that_cannot_be_interpolated_is_said_to() -> None:
    assert interpolation(10.0, (), 1e3, 1e3) is None
    assert interpolation(10.0, (1e4,), 1e3, 1e3) is None
    np.testing.assert_array_equal(interpolation(10.0, (1.0, 10.0), 1e3, 1e3), [0, 1])


def test_what_a_sum_lacks_at_larger_eigenvalues_is_known() -> None:
    alphas, far = np.logspace(1, 5, 10), np.array([300.0, 4e4])
    found = solved_alphas(alphas.tolist(), 40.0, 4e4)
    assert len(found.solved) < len(solved_alphas(alphas.tolist(), 4e4, 4e4).solved)
    each = np.stack([1 / (far + alpha) if alpha < LIMIT else np.ones(2) for alpha in found.solved])
    lacking = shortfall(alphas.tolist(), found, torch.from_numpy(far)).numpy()
    np.testing.assert_allclose(found.weights @ each + lacking, 1 / (far + alphas[:, None]), rtol=1e-9)
    assert not lacking[[alpha in found.solved for alpha in alphas]].any()


@pytest.mark.parametrize("rest", [9.0, 17.0, 40.0])
def test_sums_leave_little_to_add_at_eigenvalues_set_apart(rest: float) -> None:
    alphas, beyond = np.logspace(1, 5, 30), np.geomspace(rest, 700.0, 301)
    found = solved_alphas(alphas.tolist(), rest, 700.0)
    lacking = shortfall(alphas.tolist(), found, torch.from_numpy(beyond)).numpy()
    assert np.abs(lacking * (beyond + alphas[:, None])).max() <= 1 + 1.05 * MOST_BEYOND
