"""The ways to solve a problem that benchmarks/ridge.py compares; each returns what it chose and predicted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ridge_problems import Floats, Problem


@dataclass(frozen=True)
class Solution:
    """What a route chose: best alpha and space per target, its mean r over folds, predictions of the test rows.

    ``share`` is the part of the work that was done; seconds are divided by it.
    """

    alpha: NDArray[np.float64]
    r: NDArray[np.float64]
    predictions: NDArray[Any]
    share: float = 1.0


Route = Callable[[Problem, list[Floats], Floats], Solution]


def algokit(problem: Problem, spaces: list[Floats], targets: Floats) -> Solution:
    """This project: both hemispheres and all spaces in one search."""
    from algokit.readouts import FeatureSpace, Rows
    from algokit.solvers.search import SearchSettings, search_ridge
    from algokit.solvers.targets import Targets

    rows = Rows(np.arange(problem.n), np.arange(0))
    settings = SearchSettings(tuple(problem.alphas), tuple(problem.folds))
    parts = np.split(targets, problem.n_hemispheres, axis=1)
    named = (FeatureSpace(f"space {i}", x[: problem.n], x[problem.n :]) for i, x in enumerate(spaces))
    found = search_ridge(named, Targets(parts, rows, "cpu"), settings)
    return Solution(found.alpha, found.cv_score.astype(float), found.test_predictions)


def _himalaya(make: Callable[[Problem], Any], problem: Problem, spaces: list[Floats], targets: Floats) -> Solution:
    """One hemisphere and one space at a time, as the first seed did it; the best space per target afterwards."""
    import torch
    from himalaya.backend import set_backend

    set_backend("torch")
    parts = []
    for part in np.split(targets, problem.n_hemispheres, axis=1):
        found = []
        for x in spaces:
            mean = x[: problem.n].mean(axis=0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = make(problem).fit(torch.from_numpy(x[: problem.n] - mean), torch.from_numpy(part))
                predictions = model.predict(torch.from_numpy(x[problem.n :] - mean))
            found.append(Solution(model.best_alphas_.double().numpy(), _r(model), predictions.numpy()))
        parts.append(_best(found))
    return Solution(*(np.concatenate([getattr(one, name) for one in parts], axis=-1) for name in _FIELDS))


_FIELDS = ("alpha", "r", "predictions")


def _r(model: Any) -> NDArray[np.float64]:
    scores = model.cv_scores_.double().numpy()
    return np.asarray(scores.max(axis=0) if scores.ndim > 1 else scores)


def _best(found: list[Solution]) -> Solution:
    """Per target the solution with the largest r."""
    best = np.argmax([one.r for one in found], axis=0)
    values = (np.stack([getattr(one, name) for one in found]) for name in _FIELDS)
    return Solution(*(np.take_along_axis(v, _as_index(best, v), axis=0)[0] for v in values))


def _as_index(best: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
    return np.broadcast_to(best, values.shape[1:])[None]


def _kernel_ridge(**batches: int) -> Route:
    def make(problem: Problem) -> Any:
        from himalaya.kernel_ridge import KernelRidgeCV
        from himalaya.scoring import correlation_score
        from sklearn.model_selection import KFold

        options = {"score_func": correlation_score, **batches}
        return KernelRidgeCV(problem.alphas, kernel="linear", cv=KFold(problem.n_folds), solver_params=options)

    return lambda problem, spaces, targets: _himalaya(make, problem, spaces, targets)


def _ridge(**batches: int) -> Route:
    def make(problem: Problem) -> Any:
        from himalaya.ridge import RidgeCV
        from himalaya.scoring import correlation_score
        from sklearn.model_selection import KFold

        options = {"score_func": correlation_score, **batches}
        return RidgeCV(problem.alphas, fit_intercept=True, cv=KFold(problem.n_folds), solver_params=options)

    return lambda problem, spaces, targets: _himalaya(make, problem, spaces, targets)


def sklearn_ridge_cv(problem: Problem, spaces: list[Floats], targets: Floats) -> Solution:
    """scikit-learn's RidgeCV, an alpha per target: leave-one-out by squared error, so its choices are others."""
    from sklearn.linear_model import RidgeCV

    x = spaces[0]
    model = RidgeCV(problem.alphas, alpha_per_target=True).fit(x[: problem.n], targets)
    share = 1 / len(spaces)
    return Solution(model.alpha_, np.zeros(problem.n_targets), model.predict(x[problem.n :]), share)


def naive_loop(problem: Problem, spaces: list[Floats], targets: Floats) -> Solution:
    """A new scikit-learn fit for every fold and alpha; some alphas, first fold, first space, extrapolated."""
    from sklearn.linear_model import Ridge

    x, fold = spaces[0][: problem.n], problem.folds[0]
    kept = np.setdiff1d(np.arange(problem.n), fold)
    some = problem.alphas[::5]
    r = [_pearson(Ridge(alpha).fit(x[kept], targets[kept]).predict(x[fold]), targets[fold]) for alpha in some]
    alpha = some[np.argmax(r, axis=0)]
    share = len(some) / (problem.n_alphas * problem.n_folds * len(spaces))
    return Solution(alpha, np.max(r, axis=0), np.zeros((0, problem.n_targets)), share)


def float64_reference(problem: Problem, spaces: list[Floats], targets: Floats) -> Solution:
    """NumPy in float64 with one eigendecomposition per fold: what all others are held against."""
    found = []
    for x in (space.astype(np.float64) for space in spaces):
        y = targets.astype(np.float64)
        r = np.mean([_fold_r(problem, x, y, fold) for fold in problem.folds], axis=0)
        best = np.argmax(r, axis=0)
        every = np.arange(problem.n)
        predictions = np.empty((len(x) - problem.n, problem.n_targets))
        for index, predicted in enumerate(_ridge_predictions(problem, x, y, every, np.arange(problem.n, len(x)))):
            predictions[:, best == index] = predicted[:, best == index]
        found.append(Solution(problem.alphas[best], r.max(axis=0), predictions))
    return _best(found)


def _fold_r(problem: Problem, x: Any, y: Any, fold: Any) -> NDArray[np.float64]:
    kept = np.setdiff1d(np.arange(problem.n), fold)
    return np.stack([_pearson(one, y[fold]) for one in _ridge_predictions(problem, x, y, kept, fold)])


def _ridge_predictions(problem: Problem, x: Any, y: Any, kept: Any, new: Any) -> Iterator[NDArray[np.float64]]:
    """Of every alpha, from the rows kept, with an intercept."""
    centre, mean = x[kept].mean(axis=0), y[kept].mean(axis=0)
    rows, others = x[kept] - centre, x[new] - centre
    if rows.shape[1] < len(rows):
        values, vectors = np.linalg.eigh(rows.T @ rows)
        left, right = others @ vectors, vectors.T @ (rows.T @ (y[kept] - mean))
    else:
        values, vectors = np.linalg.eigh(rows @ rows.T)
        left, right = others @ (rows.T @ vectors), vectors.T @ (y[kept] - mean)
    for alpha in problem.alphas:
        yield left @ (right / (values + alpha)[:, None]) + mean


def _pearson(predicted: Any, truth: Any) -> NDArray[np.float64]:
    a, b = predicted - predicted.mean(axis=0), truth - truth.mean(axis=0)
    norm = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    return np.asarray((a * b).sum(axis=0) / np.where(norm > 0, norm, 1), dtype=np.float64)


TUNED = {"n_targets_batch": 1000, "n_alphas_batch": 5}
ROUTES: dict[str, Route] = {
    "algokit": algokit,
    "himalaya KernelRidgeCV": _kernel_ridge(),
    "himalaya KernelRidgeCV, tuned batches": _kernel_ridge(**TUNED, n_targets_batch_refit=1000),
    "himalaya RidgeCV": _ridge(),
    "himalaya RidgeCV, tuned batches": _ridge(n_targets_batch=1000, n_alphas_batch=2),
    "scikit-learn RidgeCV (leave-one-out)": sklearn_ridge_cv,
    "naive loop": naive_loop,
    "float64 reference": float64_reference,
}
