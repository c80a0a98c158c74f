"""Made-up ridge problems: features whose variances fall slowly, targets that they drive, noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Problem:
    """Sizes of one problem; n_spaces feature spaces of n_features each, targets in n_hemispheres equal parts."""

    name: str
    n: int
    n_features: int
    n_targets: int
    n_alphas: int
    n_folds: int
    n_spaces: int = 1
    n_hemispheres: int = 1
    n_test: int = 100

    @property
    def alphas(self) -> NDArray[np.float64]:
        """Penalties around the best ones of these targets."""
        return np.logspace(1, 5, self.n_alphas)

    @property
    def folds(self) -> list[NDArray[np.int64]]:
        """Rows of each fold: contiguous."""
        return list(np.array_split(np.arange(self.n), self.n_folds))

    @property
    def main_product_flops(self) -> float:
        """Products of every alpha, fold and target, were none interpolated."""
        fold = self.n / self.n_folds
        width = min(self.n_features, self.n - fold)
        return 2.0 * self.n_spaces * self.n_alphas * self.n * width * self.n_targets

    def scaled(self, factor: float) -> Problem:
        """The same problem with fewer rows, features and targets."""
        sizes = {name: max(4 * self.n_folds, int(getattr(self, name) * factor)) for name in ("n", "n_features")}
        per_hemisphere = max(4, int(self.n_targets * factor) // self.n_hemispheres)
        return replace(self, **sizes, n_targets=per_hemisphere * self.n_hemispheres)


PROBLEMS = {
    problem.name: problem
    for problem in (
        Problem("dual", 2000, 4000, 5000, 10, 5),
        Problem("primal", 4000, 500, 5000, 10, 5),
        Problem("seed", 750, 1500, 5000, 30, 8, n_spaces=4, n_hemispheres=2),
    )
}


def write_problem(problem: Problem, folder: Path) -> None:
    """Write ``x0.npy`` ... (n + n_test, n_features) and ``y.npy`` (n, n_targets), all float32."""
    rng = np.random.default_rng(len(problem.name))
    sd = np.arange(1, problem.n_features + 1, dtype=np.float32) ** -0.5
    signal = np.zeros((problem.n, problem.n_targets), dtype=np.float32)
    for index in range(problem.n_spaces):
        rows = rng.standard_normal((problem.n + problem.n_test, problem.n_features), dtype=np.float32) * sd
        rows += rng.standard_normal(problem.n_features, dtype=np.float32)
        np.save(folder / f"x{index}.npy", rows)
        mine = slice(index, None, problem.n_spaces)
        n_mine = len(range(*mine.indices(problem.n_targets)))
        weights = rng.standard_normal((problem.n_features, n_mine), dtype=np.float32)
        signal[:, mine] = (rows[: problem.n] - rows.mean(axis=0)) @ weights
    signal /= signal.std(axis=0)
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    np.save(folder / "y.npy", signal + rng.uniform(1, 4, problem.n_targets).astype(np.float32) * noise)


def read_problem(problem: Problem, folder: Path) -> tuple[list[Floats], Floats]:
    """Features of every space and targets, in memory."""
    return [np.load(folder / f"x{index}.npy") for index in range(problem.n_spaces)], np.load(folder / "y.npy")
