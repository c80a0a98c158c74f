"""Which mix of band kernels, and which alpha, predicts every target best: himalaya's random search, on one device.

A mix gives every band a weight, and the weights sum to 1. Ridge with the kernel ``sum of weight_b K_b`` and penalty
alpha is ridge over all bands jointly with the penalty ``alpha / weight_b`` for the coefficients of band b.

Source: Dupré la Tour, Eickenberg, Nunez-Elizalde & Gallant (2022), Feature-space selection with banded ridge
regression.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from himalaya.backend import get_backend, set_backend
from himalaya.kernel_ridge import solve_multiple_kernel_ridge_random_search
from numpy.typing import NDArray
from torch import Tensor

from algokit.errors import MachineError
from algokit.solvers.memory import MATRIX_BYTES, WIDE_BYTES
from algokit.solvers.moments import pearson_r, unit_rows
from algokit.solvers.targets import Targets
from algokit.types import Ints

TIE_SLOPE = 1e-10  # himalaya adds this times log(alpha) to every score, so that ties go to the larger alpha
NOT_A_SCORE = 1e-12  # what is left of a score of 0 when the slope is taken off again
CONCENTRATIONS = (0.1, 1.0)  # of the Dirichlet draws: few bands count, or any


@dataclass(frozen=True)
class BandChoice:
    """The choice per target.

    Attributes
    ----------
    mix : (n_targets,) int64, row of the mixes.
    alpha : (n_targets,) float64, of the mixed kernel.
    score : (n_targets,) float32, mean over folds of Pearson r over the fold's rows.
    """

    mix: Tensor
    alpha: Tensor
    score: Tensor


def candidate_mixes(n_bands: int, n_iter: int, seed: int) -> NDArray[np.float64]:
    """All bands alike, each band alone, then ``n_iter`` random mixes; with one band there is one mix.

    Returns
    -------
    (n_mixes, n_bands), rows that sum to 1.
    """
    alike = np.full((1, n_bands), 1 / n_bands)
    if n_bands == 1:
        return alike
    rng = np.random.default_rng(seed)
    drawn = [rng.dirichlet([CONCENTRATIONS[index % 2]] * n_bands) for index in range(n_iter)]
    return np.concatenate([alike, np.eye(n_bands), *(mix[None] for mix in drawn)])


def choose_bands(
    kernels: Tensor, targets: Targets, folds: Sequence[Ints], mixes: NDArray[np.float64], alphas: Sequence[float]
) -> BandChoice:
    """Search mixes and alphas for every target, with an unpenalised intercept in every fold.

    A target without variance where a fold is fitted or scored has r 0 there, as in `cv_scores`; one that has r 0 in
    every fold keeps the first mix and the largest alpha. Ties go to the earlier mix, then to the larger alpha.

    Parameters
    ----------
    kernels : (n_bands, n_fit, n_fit) float64 on the device: products of features at the fit rows.
    folds : row numbers of each fold; together the fit rows.
    mixes : (n_mixes, n_bands), as `candidate_mixes`.
    alphas : positive, ascending.

    Raises
    ------
    MachineError : himalaya was told by the environment to skip its work.
    """
    device, n_targets = targets.device, targets.n_targets
    chosen = torch.zeros(n_targets, dtype=torch.int64, device=device)
    alpha = torch.full((n_targets,), alphas[-1], dtype=torch.float64, device=device)
    score = torch.zeros(n_targets, device=device)
    search = _Search(kernels, _splits(targets.rows.fit, folds), torch.as_tensor(mixes, device=device), alphas)
    hopeless = targets.flat(folds).all(dim=0)
    for columns, values in _wide_blocks(targets):
        found = search.choose(values, targets.block_targets)
        hopeful = ~hopeless[columns]
        for mine, theirs in ((chosen, found.mix), (alpha, found.alpha), (score, found.score)):
            mine[columns] = torch.where(hopeful, theirs, mine[columns])
    return BandChoice(chosen, alpha, score)


def _splits(fit_rows: Ints, folds: Sequence[Ints]) -> list[tuple[Ints, Ints]]:
    """(positions trained on, positions scored) among the fit rows."""
    places = [np.searchsorted(fit_rows, fold) for fold in folds]
    everything = np.arange(len(fit_rows))
    return [(np.setdiff1d(everything, scored), scored) for scored in places]


def _wide_blocks(targets: Targets) -> Iterator[tuple[slice, Tensor]]:
    """Columns and (n_fit, n_columns) float64 values of as many neighbouring targets as `WIDE_BYTES` hold."""
    fit = torch.as_tensor(targets.rows.fit, device=targets.device)
    held: list[Tensor] = []
    start = stop = 0
    for block in targets.blocks():
        if held and 8 * len(fit) * (block.columns.stop - start) > WIDE_BYTES:
            yield slice(start, stop), torch.cat(held, dim=1)
            held, start = [], block.columns.start
        held.append(block.values[fit].double())
        stop = block.columns.stop
    if held:
        yield slice(start, stop), torch.cat(held, dim=1)


@dataclass(frozen=True)
class _Search:
    """One call of himalaya per batch of targets."""

    kernels: Tensor
    splits: list[tuple[Ints, Ints]]
    mixes: Tensor
    alphas: Sequence[float]

    def choose(self, values: Tensor, block_targets: int) -> BandChoice:
        """Choose for the targets (n_fit, n_targets), ``block_targets`` at a time."""
        scored = _Scored()
        longest = max(len(train) * len(test) for train, test in self.splits)
        with _himalaya_on(values.device):
            deltas, _, scores, alpha, _ = solve_multiple_kernel_ridge_random_search(
                self.kernels,
                values,
                n_iter=self.mixes,
                alphas=torch.tensor(self.alphas, dtype=torch.float64, device=values.device),
                score_func=scored,
                cv=self.splits,
                fit_intercept=True,
                return_weights="dual",  # not used; himalaya fits no intercept without
                n_targets_batch=block_targets,
                n_alphas_batch=max(1, MATRIX_BYTES // (8 * longest)),
                progress_bar=False,
                return_alphas=True,
            )
        if not scored.n_calls:
            raise MachineError("himalaya was told to skip its fits: unset HIMALAYA_SKIP_FIT")
        weights = torch.exp(deltas) * alpha  # a row of the mixes again, up to rounding
        mix = torch.cdist(weights.T, self.mixes, p=1).argmin(dim=1)
        score = scores.to(mix.device).gather(0, mix[None])[0] - TIE_SLOPE * torch.log(alpha)
        score[score.abs() < NOT_A_SCORE] = 0.0
        return BandChoice(mix, alpha, score.float())


class _Scored:
    """Pearson r by alpha and target, 0 where prediction or truth have no variance; counts its calls."""

    def __init__(self) -> None:
        self.n_calls = 0

    def __call__(self, truth: Tensor, predictions: Tensor) -> Tensor:
        """(n_rows, n_targets) and (n_alphas, n_rows, n_targets) -> (n_alphas, n_targets)."""
        self.n_calls += 1
        unit = unit_rows(truth.T)
        unit[truth.amax(dim=0) == truth.amin(dim=0)] = 0.0
        return torch.stack([pearson_r((one - one.mean(dim=0)).T, unit) for one in predictions])


@contextlib.contextmanager
def _himalaya_on(device: torch.device) -> Iterator[None]:
    """himalaya's backend is a global of its own: set it to the recipe's device, and back afterwards."""
    before = get_backend().name
    is_cuda = device.type == "cuda"
    with torch.cuda.device(device) if is_cuda else contextlib.nullcontext(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*much faster with single", category=UserWarning)
        set_backend("torch_cuda" if is_cuda else "torch")
        try:
            yield
        finally:
            set_backend(before)
