"""Ridge search that first leaves out feature spaces hardly any target would miss, with a bound on what that costs.

1. *Screen.* A few targets are drawn at random, in proportion from every block of responses (hemisphere). Every space
   is solved, and scores them with the very r, over all folds and alphas, that the exhaustive search would give them.
   Only fit rows are used. A target's loss, when only some spaces are kept, is its best r of all spaces less its best r
   of the kept ones.
2. *Choose.* Half of the targets drawn choose: spaces are dropped, the least useful first, as long as at most ``share``
   of this half is at risk: a dropped space is better than the best kept one by more than ``loss`` less ``margin``.
   A target whose best r is below ``floor`` is not: what it chooses is noise.
3. *Check.* The other half, which chose nothing, counts how many lose more than ``loss`` (below ``floor``: none).
4. *Search.* The spaces kept are searched exhaustively for all targets. Dropped ones are not loaded again.

**The statement.** Let p be the share of all targets whose best cross-validated r is at least ``floor``, and is lowered
by more than ``loss`` (plus the resolution of r, 1e-6) by searching the kept spaces instead of all. With probability at
least 1 - delta over the draw, p <= epsilon, where epsilon is known after the check (and in the notes). Whatever
features, responses and kept spaces are: given those that chose, the kept spaces are fixed, and the others are a random
sample of the rest.

It holds because the number of losing targets in such a sample, a sum of one hypergeometric number per block, is also a
sum of independent Bernoulli numbers, and the chance that such a sum is as small as seen, k of m, is at most that of a
binomial number of the same mean mu if k <= mu - 1. Epsilon is thus the Clopper-Pearson limit, at least (k + 1) / m,
times the largest ratio of a block's share of the rest to its share of the sample (1 but for rounding), for the rest;
those that chose are counted. Where all targets are drawn, all of them choose and epsilon is the share that loses.

It is not a statement about the size of a loss beyond ``loss``, and not about test scores.

All folds are used because they are nearly free: one inverse per alpha serves all of them, and with few targets this and
the Gram matrix are what screening costs. What is saved is the scores of all targets in the spaces dropped.

Source: Clopper and Pearson 1934; Hoeffding 1956 (sums of independent trials); Vatutin and Mikhailov 1982
(hypergeometric numbers are such sums).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from algokit.errors import UsageError
from algokit.readouts import FeatureSpace, PrunedSearch, ReadoutResult
from algokit.solvers.cross_validate import Folds, cv_scores
from algokit.solvers.factorise import check_shapes
from algokit.solvers.routes import solve_space
from algokit.solvers.search import SCORE_RESOLUTION, SearchSettings, best_alpha, search_ridge
from algokit.solvers.targets import Targets
from algokit.types import Finding, Ints

Bools: TypeAlias = NDArray[np.bool_]
Scores: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """Targets drawn.

    Attributes
    ----------
    columns : (n_drawn,) int64 among all targets, ascending.
    chooses, checks : (n_drawn,) bool; apart, unless all targets are drawn.
    n_targets : of all.
    worst_ratio : the largest ratio, over blocks, of a block's share of the targets that do not choose to its share of
        those that check.
    """

    columns: Ints
    chooses: Bools
    checks: Bools
    n_targets: int
    worst_ratio: float

    @property
    def draws_all(self) -> bool:
        """Whether all targets choose, so that nothing is left to infer."""
        return int(self.chooses.sum()) == self.n_targets


@dataclass(frozen=True)
class Pruning:
    """What screening decided, and what it costs.

    Attributes
    ----------
    kept : (n_spaces,) bool.
    n_chose, n_checked : targets.
    n_lost : those of the checking ones that lose more than the loss allowed.
    mean_loss : in r, over the checking ones.
    epsilon : see the module's statement.
    """

    kept: Bools
    n_chose: int
    n_checked: int
    n_lost: int
    mean_loss: float
    epsilon: float


def search_pruned(
    spaces: Iterable[FeatureSpace],
    responses: Sequence[NDArray[np.float32]],
    targets: Targets,
    settings: SearchSettings,
    spec: PrunedSearch,
    progress: Callable[[int, str], None] = lambda done, name: None,
    out_of_fold: NDArray[np.float32] | None = None,
) -> ReadoutResult:
    """Screen all spaces on some targets, then `search_ridge` those kept on all.

    The result is that of `search_ridge` over the kept spaces, with ``space_index`` among all of them. What was dropped
    and what it may cost is the first of its notes.

    Parameters
    ----------
    spaces : a sequence, visited twice: a space is best loaded when it is asked for. Those dropped are taken once.
    responses : what ``targets`` was made of.
    progress : called with (spaces finished for good, what was done).
    out_of_fold : as `search_ridge`.

    Raises
    ------
    UsageError : there is no space, the spaces come only once, or the shapes of one do not fit.
    DataError : a feature is not finite.
    """
    if not isinstance(spaces, Sequence):
        advice = "give a sequence whose items are loaded when they are asked for"
        raise UsageError("a pruned search visits feature spaces twice", [Finding("they come only once", advice=advice)])
    if not len(spaces):
        raise UsageError("a readout needs at least one feature space")
    sample = draw_sample([block.shape[1] for block in responses], spec)
    pruning = prune(screen(spaces, _drawn(responses, targets, sample), settings, progress), sample, spec)
    kept = np.flatnonzero(pruning.kept)
    n_dropped = len(spaces) - len(kept)
    result = search_ridge(
        (spaces[int(index)] for index in kept),
        targets,
        settings,
        lambda done, name: progress(n_dropped + done, name),
        out_of_fold,
    )
    return replace(
        result, space_index=kept[result.space_index], notes=(_in_words(pruning, sample, spec), *result.notes)
    )


def screen(
    spaces: Iterable[FeatureSpace],
    targets: Targets,
    settings: SearchSettings,
    progress: Callable[[int, str], None] = lambda done, name: None,
) -> Scores:
    """Best cross-validated r over alphas of every space and target, as in `search_ridge`; nothing is predicted.

    Returns
    -------
    (n_spaces, n_targets) float32.
    """
    folds = Folds.of(targets, settings.folds)
    rows = []
    n_test: int | None = None
    for space in spaces:
        n_test = n_test if n_test is not None else len(space.test)
        check_shapes(space, targets.n_rows, n_test)
        route, _ = solve_space(
            space, targets.rows.fit, settings.alphas, standardize=settings.standardize, device=targets.device
        )
        scores, _ = cv_scores(route.folded(folds), targets, folds, settings.alphas)
        rows.append(best_alpha(scores)[1].cpu().numpy())
        progress(0, f"screened {space.name}")
    return np.stack(rows)


def draw_sample(block_sizes: Sequence[int], spec: PrunedSearch) -> Sample:
    """Draw targets without replacement, in proportion to the sizes of the blocks; deterministic.

    A block gives at least one target to choose, and one to check if there is another.
    """
    total = sum(block_sizes)
    if total <= spec.n_vertices:
        everything = np.ones(total, dtype=bool)
        return Sample(np.arange(total), everything, everything, total, 1.0)
    rng = np.random.default_rng(spec.seed)
    choosing, checking, start = [], [], 0
    for size in block_sizes:
        half = max(1, round(spec.n_vertices / 2 * size / total))
        order = start + rng.permutation(size)
        choosing.append(order[:half])
        checking.append(order[half : 2 * half])
        start += size
    ratio = _worst_ratio([size - len(part) for size, part in zip(block_sizes, choosing, strict=True)], checking)
    columns = np.sort(np.concatenate([*choosing, *checking]))
    chooses = np.isin(columns, np.concatenate(choosing))
    return Sample(columns, chooses, ~chooses, total, ratio)


def _worst_ratio(rest: Sequence[int], checking: Sequence[Ints]) -> float:
    n_rest, n_checking = sum(rest), sum(len(part) for part in checking)
    return max(
        (left / n_rest) / (len(part) / n_checking) for left, part in zip(rest, checking, strict=True) if len(part)
    )


def prune(scores: Scores, sample: Sample, spec: PrunedSearch) -> Pruning:
    """Choose the spaces to keep and check what it costs.

    Parameters
    ----------
    scores : (n_spaces, n_drawn), r of the targets drawn.
    """
    kept = spaces_to_keep(scores[:, sample.chooses], spec)
    best = scores.max(axis=0)
    loss = best - scores[kept].max(axis=0)
    lost = (best >= spec.floor) & (loss > spec.loss + SCORE_RESOLUTION)
    n_chose, n_checked, n_lost = int(sample.chooses.sum()), int(sample.checks.sum()), int(lost[sample.checks].sum())
    if sample.draws_all or kept.all():
        epsilon = n_lost / n_checked  # known, not inferred
    else:
        limit = max(upper_limit(n_lost, n_checked, spec.delta), (n_lost + 1) / n_checked)
        rest = (sample.n_targets - n_chose) * min(1.0, limit * sample.worst_ratio)
        epsilon = (int(lost[sample.chooses].sum()) + rest) / sample.n_targets
    return Pruning(kept, n_chose, n_checked, n_lost, float(loss[sample.checks].mean()), epsilon)


def spaces_to_keep(scores: Scores, spec: PrunedSearch) -> Bools:
    """Drop spaces, those that are best for the fewest targets first, as long as few targets are at risk.

    Parameters
    ----------
    scores : (n_spaces, n_choosing).

    Returns
    -------
    (n_spaces,) bool. Of equal spaces the earlier is kept; one space is kept whatever happens.
    """
    allowed = spec.share * scores.shape[1]
    tolerated = spec.loss - spec.margin + SCORE_RESOLUTION
    usefulness = scores.mean(axis=1)
    scores = scores[:, scores.max(axis=0) >= spec.floor]
    n_best = np.bincount(scores.argmax(axis=0), minlength=len(scores))
    kept = np.ones(len(scores), dtype=bool)
    for index in np.lexsort((-np.arange(len(scores)), usefulness, n_best)):
        trial = kept.copy()
        trial[index] = False
        if trial.any() and (scores[~trial].max(axis=0) > scores[trial].max(axis=0) + tolerated).sum() <= allowed:
            kept = trial
    return kept


def upper_limit(n_seen: int, n: int, delta: float) -> float:
    """The one-sided Clopper-Pearson limit: the p at which a binomial number is at most ``n_seen`` with chance delta."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(n_seen, n, middle) > delta else (low, middle)
    return high


def _at_most(n_seen: int, n: int, p: float) -> float:
    if p >= 1 or n_seen >= n:
        return float(n_seen >= n)
    return sum(
        math.exp(
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log(p)
            + (n - k) * math.log1p(-p)
        )
        for k in range(n_seen + 1)
    )


def _drawn(responses: Sequence[NDArray[np.float32]], targets: Targets, sample: Sample) -> Targets:
    """The targets drawn, as targets of their own."""
    parts, start = [], 0
    for block in responses:
        mine = sample.columns[(sample.columns >= start) & (sample.columns < start + block.shape[1])] - start
        parts.append(block[:, mine])
        start += block.shape[1]
    return Targets(parts, targets.rows, targets.device)


def _in_words(pruning: Pruning, sample: Sample, spec: PrunedSearch) -> str:
    n_spaces, n_kept = len(pruning.kept), int(pruning.kept.sum())
    checked = f"{pruning.n_lost} of {pruning.n_checked}"
    counted = f"; those below r = {spec.floor:g} count as losing nothing" if spec.floor > -1 else ""
    if sample.draws_all:
        checked = f"{checked} targets, all there are, lose more than {spec.loss:g} in cross-validated r by it"
        return f"pruned search: {n_kept} of {n_spaces} feature spaces were kept; {checked}{counted}"
    return (
        f"pruned search: {n_kept} of {n_spaces} feature spaces were kept, chosen by {pruning.n_chose} targets (margin "
        f"{spec.margin:g}); {checked} others lose more than {spec.loss:g} in cross-validated r by it "
        f"({pruning.mean_loss:.1g} on average), so that with probability {1 - spec.delta:g} at most "
        f"{pruning.epsilon:.2%} of all {sample.n_targets} targets do{counted}"
    )
