"""Cutting rows into cross-validation folds whose sizes differ as little as whole rows, or whole groups, allow."""

from __future__ import annotations

import heapq

import numpy as np

from algokit.errors import UsageError
from algokit.readouts import FoldsSpec, Rows
from algokit.types import Finding, Ints


def cut_folds(rows: Rows, spec: FoldsSpec) -> tuple[Ints, ...]:
    """The fit rows, cut as a recipe says.

    Raises
    ------
    UsageError : too few rows or groups for the folds, or folds of groups where the groups are not known.
    """
    if spec.kind == "contiguous":
        return contiguous_folds(rows.fit, spec.n)
    if spec.kind == "shuffled":
        return shuffled_folds(rows.fit, spec.n, spec.seed)
    if rows.groups is None:
        finding = Finding("nobody said which rows show the same image", path="folds.kind", found=spec.kind)
        raise UsageError("cross-validation by image is not possible", [finding])
    return grouped_folds(rows.fit, rows.groups, spec.n, spec.seed)


def contiguous_folds(rows: Ints, n_folds: int) -> tuple[Ints, ...]:
    """Runs of neighbouring rows, in the order given.

    Raises
    ------
    UsageError : a fold would have fewer than two rows, over which Pearson r is not defined.
    """
    if n_folds < 2 or len(rows) < 2 * n_folds:
        finding = Finding(
            "too few rows for the folds",
            path="folds.n",
            expected=f"at least 2 folds of at least 2 rows, so {2 * max(n_folds, 2)} rows or more",
            found=f"{n_folds} folds, {len(rows)} rows",
            advice="ask for fewer folds or hold out fewer rows",
        )
        raise UsageError("cross-validation is not possible", [finding])
    return tuple(np.array_split(np.asarray(rows, dtype=np.int64), n_folds))


def shuffled_folds(rows: Ints, n_folds: int, seed: int) -> tuple[Ints, ...]:
    """A random partition of the rows, the same for the same seed; rows ascend within a fold.

    Raises
    ------
    UsageError : as `contiguous_folds`.
    """
    shuffled = np.random.default_rng(seed).permutation(rows)
    return tuple(np.sort(fold) for fold in contiguous_folds(shuffled, n_folds))


def grouped_folds(rows: Ints, groups: Ints, n_folds: int, seed: int) -> tuple[Ints, ...]:
    """A random partition of the rows that splits no group, the same for the same seed; rows ascend within a fold.

    Groups are taken in random order, large ones first, each into the fold that is smallest by then: sizes differ by at
    most the size of the largest group.

    Parameters
    ----------
    groups : (n,) the group of every row there is, by row number; not only of ``rows``.

    Raises
    ------
    UsageError : a fold would have fewer than two rows, over which Pearson r is not defined.
    """
    _, member, sizes = np.unique(groups[rows], return_inverse=True, return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    fold_of = np.zeros(len(sizes), dtype=np.int64)
    smallest = [(0, fold) for fold in range(n_folds)]
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        size, fold = heapq.heappop(smallest)
        fold_of[group] = fold
        heapq.heappush(smallest, (size + int(sizes[group]), fold))
    if n_folds < 2 or min(smallest)[0] < 2:
        raise _too_few_groups(len(rows), sizes, n_folds)
    return tuple(np.sort(rows[fold_of[member] == fold]) for fold in range(n_folds))


def _too_few_groups(n_rows: int, sizes: Ints, n_folds: int) -> UsageError:
    images = f"{len(sizes)} different images in {n_rows} rows, up to {max(sizes, default=0)} rows each"
    finding = Finding(
        "too few images for the folds",
        path="folds.n",
        expected="at least 2 folds of at least 2 rows, with all rows of an image in one fold",
        found=f"{n_folds} folds, {images}",
        advice="ask for fewer folds or hold out fewer rows",
    )
    return UsageError("cross-validation by image is not possible", [finding])
