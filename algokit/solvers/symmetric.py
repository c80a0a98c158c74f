"""Symmetric matrices: squares, centring, inverses, the largest eigenvalue."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

N_STRIPS = 4
LEAF = 256
TILE = 128
WORTH_STRIPS = 768  # rows: smaller products are slower in strips than whole
N_POWER_STEPS = 12


def add_square(total: Tensor, rows: Tensor) -> None:
    """Add ``rows rows'`` below the diagonal and in the strips on it alone, five eighths of the work; see `mirror`."""
    add_symmetric(total, rows, rows.T)


def add_symmetric(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add ``left right``, which is symmetric, as `add_square` does."""
    for strip in _strips(len(total)):
        total[strip, : strip.stop].addmm_(left[strip], right[:, : strip.stop])


def mirror(total: Tensor) -> Tensor:
    """Complete what `add_square` leaves out, in place."""
    for strip in _strips(len(total)):
        total[: strip.start, strip] = total[strip, : strip.start].T
    return total


def _strips(n: int) -> Iterator[slice]:
    bounds = [n * index // N_STRIPS for index in range(N_STRIPS + 1)]
    yield from (slice(*pair) for pair in itertools.pairwise(bounds))


def centre_over_rows(gram: Tensor, cross: Tensor) -> None:
    """Centre products of rows with each other (n, n) and of new rows with them (n_new, n) over the rows, in place."""
    column_mean = gram.mean(dim=0)
    mean = column_mean.mean()
    gram.sub_(column_mean).sub_(column_mean[:, None]).add_(mean)
    cross.sub_(cross.mean(dim=1, keepdim=True)).sub_(column_mean).add_(mean)


def spd_inverse(matrix: Tensor) -> Tensor:
    """Inverse of a symmetric positive definite matrix by halves: nearly all of it is matrix products.

    Source: block inversion by Schur complement; faster than the library's from the factor, as accurate.
    """
    n = len(matrix)
    if n <= LEAF or matrix.is_cuda:
        return torch.cholesky_inverse(torch.linalg.cholesky(matrix))
    half = -(-n // (2 * TILE)) * TILE
    first = spd_inverse(matrix[:half, :half])
    mixed = first @ matrix[:half, half:]
    second = spd_inverse(_plus_symmetric(matrix[half:, half:], matrix[half:, :half], mixed.neg()))
    both = mixed @ second
    inverse = torch.empty_like(matrix, memory_format=torch.contiguous_format)
    inverse[:half, :half] = _plus_symmetric(first, both, mixed.T)
    inverse[half:, half:] = second
    inverse[:half, half:] = both.neg_()
    inverse[half:, :half] = both.T
    return inverse


def _plus_symmetric(matrix: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """``matrix + left right``, all of it symmetric."""
    if len(matrix) < WORTH_STRIPS:
        return torch.addmm(matrix, left, right)
    total = matrix.clone()
    add_symmetric(total, left, right)
    return mirror(total)


def largest_eigenvalue(gram: Tensor) -> float:
    """By power iteration from the row norms; never too large, and a tenth too small is near enough for its uses."""
    vector = torch.linalg.vector_norm(gram, dim=1)
    value = 0.0
    for _ in range(N_POWER_STEPS):
        norm = float(torch.linalg.vector_norm(vector))
        if norm == 0:
            return 0.0
        image = gram @ (vector / norm)
        value, vector = float(torch.linalg.vector_norm(image)), image
    return value
