"""Ridge of many alphas from a few: solved at some alphas, interpolated between them.

Whatever a fit of one alpha does to targets, it is a function ``1 / (lam + alpha)`` of one symmetric matrix, whose
eigenvalues lie between 0 and the largest of the Gram matrix. As a function of lam it is nearly a sum of such functions
of other alphas, ``sum_j c_j / (lam + alpha_j)``, with coefficients that depend on the alphas and the largest eigenvalue
alone. So operators and predictions of the other alphas are sums with the same coefficients, in every fold and in the
refit. The limit of large alphas, the plain Gram matrix, costs nothing to solve and takes part as an alpha of infinity
whose function is 1. Thirty alphas over four decades take about ten solved ones, and five where
`algokit.solvers.leading` sets the large eigenvalues apart.

The largest relative error over all eigenvalues is held below `TOLERANCE` for every alpha: each component of a target is
predicted with that relative error at most.

Source: interpolation by rational functions with given poles; coefficients by Lawson's weighted least squares (1961).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LIMIT = math.inf
TOLERANCE = 1.25e-4
N_EIGENVALUES = 200  # of the grid on which errors are counted
N_LAWSON = 10
MOST_BEYOND = 6.0  # times an alpha's function, that a sum for it may be at eigenvalues set apart
N_BEYOND = 10
OCTAVE_PARTS = 16  # the largest eigenvalue is rounded up to a fraction of an octave: few different problems, remembered


@dataclass(frozen=True)
class SolvedAlphas:
    """Neighbouring alphas, and what is solved for them.

    Attributes
    ----------
    solved : ascending; infinity stands for the limit of large alphas, see `LIMIT`.
    weights : (n_alphas, n_solved) float64: the operator of an alpha is this sum of the solved ones.
    """

    solved: tuple[float, ...]
    weights: NDArray[np.float64]


def solved_alphas(alphas: Sequence[float], rest: float, largest: float) -> SolvedAlphas:
    """The fewest alphas from which all are interpolated to `TOLERANCE`.

    Parameters
    ----------
    alphas : positive, ascending.
    rest : the largest eigenvalue that is not set apart, above 0 where others are; infinity where nothing may be
        interpolated.
    largest : the largest of all. What a sum lacks at those set apart is added, exactly where these are exact: sums
        that leave much to add there (`MOST_BEYOND`) are not taken.
    """
    if rest == math.inf:
        return SolvedAlphas(tuple(alphas), np.eye(len(alphas)))
    return _solved(tuple(alphas), _rounded_up(rest), _rounded_up(largest))


def runs_of_alphas(
    alphas: Sequence[float], rest: float, largest: float, most: int
) -> Iterator[tuple[slice, SolvedAlphas]]:
    """All alphas in runs of neighbours, each with at most ``most`` solved ones (at least one)."""
    start = 0
    while start < len(alphas):
        stop = start + max(1, most)
        while stop < len(alphas) and len(solved_alphas(alphas[start : stop + 1], rest, largest).solved) <= most:
            stop += 1
        yield slice(start, min(stop, len(alphas))), solved_alphas(alphas[start:stop], rest, largest)
        start = stop


def interpolation(alpha: float, solved: Sequence[float], rest: float, largest: float) -> NDArray[np.float64] | None:
    """Coefficients of one alpha from solved ones, or None where no sum may be taken for it, see `solved_alphas`."""
    return _interpolation(alpha, tuple(solved), _rounded_up(rest), _rounded_up(largest))


def shortfall(alphas: Sequence[float], chosen: SolvedAlphas, eigenvalues: Tensor) -> Tensor:
    """(n_alphas, n_eigenvalues) float64: ``1 / (lam + alpha)`` less the sum for it; 0 where alpha is solved."""
    known = eigenvalues.cpu().numpy()
    exact = 1 / (known + np.asarray(alphas)[:, None])
    missing = exact - chosen.weights @ _functions(known, chosen.solved).T
    missing[np.isin(alphas, chosen.solved)] = 0.0
    return torch.as_tensor(missing, device=eigenvalues.device)


def _rounded_up(largest: float) -> float:
    return 2.0 ** (math.ceil(math.log2(largest) * OCTAVE_PARTS) / OCTAVE_PARTS) if largest > 0 else 0.0


@functools.lru_cache(maxsize=256)
def _solved(alphas: tuple[float, ...], rest: float, largest: float) -> SolvedAlphas:
    order = _by_importance((*alphas, LIMIT), rest)
    for n_solved in range(1, len(alphas)):
        hardest = list(alphas)
        for last in order[n_solved - 1 :]:
            solved = tuple(sorted([*order[: n_solved - 1], last]))
            weights = _interpolations(alphas, solved, rest, largest, hardest)
            if weights is not None:
                return SolvedAlphas(solved, weights)
    return SolvedAlphas(alphas, np.eye(len(alphas)))


def _interpolations(
    alphas: tuple[float, ...], solved: tuple[float, ...], rest: float, largest: float, hardest: list[float]
) -> NDArray[np.float64] | None:
    """Coefficients of every alpha; ``hardest`` is tried in order, and the one that fails comes first the next time."""
    rows = {}
    for alpha in hardest:
        row = _interpolation(alpha, solved, rest, largest)
        if row is None:
            hardest.remove(alpha)
            hardest.insert(0, alpha)
            return None
        rows[alpha] = row
    return np.stack([rows[alpha] for alpha in alphas])


@functools.lru_cache(maxsize=4096)
def _interpolation(alpha: float, solved: tuple[float, ...], rest: float, largest: float) -> NDArray[np.float64] | None:
    if alpha in solved:
        return np.asarray(np.eye(len(solved))[solved.index(alpha)])
    weights = _least_worst(alpha, solved, rest) if solved else None
    if weights is None or rest >= largest:
        return weights
    beyond = np.geomspace(rest, largest, N_BEYOND)
    grows = np.abs((beyond + alpha) * (_functions(beyond, solved) @ weights)).max() > MOST_BEYOND
    return None if grows else weights


def _least_worst(alpha: float, solved: tuple[float, ...], rest: float) -> NDArray[np.float64] | None:
    """Coefficients whose largest relative error up to ``rest`` is below `TOLERANCE`."""
    eigenvalues = _grid(min(alpha, *solved), rest)
    ratios = (eigenvalues + alpha)[:, None] * _functions(eigenvalues, solved)
    scale = ratios.max(axis=0)
    ratios, weights = ratios / scale, np.ones((len(ratios), 1))
    for _ in range(N_LAWSON):
        found = np.linalg.lstsq(ratios * weights, weights[:, 0], rcond=None)[0]
        error = np.abs(ratios @ found - 1)
        if error.max() <= TOLERANCE:
            return np.asarray(found / scale)
        if np.linalg.norm(error * weights[:, 0]) > TOLERANCE * np.linalg.norm(weights):
            return None  # the least weighted mean square: no coefficients have a largest error below it
        weights = weights * np.sqrt(error / error.max())[:, None]
    return None


def _by_importance(alphas: tuple[float, ...], largest: float) -> list[float]:
    """Alphas in the order in which they add most to those before them."""
    functions = _functions(_grid(alphas[0], largest), alphas)
    finite = functions[:, :-1]
    functions /= np.sqrt(finite.min(axis=1) * finite.max(axis=1))[:, None]  # no alpha is favoured
    rest = functions / np.linalg.norm(functions, axis=0)
    order: list[int] = []
    for _ in alphas:  # pivoted Gram-Schmidt
        norms = np.linalg.norm(rest, axis=0)
        norms[order] = -1.0
        order.append(int(norms.argmax()))
        direction = rest[:, order[-1]] / max(norms[order[-1]], np.finfo(float).tiny)
        rest = rest - np.outer(direction, direction @ rest)
    return [alphas[index] for index in order]


def _functions(eigenvalues: NDArray[np.float64], alphas: tuple[float, ...]) -> NDArray[np.float64]:
    """(n_eigenvalues, n_alphas): 1 / (lam + alpha), and 1 for the limit."""
    each = [1 / (eigenvalues + alpha) if alpha < LIMIT else np.ones_like(eigenvalues) for alpha in alphas]
    return np.stack(each, axis=1)


@functools.lru_cache(maxsize=64)
def _grid(smallest_alpha: float, largest: float) -> NDArray[np.float64]:
    """0, and eigenvalues that matter beside the smallest alpha."""
    smallest = min(smallest_alpha, largest) if largest > 0 else 1.0
    return np.concatenate([[0.0], np.geomspace(1e-3 * smallest, max(largest, smallest), N_EIGENVALUES)])
