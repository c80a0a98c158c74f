"""From features to measured responses: noiseless signals, noisy trials, sessions, averages over repeats."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.synthetic.anatomy import Source

TRIALS_PER_SESSION = 200
_N_CHANNELS = {"texture": 6}  # channels a vertex reads; three of the energy layers
_FIELD_SD = {1: 1.0, 2: 0.3, 4: 0.16}  # of the receptive field by grid, in image sides


def noiseless_signals(
    rng: np.random.Generator, features: Mapping[Source, NDArray[np.float32]], sources: Sequence[Source]
) -> NDArray[np.float64]:
    """A sparse read-out of its source for every vertex, scaled to zero mean and unit variance over the images.

    Parameters
    ----------
    features : source -> (n_images, channels * grid * grid).
    sources : one per vertex.

    Returns
    -------
    (n_images, n_vertices).
    """
    standard = {source: _standardised(values.astype(np.float64)) for source, values in features.items()}
    columns = [standard[source] @ _readout(rng, source, standard[source].shape[1]) for source in sources]
    return _standardised(np.stack(columns, axis=1))


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns at zero mean and unit population SD."""
    return np.asarray((values - values.mean(0)) / values.std(0))


def _readout(rng: np.random.Generator, source: Source, n_features: int) -> NDArray[np.float64]:
    """Weights (n_features,): a few random channels under one small Gaussian receptive field."""
    layer, grid = source
    n_channels = n_features // grid**2
    centres = (np.arange(grid) + 0.5) / grid
    y, x = rng.uniform(0.15, 0.85, 2)
    field = np.exp(-((centres[:, None] - y) ** 2 + (centres - x) ** 2) / (2 * _FIELD_SD[grid] ** 2))
    field[field < 0.1 * field.max()] = 0
    weights = np.zeros((n_channels, grid, grid))
    chosen = rng.choice(n_channels, _N_CHANNELS.get(layer, 3), replace=False)
    weights[chosen] = rng.standard_normal((len(chosen), 1, 1)) * field
    return weights.ravel()


def repeat_counts(n_images: int, official: Sequence[int]) -> tuple[int, int, int]:
    """How many of ``n_images`` are shown 3, 2 and 1 times, in the official proportions (largest remainder)."""
    exact = n_images * np.asarray(official) / sum(official)
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: n_images - counts.sum()]] += 1
    three, two, one = counts.tolist()
    return three, two, one


def respond(
    rng: np.random.Generator, signal: NDArray[np.float64], ncsnr: NDArray[np.float64], counts: Sequence[int]
) -> NDArray[np.float32]:
    """Responses as the challenge's were made: trials z-scored per session, then averaged over an image's repeats.

    Parameters
    ----------
    signal : (n_images, n_vertices), unit variance.
    ncsnr : (n_vertices,).
    counts : how many of the images are shown 3, 2 and 1 times; which ones is random.

    Returns
    -------
    (n_images, n_vertices) float32; not normalised again after averaging.
    """
    repeats = rng.permutation(np.repeat([3, 2, 1], counts))
    trials = rng.permutation(np.repeat(np.arange(len(signal)), repeats))
    betas = zscore_sessions(ncsnr * signal[trials] + rng.standard_normal((len(trials), signal.shape[1])))
    total = np.zeros_like(signal)
    np.add.at(total, trials, betas)
    averaged: NDArray[np.float32] = (total / repeats[:, None]).astype(np.float32)
    return averaged


def zscore_sessions(betas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut trials (n_trials, n_vertices) into equal sessions and standardise every vertex within each of them."""
    n_sessions = math.ceil(len(betas) / TRIALS_PER_SESSION)
    return np.concatenate([_standardised(session) for session in np.array_split(betas, n_sessions)])
