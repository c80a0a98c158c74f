"""Banded ridge: all feature spaces at once, each with a penalty of its own per target.

The choice is made on the fit rows (`band_choice`). The predictions come from one factorisation of every mixed kernel
that some target chose, the way a single feature space's do: val from the fit rows alone, test from all training rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algokit.errors import UsageError
from algokit.readouts import FeatureSpace, ReadoutResult
from algokit.solvers.band_choice import BandChoice, candidate_mixes, choose_bands
from algokit.solvers.factorise import check_shapes, factorise_gram, gram_blocks
from algokit.solvers.routes import EigenSpace
from algokit.solvers.targets import Targets
from algokit.types import Ints


@dataclass(frozen=True)
class BandedSettings:
    """What is searched.

    Attributes
    ----------
    alphas : penalties of a mixed kernel, positive, ascending.
    folds : rows of each fold; together the fit rows.
    n_iter, seed : how many random mixes of the bands, and their seed.
    standardize : divide features by their SD over the fit rows.
    """

    alphas: tuple[float, ...]
    folds: tuple[Ints, ...]
    n_iter: int
    seed: int
    standardize: bool = False


def search_banded(
    spaces: Iterable[FeatureSpace],
    targets: Targets,
    settings: BandedSettings,
    progress: Callable[[int, str], None] = lambda done, name: None,
) -> ReadoutResult:
    """Search a penalty per band for every target, and predict; every space is one band.

    In the result ``band_alpha`` is the penalty of every band, infinite for a band that takes no part. ``space_index``
    is the band that weighs most: whose part of the mixed kernel's trace, the variance expected of it before the data
    speak, is the largest (the earlier of equal ones). ``alpha`` is that band's penalty. ``cv_score`` is the mean over
    folds of Pearson r, of all bands together.

    Raises
    ------
    UsageError : there is no space, or the shapes of one do not fit.
    DataError : a feature is not finite.
    """
    bands = _Bands.of(spaces, targets, settings.standardize, progress)
    mixes = candidate_mixes(len(bands.grams), settings.n_iter, settings.seed)
    choice = choose_bands(bands.kernels(targets.rows.fit), targets, settings.folds, mixes, settings.alphas)
    val_predictions, test_predictions = _predictions(bands, targets, mixes, choice)
    mix, alpha = choice.mix.cpu().numpy(), choice.alpha.cpu().numpy()
    with np.errstate(divide="ignore"):
        band_alpha = alpha / mixes.T[:, mix]
    parts = np.where(mixes > 0, mixes * bands.traces(targets.rows.fit), -1.0)
    space_index = parts.argmax(axis=1)[mix]
    return ReadoutResult(
        space_index=space_index.astype(np.int64),
        alpha=band_alpha[space_index, np.arange(len(mix))],
        cv_score=choice.score.cpu().numpy(),
        val_predictions=val_predictions,
        test_predictions=test_predictions,
        notes=bands.notes,
        band_alpha=band_alpha,
    )


@dataclass(frozen=True)
class _Bands:
    """Every band's products, centred over all training rows, float64 on the device.

    Attributes
    ----------
    grams, crosses : (n_bands, n, n) and (n_bands, n_test, n).
    notes : bands with constant features.
    """

    grams: Tensor
    crosses: Tensor
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls, spaces: Iterable[FeatureSpace], targets: Targets, standardize: bool, progress: Callable[[int, str], None]
    ) -> _Bands:
        """Take every space once, in order."""
        grams: list[Tensor] = []
        crosses: list[Tensor] = []
        notes: list[str] = []
        for index, space in enumerate(spaces):
            check_shapes(space, targets.n_rows, len(crosses[0]) if crosses else len(space.test))
            gram, cross, n_constant = gram_blocks(
                space, targets.rows.fit, torch.float64, standardize=standardize, device=targets.device
            )
            grams.append(gram)
            crosses.append(cross)
            notes += [f"{space.name}: {n_constant} constant features left out"] if n_constant else []
            progress(index + 1, space.name)
        if not grams:
            raise UsageError("a readout needs at least one feature space")
        return cls(torch.stack(grams), torch.stack(crosses), tuple(notes))

    def kernels(self, rows: Ints) -> Tensor:
        """(n_bands, n_rows, n_rows) at some rows."""
        where = torch.as_tensor(rows, device=self.grams.device)
        return self.grams[:, where[:, None], where]

    def traces(self, rows: Ints) -> NDArray[np.float64]:
        """(n_bands,) sums of squares over some rows, about the mean over them."""
        kernels = self.kernels(rows)
        about_mean = kernels.diagonal(dim1=1, dim2=2).sum(dim=1) - kernels.mean(dim=2).sum(dim=1)
        return about_mean.clamp_min(0.0).cpu().numpy()

    def mixed(self, mix: NDArray[np.float64]) -> EigenSpace:
        """The mixed kernel, factorised."""
        gram, cross = torch.zeros_like(self.grams[0]), torch.zeros_like(self.crosses[0])
        for weight, band, band_cross in zip(mix.tolist(), self.grams, self.crosses, strict=True):
            gram.add_(band, alpha=weight)
            cross.add_(band_cross, alpha=weight)
        return EigenSpace(factorise_gram(gram, cross, 0))


def _predictions(
    bands: _Bands, targets: Targets, mixes: NDArray[np.float64], choice: BandChoice
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Val and test predictions of every target by its choice."""
    val = torch.as_tensor(targets.rows.val, device=targets.device)
    val_predictions = np.zeros((len(val), targets.n_targets), dtype=np.float32)
    test_predictions = np.zeros((bands.crosses.shape[1], targets.n_targets), dtype=np.float32)
    for index in torch.unique(choice.mix).tolist():
        space, mine = bands.mixed(mixes[index]), choice.mix == index
        for columns, predictions in space.predict_test(targets, choice.alpha, mine):
            test_predictions[:, columns] = predictions
        for columns, predictions in space.predict_left_out(targets, choice.alpha, mine, val, val[:0]):
            val_predictions[:, columns] = predictions
    return val_predictions, test_predictions
