"""Correlations of every vertex over resampled and over shuffled images, block by block of vertices.

Images are drawn within a subject, apart from all other subjects, and alike for its two hemispheres: what an image is
seed for is its id, so neither the order of rows nor that of hemispheres matters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from algokit.metrics import centred_columns
from algokit.types import Ints

Floats: TypeAlias = NDArray[np.float32]
Draw: TypeAlias = Callable[[Floats, Floats], Floats]  # two standardised (n_images, n_block) -> r (n_draws, n_block)

_BOOTSTRAP, _SHUFFLES = 0, 1
# A resample whose variance is less than this share of its second moment counts as constant: float32 cannot tell.
# Columns are standardised over all images, so it takes a resample 300 of its own standard deviations off their mean.
_FLAT = 1e-5


def bootstrap(subject: str, image_ids: Ints, n_resamples: int, seed: int) -> Draw:
    """Draw as many images as there are, with replacement; the same ``n_resamples`` times for every block.

    Parameters
    ----------
    image_ids : (n_images,) in row order.
    """
    weights = image_weights(subject, image_ids, n_resamples, seed)
    return lambda truth, prediction: weighted_r(truth, prediction, weights)


def each_left_out(image_ids: Ints) -> Draw:
    """All images but one: as many draws as there are images, in the order of their ids."""
    n_images = len(image_ids)
    kept = 1 - np.eye(n_images, dtype=np.float32)[:, _rank(image_ids)]
    weights = kept * np.float32(n_images / (n_images - 1))
    return lambda truth, prediction: weighted_r(truth, prediction, weights)


def shuffles(subject: str, image_ids: Ints, n_permutations: int, seed: int) -> Draw:
    """Pair every response with the prediction for a random image, no image twice; the same way for every block."""
    orders = image_orders(subject, image_ids, n_permutations, seed)
    return lambda truth, prediction: shuffled_r(truth, prediction, orders)


def image_weights(subject: str, image_ids: Ints, n_resamples: int, seed: int) -> Floats:
    """How often each image is in each resample: (n_resamples, n_images) float32; rows sum to n_images."""
    n_images = len(image_ids)
    counts = _generator(_BOOTSTRAP, subject, seed).multinomial(n_images, np.full(n_images, 1 / n_images), n_resamples)
    return counts[:, _rank(image_ids)].astype(np.float32)


def image_orders(subject: str, image_ids: Ints, n_permutations: int, seed: int) -> Ints:
    """Which row of the predictions stands in for each row: (n_permutations, n_images) int64."""
    rng = _generator(_SHUFFLES, subject, seed)
    by_id = np.argsort(image_ids, kind="stable")
    orders = [by_id[rng.permutation(len(by_id))[_rank(image_ids)]] for _ in range(n_permutations)]
    return np.array(orders, dtype=np.int64).reshape(n_permutations, len(by_id))


def _generator(kind: int, subject: str, seed: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(kind, *subject.encode())))


def _rank(image_ids: Ints) -> Ints:
    """The place of each row among the rows sorted by image id."""
    rank = np.empty(len(image_ids), dtype=np.int64)
    rank[np.argsort(image_ids, kind="stable")] = np.arange(len(image_ids))
    return rank


def standardised(values: NDArray[np.float32]) -> Floats:
    """Columns of mean 0 and mean square 1; those that are constant or not finite are 0. (n_images, n_block)."""
    columns, usable = centred_columns(values)
    root_mean_square = np.sqrt(np.einsum("nv,nv->v", columns, columns) / max(1, len(columns)))
    columns /= np.where(usable & (root_mean_square > 0), root_mean_square, 1.0)
    return columns.astype(np.float32)


def weighted_r(truth: Floats, prediction: Floats, weights: Floats) -> Floats:
    """Correlation over weighted images; 0 where either column is constant over the images that weigh anything.

    Parameters
    ----------
    truth, prediction : (n_images, n_block), standardised. float32 then is enough: no moment is far from 1.
    weights : (n_resamples, n_images), rows sum to n_images.

    Returns
    -------
    (n_resamples, n_block) float32.
    """
    columns = [truth, prediction, truth * prediction, np.square(truth), np.square(prediction)]
    moments = (weights / np.float32(len(truth))) @ np.concatenate(columns, axis=1)  # one product for all five
    mean_t, mean_p, cross, square_t, square_p = np.split(moments, 5, axis=1)
    variance_t = square_t - np.square(mean_t)
    variance_p = square_p - np.square(mean_p)
    flat = (variance_t <= _FLAT * square_t) | (variance_p <= _FLAT * square_p)
    cross -= mean_t * mean_p
    variance_t *= variance_p
    variance_t[flat] = np.inf
    cross /= np.sqrt(variance_t)
    r: Floats = np.clip(cross, -1, 1, out=cross)
    return r


def shuffled_r(truth: Floats, prediction: Floats, orders: Ints) -> Floats:
    """Correlation with the predictions of other images: (n_permutations, n_block) float32.

    Parameters
    ----------
    truth, prediction : (n_images, n_block), standardised.
    orders : (n_permutations, n_images).
    """
    r = np.empty((len(orders), truth.shape[1]), dtype=np.float32)
    moved = np.empty_like(prediction)
    for row, order in zip(r, orders, strict=True):
        np.take(prediction, order, axis=0, out=moved, mode="clip")  # "clip" alone writes straight into ``out``
        np.einsum("nv,nv->v", truth, moved, out=row)
    r /= max(1, len(truth))
    return np.clip(r, -1, 1, out=r)
