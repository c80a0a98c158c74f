from __future__ import annotations

import numpy as np
import torch

from algokit.solvers.leading import FAR, RESIDUAL, ROWS_EACH, Leading, leading, start_basis

N, N_FEATURES = 400, 600
N_LEADING = N // ROWS_EACH
PLACES = [slice(0, 90), slice(130, 200), slice(0, 0)]


def centred_gram(steep: float) -> torch.Tensor:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((N, N_FEATURES)) * np.arange(1, N_FEATURES + 1) ** -steep
    rows -= rows.mean(axis=0)
    return torch.from_numpy(rows @ rows.T)


def test_leading_eigenpairs_of_the_rows_kept_are_numpys() -> None:
    gram = centred_gram(0.7)
    found = leading(gram.float(), start_basis(gram.float()), PLACES)
    assert found is not None
    for one, place in zip(found, PLACES, strict=True):
        kept = np.delete(np.arange(N), place)
        centre = np.eye(len(kept)) - 1 / len(kept)
        inner = centre @ gram.numpy()[np.ix_(kept, kept)] @ centre
        expected = np.linalg.eigvalsh(inner)[::-1]
        np.testing.assert_allclose(one.values, expected[:N_LEADING], rtol=5e-3)
        np.testing.assert_allclose(one.values[:10], expected[:10], rtol=1e-5)
        assert expected[N_LEADING] <= one.rest <= 1.05 * expected[N_LEADING]
        vectors = one.vectors.double().numpy()
        assert not vectors[place].any()
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(N_LEADING), atol=1e-5)
        np.testing.assert_allclose(vectors.sum(axis=0), 0, atol=1e-4)
        off = np.linalg.norm(inner @ vectors[kept] - vectors[kept] * one.values.numpy(), axis=0)
        assert (off * np.minimum(one.values.numpy(), FAR * one.rest) <= 1.1 * RESIDUAL * one.rest**2).all()
        cross = gram.numpy()[place] @ vectors
        centred = cross - cross.sum(axis=0) / max(1, len(cross))
        np.testing.assert_allclose(one.left_out, centred, atol=1e-4 * float(one.values[0]))


def test_no_eigenvalue_is_apart_where_too_few_are_not_zero() -> None:
    rows = torch.randn(N, N_LEADING, generator=torch.Generator().manual_seed(2))
    rows -= rows.mean(dim=0)
    gram = rows @ rows.T
    assert leading(gram, start_basis(gram), PLACES) is None
    assert leading(torch.zeros(N, N), start_basis(torch.zeros(N, N)), PLACES) is None


def test_nothing_apart_has_no_vectors_and_keeps_the_largest_eigenvalue() -> None:
    none = Leading.none(7.0, torch.zeros(5))
    assert none.rest == none.largest == 7.0
    assert none.vectors.shape == (5, 0)
    assert none.values.shape == (0,)
