"""The one large product: operators of many alphas times many targets, in float32 or, where it pays, in two int8 slices.

Sliced: a number is a whole multiple q of a scale, |q| <= 32512, and ``q = 256 hi + lo`` with hi and lo in int8. Three
exact integer products (hi hi, hi lo, lo hi) give the float32 product to about 1e-4 of its own size, which is 1e-5 in r,
and integers add up to the same bytes in any order. Pearson r needs no scale of a target's, so none is kept. Processors
with tiles for int8 do this three to four times as fast as float32; others stay with float32, and so does every operator
for which the estimate of `slicing_error` is too large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from algokit.solvers.processor import has_int8_tiles, prefers_onednn

BASE = 256
LARGEST_MULTIPLE = 127 * BASE
LARGEST_NORM = 7e5  # norms of whole multiples whose product still fits int32, by Cauchy-Schwarz
WORTH_SLICING = 100_000  # numbers in an operator
TOLERANCE_R = 1.5e-5  # of the estimate, which is on the safe side: the largest error of thousands of targets is 3e-5
USUAL_PEAK = 6.0  # largest |value| of a target in SDs that the estimate of the error counts with
N_PROBES = 8


@dataclass(frozen=True)
class Inputs:
    """What operators act on, for one block of targets.

    Attributes
    ----------
    values : (n_targets, width) float32.
    slices : (n_targets, 2, width) int8, hi and lo; None where nothing asks for them.
    """

    values: Tensor
    slices: Tensor | None

    def without(self, columns: slice) -> Inputs:
        """All inputs but a run of neighbouring ones."""
        slices = None if self.slices is None else outside(self.slices, columns)
        return Inputs(outside(self.values, columns), slices)


def outside(values: Tensor, columns: slice) -> Tensor:
    """A copy without a run of neighbouring columns."""
    return torch.cat([values[..., : columns.start], values[..., columns.stop :]], dim=-1)


class Operators(Protocol):
    """The operators of some alphas in one fold, ready to be applied together."""

    @property
    def scales(self) -> Tensor:
        """(n_alphas,) float64: what the products of each are to be multiplied by, but for a factor per target."""
        ...

    def __call__(self, inputs: Inputs) -> Tensor:
        """(n_targets, n_alphas, n_rows) float32."""
        ...


@dataclass(frozen=True)
class FloatOperators:
    """Plain float32; ``matrices`` is (n_alphas, n_rows, width), or those rows packed by oneDNN."""

    matrices: Tensor
    scales: Tensor
    n_rows: int

    def __call__(self, inputs: Inputs) -> Tensor:
        """See `Operators`."""
        if self.matrices.is_mkldnn:
            product = torch.nn.functional.linear(inputs.values.to_mkldnn(), self.matrices).to_dense()
        else:
            product = inputs.values @ self.matrices.flatten(0, 1).T
        return product.view(len(product), -1, self.n_rows)


@dataclass(frozen=True)
class SlicedOperators:
    """Two int8 slices; ``slices`` is (n_alphas, n_rows, 2, width), lo and hi: the other way round than in `Inputs`."""

    slices: Tensor
    scales: Tensor

    def __call__(self, inputs: Inputs) -> Tensor:
        """See `Operators`."""
        assert inputs.slices is not None
        n_rows, _, width = self.slices.shape[1:]
        left, right = inputs.slices.flatten(1), self.slices.view(-1, 2 * width)
        product = torch._int_mm(left, right.T)  # hi lo + lo hi
        product.add_(torch._int_mm(left[:, :width], right[:, width:].T), alpha=BASE)
        return product.float().view(len(product), -1, n_rows)


def operators(matrices: Tensor, n_folds: int, *, may_slice: bool) -> Operators:
    """Make the operators of one fold ready: sliced where that may be and costs r no more than `TOLERANCE_R`.

    Parameters
    ----------
    matrices : (n_alphas, n_rows, width) float32, each of norm 1 or 0.
    n_folds : over which the error in r averages out.
    """
    if may_slice and all(slicing_error(matrix, n_folds) <= TOLERANCE_R for matrix in matrices):
        pairs = [_sliced_matrix(matrix) for matrix in matrices]
        slices = torch.stack([one.flip(1) for one, _ in pairs])
        return SlicedOperators(slices, torch.tensor([scale for _, scale in pairs], dtype=torch.float64))
    ones = torch.ones(len(matrices), dtype=torch.float64, device=matrices.device)
    packs = matrices.device.type == "cpu" and matrices.numel() > 0 and prefers_onednn()
    return FloatOperators(matrices.flatten(0, 1).to_mkldnn() if packs else matrices, ones, matrices.shape[1])


def inputs(values: Tensor, *, sliced: bool) -> Inputs:
    """Make a block of targets ready; values : (n_targets, width) float32."""
    return Inputs(values, _sliced_rows(values) if sliced else None)


def may_slice(device: str, n_rows: int, width: int) -> bool:
    """Whether int8 slices pay: a processor that multiplies them in tiles, and an operator that is large.

    The number of targets has no part in it: whether targets come together or apart changes no bytes.
    """
    return device == "cpu" and n_rows * width >= WORTH_SLICING and has_int8_tiles()


def slicing_error(matrix: Tensor, n_folds: int) -> float:
    """Estimate of the error in r that slicing makes: its SD over targets, for one fold's operator of one alpha.

    Rounding the operator makes noise of its own in every row, which r averages over the rows. Rounding the targets
    makes noise that goes through the operator: it averages over the directions the operator has, which are few where
    the penalty leaves few. Both grow with the largest number in units of the root mean square.
    """
    n_rows, width = matrix.shape
    norm = float(torch.linalg.vector_norm(matrix))
    if norm == 0:
        return 0.0
    peak = float(matrix.abs().max()) * math.sqrt(n_rows * width) / norm
    rounding = 1 / (LARGEST_MULTIPLE * math.sqrt(12))
    dropped = peak * USUAL_PEAK * BASE**2 / 12 / LARGEST_MULTIPLE**2  # lo lo
    of_rows = (peak * rounding) ** 2 + dropped**2
    of_targets = (USUAL_PEAK * rounding) ** 2
    return math.sqrt((of_rows / n_rows + of_targets / _n_directions(matrix / norm)) / n_folds)


def _n_directions(unit: Tensor) -> float:
    """Participation ratio of the squared singular values of an operator of norm 1, from random probes."""
    generator = torch.Generator(unit.device).manual_seed(0)
    probes = torch.randn(len(unit), N_PROBES, generator=generator, device=unit.device)
    return N_PROBES / float((unit @ (unit.T @ probes)).square().sum())


def _sliced_matrix(matrix: Tensor) -> tuple[Tensor, float]:
    """(rows, 2, width) int8 hi and lo of a matrix with one scale, and the scale."""
    largest = float(torch.linalg.vector_norm(matrix, dim=-1).max()) / LARGEST_NORM
    scale = max(float(matrix.abs().max()) / LARGEST_MULTIPLE, largest)
    return _split(matrix, scale), scale


def _sliced_rows(values: Tensor) -> Tensor:
    """(n_targets, 2, width) int8 hi and lo, every target with its own scale."""
    peak = values.abs().amax(dim=1, keepdim=True) / LARGEST_MULTIPLE
    norm = torch.linalg.vector_norm(values, dim=1, keepdim=True) / LARGEST_NORM
    return _split(values, torch.maximum(peak, norm))


def _split(values: Tensor, scale: Tensor | float) -> Tensor:
    inverse = 1 / torch.as_tensor(scale, dtype=values.dtype)
    multiples = (values * torch.where(torch.isfinite(inverse), inverse, 0.0)).round_()
    high = ((multiples + BASE // 2) / BASE).floor_()
    low = multiples.sub_(high, alpha=BASE)
    return torch.stack([high.to(torch.int8), low.to(torch.int8)], dim=1)
