"""Cutting rows into cross-validation folds whose sizes differ by at most one."""

from __future__ import annotations

import numpy as np

from algokit.errors import UsageError
from algokit.readouts import FoldsSpec
from algokit.types import Finding, Ints


def cut_folds(rows: Ints, spec: FoldsSpec) -> tuple[Ints, ...]:
    """The folds a recipe asks for.

    Raises
    ------
    UsageError : as `contiguous_folds`.
    """
    if spec.kind == "contiguous":
        return contiguous_folds(rows, spec.n)
    return shuffled_folds(rows, spec.n, spec.seed)


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
