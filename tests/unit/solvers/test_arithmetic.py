from __future__ import annotations

import pytest
import torch
from torch import Tensor

from algokit.solvers import arithmetic
from algokit.solvers.arithmetic import FloatOperators, SlicedOperators, inputs, operators, slicing_error

N_TARGETS, N_ALPHAS, N_ROWS, WIDTH = 32, 3, 24, 160


def _operators(spread: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    matrices = torch.randn(N_ALPHAS, N_ROWS, WIDTH, generator=generator)
    matrices *= torch.linspace(0, spread, WIDTH).exp()
    return matrices / torch.linalg.vector_norm(matrices, dim=(1, 2), keepdim=True)


def _values() -> Tensor:
    return 50 * torch.randn(N_TARGETS, WIDTH, generator=torch.Generator().manual_seed(2))


def _expected(matrices: Tensor, values: Tensor) -> Tensor:
    return torch.einsum("anw,tw->tan", matrices.double(), values.double())


@pytest.mark.parametrize("packs", [True, False])
def test_float_operators_of_all_alphas_are_applied_at_once(monkeypatch: pytest.MonkeyPatch, packs: bool) -> None:
    if packs and not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(arithmetic, "prefers_onednn", lambda: packs)
    made = operators(_operators(), 5, may_slice=False)
    assert isinstance(made, FloatOperators)
    assert made.matrices.is_mkldnn == packs
    torch.testing.assert_close(
        made(inputs(_values(), sliced=False)), _expected(_operators(), _values()).float(), rtol=1e-5, atol=1e-4
    )
    assert made.scales.tolist() == [1] * N_ALPHAS


@pytest.mark.skipif(not hasattr(torch, "_int_mm"), reason="this torch multiplies no int8 matrices")
def test_sliced_operators_are_near_and_their_products_are_exact_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "TOLERANCE_R", 1e-3)  # these are small
    matrices, values = _operators(), _values()
    made = operators(matrices, 5, may_slice=True)
    assert isinstance(made, SlicedOperators)
    given = inputs(values, sliced=True)
    products = made(given).double() * made.scales[:, None]
    scale = values.abs().amax(dim=1) / arithmetic.LARGEST_MULTIPLE
    error = products * scale[:, None, None] * arithmetic.BASE - _expected(matrices, values)
    assert float(error.abs().max()) < 2e-3 * float(_expected(matrices, values).abs().max())
    shuffled = torch.randperm(WIDTH, generator=torch.Generator().manual_seed(3))
    assert given.slices is not None
    again = SlicedOperators(made.slices[..., shuffled], made.scales)
    assert torch.equal(again(arithmetic.Inputs(values, given.slices[..., shuffled])), made(given))


def test_what_slicing_would_harm_stays_float() -> None:
    one_peak = torch.zeros(N_ALPHAS, N_ROWS, WIDTH)
    one_peak[:, 0, 0] = 1.0
    assert slicing_error(one_peak[0], 1) > arithmetic.TOLERANCE_R
    assert isinstance(operators(one_peak, 1, may_slice=True), FloatOperators)
    assert slicing_error(torch.zeros(N_ROWS, WIDTH), 1) == 0


@pytest.mark.skipif(not hasattr(torch, "_int_mm"), reason="this torch multiplies no int8 matrices")
def test_the_estimate_of_slicing_is_not_below_the_error_in_r() -> None:
    """Per operator, the SD over targets of the difference in r with truths as good as predictions."""
    generator = torch.Generator().manual_seed(4)
    for spread in (0.0, 3.0):
        matrices = _operators(spread)
        matrices -= matrices.mean(dim=1, keepdim=True)
        values = torch.randn(2000, WIDTH, generator=generator)
        exact = _expected(matrices, values)
        truth = exact[:, 0] + exact[:, 0].std() * torch.randn(2000, N_ROWS, generator=generator)
        pairs = [arithmetic._sliced_matrix(matrix) for matrix in matrices]
        slices = torch.stack([one.flip(1) for one, _ in pairs])
        sliced = SlicedOperators(slices, torch.ones(3))(inputs(values, sliced=True)).double()
        error = (_r(sliced[:, 0], truth) - _r(exact[:, 0], truth)).std()
        assert float(error) < slicing_error(matrices[0], 1)


def test_without_leaves_a_run_out_of_values_and_slices() -> None:
    given = inputs(_values(), sliced=True)
    kept = given.without(slice(10, 30))
    rest = [*range(10), *range(30, WIDTH)]
    assert torch.equal(kept.values, given.values[:, rest])
    assert given.slices is not None
    assert kept.slices is not None
    assert torch.equal(kept.slices, given.slices[..., rest])


def _r(a: Tensor, b: Tensor) -> Tensor:
    a, b = a - a.mean(dim=1, keepdim=True), b - b.mean(dim=1, keepdim=True)
    return (a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1))
