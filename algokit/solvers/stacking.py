"""Weights that join several members' predictions, target by target, and whether they beat the plain mean.

Weights are nonnegative and sum to one: the joint prediction keeps the members' common mean, lies between them, and
cannot blow up where members are alike. They are learned from out-of-fold predictions only. A comparison with the plain
mean is made on rows the weights have not seen, for on their own rows weights never lose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from algokit.solvers.member_moments import Floats, MemberMoments
from algokit.types import Ints

BLOCK_BYTES = 64 * 2**20
BLOCK_TARGETS = 1024
TIE = 1e-10  # differences of slope or r below it are rounding
RIDGE = 1e-13  # of the largest member's sum of squares: keeps systems of nearly equal members solvable

Rule: TypeAlias = Callable[[MemberMoments], Floats]


def equal_weights(moments: MemberMoments) -> Floats:
    """(n_targets, n_members): the plain mean."""
    return np.full((len(moments.mean), moments.n_members), 1 / moments.n_members)


def simplex_weights(moments: MemberMoments) -> Floats:
    """Weights on the simplex with the least squared error of the weighted sum, both centred.

    An active set per target, all targets at once: minimise over the members in use, step back to the first weight that
    would turn negative and drop it, take in the member that lowers the error fastest, until none does. The error falls
    at every step and there are finitely many sets, so that it ends at the exact minimum.

    A member whose prediction is constant counts as a prediction of the mean and takes weight where the others vary too
    much. Of equal members the first takes the weight of all. Where the target or every member is constant, nothing can
    be learned and weights are equal.

    Returns
    -------
    (n_targets, n_members) float64.

    Source: Nocedal & Wright (2006), Numerical Optimization, 16.5; stacking with such weights: Breiman (1996), Stacked
    regressions; for encoding models: Lin, Naselaris, Kay & Wehbe (2023).
    """
    scale = np.diagonal(moments.gram, axis1=1, axis2=2).max(axis=1)
    weights = equal_weights(moments)
    learnable = np.flatnonzero((scale > 0) & (moments.truth > 0))
    if len(learnable):
        unit = scale[learnable, None]
        weights[learnable] = _active_set(
            moments.gram[learnable] / unit[:, :, None], moments.covariance[learnable] / unit
        )
    return weights


def greedy_weights(moments: MemberMoments, n_picks: int) -> Floats:
    """Shares of the members in a selection that is grown greedily, with repetition, for the best Pearson r.

    Every pick takes the member with which the mean of all picks has the highest r (the first of equals), for each
    target by itself: the score is a mean over targets of what each one's r gives, so none can help another. Kept is the
    best selection on the way, the shortest of equals. Growing does not end at the first pick without improvement: a
    second member may hurt beside one copy of the best that helps beside three.

    Returns
    -------
    (n_targets, n_members) float64, multiples of one over the number of picks kept. Where the target or every member is
    constant, nothing can be learned and weights are equal.

    Source: Caruana, Niculescu-Mizil, Crew & Ksikes (2004), Ensemble selection from libraries of models.
    """
    counts = np.zeros((len(moments.mean), moments.n_members))
    best_weights, best_r = equal_weights(moments), np.full(len(counts), -np.inf)
    learnable = (np.diagonal(moments.gram, axis1=1, axis2=2).max(axis=1) > 0) & (moments.truth > 0)
    for n_picked in range(1, n_picks + 1):
        r = np.stack([moments.pearson_r(counts + one) for one in np.eye(moments.n_members)], axis=1)
        picked = _first_highest(r)
        counts[np.arange(len(counts)), picked] += 1
        r_now = r[np.arange(len(counts)), picked]
        better = learnable & (r_now > best_r + TIE)
        best_weights[better] = counts[better] / n_picked
        best_r[better] = r_now[better]
    return best_weights


@dataclass(frozen=True)
class Weighed:
    """Weights of all members, and what they are worth.

    Attributes
    ----------
    weights : (n_members, n_targets) float32, learned from all rows of the folds.
    r : (n_targets,) float32, mean over folds of Pearson r over the fold's rows, with weights learned from the other
        folds.
    mean_r : (n_targets,) float32, the same of the plain mean.
    """

    weights: NDArray[np.float32]
    r: NDArray[np.float32]
    mean_r: NDArray[np.float32]


def weigh_members(
    predictions: Sequence[NDArray[np.float32]],
    truth: NDArray[np.float32],
    folds: Sequence[Ints],
    rule: Rule,
    *,
    block_targets: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Weighed:
    """Learn weights, and score them on rows they were not learned from.

    Parameters
    ----------
    predictions : one per member, (n, n_targets): out-of-fold predictions, usually memory maps, read block by block.
    truth : (n, n_targets).
    folds : rows of each fold; no other rows are read.
    rule : moments -> weights, such as `simplex_weights`.
    block_targets : targets per block, which changes no result; by default what fits `BLOCK_BYTES`.
    progress : called with the number of targets done.
    """
    n_members, n_targets = len(predictions), truth.shape[1]
    weights = np.empty((n_members, n_targets), dtype=np.float32)
    r, mean_r = np.empty((2, n_targets), dtype=np.float32)
    for columns in _blocks(n_targets, block_targets or _block_targets(n_members, folds)):
        ours = [array[:, columns] for array in predictions]
        parts = [MemberMoments.of([array[fold] for array in ours], truth[:, columns][fold]) for fold in folds]
        weights[:, columns] = rule(MemberMoments.pooled(parts)).T
        r[columns], mean_r[columns] = _out_of_fold_r(parts, rule), _out_of_fold_r(parts, equal_weights)
        progress(columns.stop)
    return Weighed(weights, r, mean_r)


def _out_of_fold_r(parts: Sequence[MemberMoments], rule: Rule) -> Floats:
    total = np.zeros(len(parts[0].mean))
    for index, part in enumerate(parts):
        others = [other for place, other in enumerate(parts) if place != index]
        total += part.pearson_r(rule(MemberMoments.pooled(others)))
    return total / len(parts)


def _block_targets(n_members: int, folds: Sequence[Ints]) -> int:
    row_bytes = 8 * (n_members + 1) * max(len(fold) for fold in folds)
    return max(1, min(BLOCK_TARGETS, BLOCK_BYTES // row_bytes))


def _blocks(n_targets: int, block_targets: int) -> Iterator[slice]:
    for start in range(0, n_targets, block_targets):
        yield slice(start, min(start + block_targets, n_targets))


def _first_highest(values: Floats) -> Ints:
    """(n_targets,): the first of the columns that are highest but for rounding."""
    first: Ints = np.argmax(values >= values.max(axis=1, keepdims=True) - TIE, axis=1)
    return first


def _active_set(gram: Floats, covariance: Floats) -> Floats:
    """Minimise w'Gw / 2 - c'w on the simplex for every target; the largest diagonal entry of its G is 1."""
    n_targets, n_members = covariance.shape
    tolerance = TIE * np.maximum(1.0, np.abs(covariance).max(axis=1))
    start = 2 * covariance - np.diagonal(gram, axis1=1, axis2=2)
    weights = np.zeros_like(covariance)
    near = start >= (start.max(axis=1) - tolerance)[:, None]
    weights[np.arange(n_targets), np.argmax(near, axis=1)] = 1.0
    used = weights > 0
    todo = np.arange(n_targets)
    for _ in range(10 * n_members + 10):  # far beyond need; where only rounding is left, weights are good already
        if not len(todo):
            break
        weights[todo], used[todo], settled = _iterate(
            gram[todo], covariance[todo], weights[todo], used[todo], tolerance[todo]
        )
        todo = todo[~settled]
    return weights


def _iterate(
    gram: Floats, covariance: Floats, weights: Floats, used: NDArray[np.bool_], tolerance: Floats
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """One step of every target: new weights, members in use, and which targets have arrived."""
    wanted, multiplier = _minimum_over(gram, covariance, used)
    negative = used & (wanted <= 0)
    fall = np.where(negative, weights - wanted, 1.0)
    share = np.where(negative, weights / np.where(fall > 0, fall, 1.0), 1.0)
    step = share.min(axis=1, keepdims=True)
    dropped = negative & (share <= step)
    weights = np.where(used & ~dropped, weights + step * (wanted - weights), 0.0)
    whole = ~negative.any(axis=1)
    slope = np.where(used, 0.0, (gram @ weights[:, :, None])[:, :, 0] - covariance + multiplier[:, None])
    steepest = slope.argmin(axis=1)
    taken = whole & (slope.min(axis=1) < -tolerance)
    used = used & ~dropped
    used[np.flatnonzero(taken), steepest[taken]] = True
    return weights, used, whole & ~taken


def _minimum_over(gram: Floats, covariance: Floats, used: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(n_targets, n_members) weights of any sign that sum to one over the members in use, and the multiplier."""
    n_targets, n_members = covariance.shape
    both = used[:, :, None] & used[:, None, :]
    system = np.zeros((n_targets, n_members + 1, n_members + 1))
    system[:, :-1, :-1] = np.where(both, gram + RIDGE * np.eye(n_members), np.eye(n_members))
    system[:, :-1, -1] = system[:, -1, :-1] = used
    right = np.concatenate([np.where(used, covariance, 0.0), np.ones((n_targets, 1))], axis=1)
    solution = np.linalg.solve(system, right[:, :, None])[:, :, 0]
    return solution[:, :-1], solution[:, -1]
