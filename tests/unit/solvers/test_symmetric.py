from __future__ import annotations

import numpy as np
import pytest
import torch

from algokit.solvers.symmetric import add_square, largest_eigenvalue, mirror, spd_inverse


def _rows(n: int, width: int) -> torch.Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(n), dtype=torch.float64)


@pytest.mark.parametrize("n", [1, 3, 40, 257, 600])
def test_half_a_square_mirrored_is_the_square(n: int) -> None:
    rows, total = _rows(n, 9), torch.eye(n, dtype=torch.float64)
    add_square(total, rows)
    torch.testing.assert_close(mirror(total), torch.eye(n, dtype=torch.float64) + rows @ rows.T)


@pytest.mark.parametrize("n", [1, 255, 257, 700])
def test_the_inverse_by_halves_is_numpys(n: int) -> None:
    matrix = _rows(n, n + 5) @ _rows(n, n + 5).T + 0.1 * torch.eye(n, dtype=torch.float64)
    np.testing.assert_allclose(spd_inverse(matrix), np.linalg.inv(matrix), rtol=1e-8, atol=1e-9)


def test_the_largest_eigenvalue_is_near_and_never_too_large() -> None:
    for width in (2, 30, 600):
        gram = _rows(300, width) @ _rows(300, width).T
        exact = float(torch.linalg.eigvalsh(gram)[-1])
        assert 0.9 * exact <= largest_eigenvalue(gram) <= exact * (1 + 1e-9)
    assert largest_eigenvalue(torch.zeros(4, 4)) == 0
