"""Weights and images by a closed formula: two implementations can be given the same ones with nothing handed over.

The element at flat position ``i`` of tensor number ``j`` is made from ``u``, the fraction of
``43758.5453 sin(12.9898 (i + 1) + 78.233 (j + 1))``, which lies in [0, 1) and looks random; ``i`` counts modulo 10007.
"""

from collections.abc import Mapping

import numpy as np
import torch

PERIOD = 10007  # a prime: rows of no matrix repeat


def fractions(number: int, shape: tuple[int, ...]) -> torch.Tensor:
    """``u`` of every element, float64."""
    waves = 43758.5453 * np.sin(12.9898 * np.arange(1.0, PERIOD + 1) + 78.233 * (number + 1))
    return torch.from_numpy(np.resize(waves - np.floor(waves), shape))


def formula_state(like: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A tensor for every floating-point one of ``like``, numbered by name.

    Weights of one dimension and variances lie in 0.5 .. 1.5, matrices and kernels keep the variance of their input,
    all else lies in -0.5 .. 0.5.
    """
    made = {}
    for number, name in enumerate(sorted(name for name in like if like[name].is_floating_point())):
        shape = tuple(like[name].shape)
        fraction = fractions(number, shape)
        if name.endswith("running_var") or (name.endswith(".weight") and len(shape) == 1):
            values = 0.5 + fraction
        elif len(shape) > 1 and name.endswith(".weight"):
            values = (fraction - 0.5) * (12 / np.prod(shape[1:])) ** 0.5
        else:
            values = fraction - 0.5
        made[name] = values.float()
    return made


def formula_images(n_images: int, size_px: int) -> torch.Tensor:
    """(n_images, 3, size_px, size_px) float32 in -2 .. 2."""
    return (4 * fractions(1000, (n_images, 3, size_px, size_px)) - 2).float()


def fingerprint(values: torch.Tensor) -> list[float]:
    """Mean, standard deviation and five elements, evenly spread."""
    flat = values.detach().double().flatten()
    positions = [(k * len(flat)) // 6 for k in range(1, 6)]
    return [flat.mean().item(), flat.std(correction=0).item(), *flat[positions].tolist()]
