"""What is needed to know of several members' predictions: means, and sums of products over rows, for every target.

The error and the Pearson r of any weighted sum of the members follow from these few numbers per target: rows are read
once however many weights are tried, and folds can be pooled and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NO_VARIANCE = 1e-13  # of the members' own: what is left where members cancel each other is rounding


@dataclass(frozen=True)
class MemberMoments:
    """Means and centred products over some rows; the last of the n_members + 1 places is the truth.

    Attributes
    ----------
    n_rows : how many rows.
    mean : (n_targets, n_members + 1) float64.
    scatter : (n_targets, n_members + 1, n_members + 1) float64, sums over rows of products of deviations from the mean.
    """

    n_rows: int
    mean: Floats
    scatter: Floats

    @classmethod
    def of(cls, predictions: Sequence[NDArray[np.float32]], truth: NDArray[np.float32]) -> MemberMoments:
        """Moments of the members' predictions, each (n_rows, n_targets), and of the truth.

        Every target is summed by itself, so that its numbers do not depend on the targets beside it.
        """
        n_rows, n_targets = truth.shape
        values = np.empty((n_targets, len(predictions) + 1, n_rows))
        for place, array in enumerate((*predictions, truth)):
            values[:, place] = array.T
        mean = values.mean(axis=2)
        values -= mean[:, :, None]
        return cls(n_rows, mean, values @ values.transpose(0, 2, 1))

    @classmethod
    def pooled(cls, parts: Sequence[MemberMoments]) -> MemberMoments:
        """Moments over the rows of all parts.

        A sum of nonnegative parts: taking a fold away from a total would lose the digits that members share.

        Source: Chan, Golub & LeVeque (1983), Algorithms for computing the sample variance.
        """
        n_rows = sum(part.n_rows for part in parts)
        mean = sum((part.n_rows * part.mean for part in parts), np.zeros_like(parts[0].mean)) / n_rows
        scatter = np.zeros_like(parts[0].scatter)
        for part in parts:
            shift = part.mean - mean
            scatter += part.scatter + part.n_rows * shift[:, :, None] * shift[:, None, :]
        return cls(n_rows, mean, scatter)

    @property
    def n_members(self) -> int:
        """How many members."""
        n_places: int = self.mean.shape[1]
        return n_places - 1

    @property
    def gram(self) -> Floats:
        """(n_targets, n_members, n_members), products of the centred predictions."""
        return self.scatter[:, :-1, :-1]

    @property
    def covariance(self) -> Floats:
        """(n_targets, n_members), products of the centred predictions with the centred truth."""
        return self.scatter[:, :-1, -1]

    @property
    def truth(self) -> Floats:
        """(n_targets,), sum of squares of the centred truth."""
        return self.scatter[:, -1, -1]

    def pearson_r(self, weights: Floats) -> Floats:
        """Pearson r of the truth with the members' weighted sum.

        Parameters
        ----------
        weights : (n_targets, n_members), nonnegative; only their ratios matter.

        Returns
        -------
        (n_targets,) float64 in -1..1; 0 where the truth or the weighted sum has no variance.
        """
        products = (weights[:, None, :] @ self.gram)[:, 0]
        variance = (products * weights).sum(axis=1)
        own = (np.square(weights) * np.diagonal(self.gram, axis1=1, axis2=2)).sum(axis=1)
        known = (variance > NO_VARIANCE * own) & (self.truth > 0)
        norm = np.sqrt(np.where(known, variance, 1.0)) * np.sqrt(np.where(known, self.truth, 1.0))
        r: Floats = np.where(known, (weights * self.covariance).sum(axis=1) / norm, 0.0)
        return r.clip(-1.0, 1.0)
