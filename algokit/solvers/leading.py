"""The few large eigenvalues of a Gram matrix, apart from the many small ones.

Spectra of features fall steeply: without the largest ones the range of the others is a decade or two
narrower. Alphas are interpolated (`algokit.solvers.interpolate`) for the others alone, from about half as many solved
ones, and what such sums lack along the leading eigenvectors is known and added. Each fold has
eigenvectors of its own; those of all rows are a good start.

Source: subspace iteration with Chebyshev filters (Saad, Numerical Methods for Large Eigenvalue Problems, ch. 5 and 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from algokit.solvers.memory import N_BASIS

ROWS_EACH = 20  # so many rows for each leading eigenvalue sought: finding them costs little beside an inverse then
N_FURTHER = 16  # columns iterated on beside those kept, which converge the sooner; `N_BASIS` in all at most
FILTER_DEGREE = 2
N_START = 4  # filters from a random start
MOST_FILTERS = 4  # from the basis of all rows; some of the rows usually need one
TINY = 1e-30
RESIDUAL = 0.05  # of the largest eigenvalue of the rest; n times less for an eigenvalue n times that, up to
FAR = 16.0  # times: sums of alphas fitted to the rest lack little near it and much far from it
MARGIN = 1.02  # that eigenvalue comes from a basis
FEWEST_ROWS = 16 * ROWS_EACH


@dataclass(frozen=True)
class Leading:
    """Leading eigenpairs of the Gram matrix of the rows kept, centred over them.

    Attributes
    ----------
    values : (k,) float64, descending.
    vectors : (n, k) float32, orthonormal; 0 at the rows left out.
    left_out : (n_left, k) float32, products of the rows left out with the vectors, centred over these rows.
    rest : no other eigenvalue exceeds it.
    largest : none exceeds this one.
    """

    values: Tensor
    vectors: Tensor
    left_out: Tensor
    rest: float
    largest: float

    @classmethod
    def none(cls, largest: float, rows: Tensor) -> Leading:
        """No eigenvalue is apart; ``rows`` (n,) tells how many there are and where."""
        empty = torch.empty(len(rows), 0, device=rows.device)
        return cls(empty[0].double(), empty, empty, largest, largest)


def start_basis(gram: Tensor) -> Tensor:
    """(n, m) orthonormal float32, near the leading eigenvectors of a centred Gram matrix."""
    generator = torch.Generator(gram.device).manual_seed(0)
    n_columns = min(len(gram) // ROWS_EACH + N_FURTHER, N_BASIS)
    basis = torch.randn(len(gram), n_columns, generator=generator, device=gram.device)
    bases, all_rows = _orthonormal((gram @ basis)[None]), [slice(0, 0)]
    for _ in range(N_START):
        bases = _filtered(gram, _Ritz.of(gram, bases, all_rows), all_rows)
    return bases[0].clone()


def leading(gram: Tensor, basis: Tensor, left_out: Sequence[slice]) -> list[Leading] | None:
    """The leading eigenpairs of the rows outside each of some runs; None where those of one are not found.

    Parameters
    ----------
    gram : (n, n) float32, centred over all rows.
    basis : from `start_basis`.
    """
    if not left_out:
        return []
    bases = torch.stack([basis] * len(left_out))
    _keep_rows(bases, left_out)
    bases = _orthonormal(bases)
    for _ in range(MOST_FILTERS):
        found = _Ritz.of(gram, bases, left_out)
        if found.is_near():
            return [found.leading(gram, index, place) for index, place in enumerate(left_out)]
        bases = _filtered(gram, found, left_out)
    return None


@dataclass(frozen=True)
class _Ritz:
    """Approximate eigenpairs of some runs' Gram matrices, descending.

    Attributes
    ----------
    values : (n_runs, m) float64.
    vectors, images : (n_runs, n, m) float32; images are products of the Gram matrix with the vectors.
    """

    values: Tensor
    vectors: Tensor
    images: Tensor

    @classmethod
    def of(cls, gram: Tensor, bases: Tensor, left_out: Sequence[slice]) -> _Ritz:
        images = _product(gram, bases, left_out)
        values, rotation = torch.linalg.eigh((bases.mT @ images).double())
        rotation = rotation.flip(2).to(bases.dtype)
        return cls(values.flip(1), bases @ rotation, images @ rotation)

    @property
    def n_leading(self) -> int:
        """How many are kept."""
        return self.values.shape[1] - N_FURTHER

    def is_near(self) -> bool:
        """Whether the leading ones are eigenpairs, near enough."""
        rest = self.values[:, self.n_leading, None]
        off = torch.linalg.vector_norm(self.images - self.vectors * self.values[:, None].to(self.images.dtype), dim=1)
        far = (off * torch.minimum(self.values, FAR * rest))[:, : self.n_leading]
        return bool((rest > 0).all() and (far <= RESIDUAL * rest**2).all())

    def leading(self, gram: Tensor, index: int, place: slice) -> Leading:
        """Those of one run."""
        k, values = self.n_leading, self.values[index]
        vectors = self.vectors[index, :, :k].contiguous()
        cross = gram[place] @ vectors
        rest, largest = (MARGIN * values[[k, 0]]).tolist()
        return Leading(values[:k], vectors, cross - cross.mean(dim=0), rest, largest)


def _filtered(gram: Tensor, found: _Ritz, left_out: Sequence[slice]) -> Tensor:
    """Orthonormal bases (n_runs, n, m) nearer to the leading eigenvectors, by a Chebyshev polynomial."""
    to_damp = found.values[:, -1:, None].clamp(min=TINY).to(found.images.dtype)  # eigenvalues up to this
    before, now = found.vectors, found.images * (2 / to_damp) - found.vectors
    for _ in range(1, FILTER_DEGREE):
        images = _product(gram, now, left_out).mul_(2 / to_damp).sub_(now)
        before, now = now, images.mul_(2).sub_(before)
    return _orthonormal(now)


def _orthonormal(bases: Tensor) -> Tensor:
    """Of columns (n_runs, n, m); rows of zeros stay zeros, which Householder's Q would not grant."""
    unit = bases / torch.linalg.vector_norm(bases, dim=1, keepdim=True).clamp_(min=TINY)
    upper = torch.linalg.qr(unit, mode="r")[1]
    result: Tensor = torch.linalg.solve_triangular(upper, unit, upper=True, left=False)
    return result


def _product(gram: Tensor, bases: Tensor, left_out: Sequence[slice]) -> Tensor:
    """The Gram matrix of the rows kept, centred over them, times vectors of these rows; (n_runs, n, m)."""
    n_runs, n, m = bases.shape
    image = (gram @ bases.transpose(0, 1).reshape(n, n_runs * m)).view(n, n_runs, m).transpose(0, 1).contiguous()
    _keep_rows(image, left_out)
    return image


def _keep_rows(bases: Tensor, left_out: Sequence[slice]) -> None:
    """Project on vectors that are 0 at the rows left out and add up to 0, in place."""
    for basis, place in zip(bases, left_out, strict=True):
        basis[place] = 0
        n_kept = len(basis) - (place.stop - place.start)
        basis.sub_(basis.sum(dim=0) / n_kept)
        basis[place] = 0
