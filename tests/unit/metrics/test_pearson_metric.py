"""Pearson r per vertex, against scipy and against what correlation is by definition."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import pearsonr

from algokit.metrics import pearson_metric
from algokit.metrics.pearson_metric import pearson_r, squared_r

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]


def pair(n_samples: int = 40, n_targets: int = 25, seed: int = 0) -> Arrays:
    """Truth, and a prediction that has something to do with it."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((n_samples, n_targets))
    return truth, truth * rng.uniform(-1, 1, n_targets) + rng.standard_normal(truth.shape)


def by_scipy(truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> NDArray[np.float64]:
    columns = zip(truth.T.astype(np.float64), prediction.T.astype(np.float64), strict=True)
    return np.array([pearsonr(one, other).statistic for one, other in columns])


def test_r_of_four_points_is_what_pencil_and_paper_give() -> None:
    truth = np.array([[1.0], [2.0], [3.0], [4.0]])
    assert pearson_r(truth, np.array([[1.0], [3.0], [2.0], [4.0]])) == pytest.approx([0.8], abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_r_equals_scipy_for_every_float_type_and_order(dtype: str, order: str) -> None:
    truth, prediction = (np.asarray(one, dtype, order) for one in pair())  # type: ignore[call-overload]
    np.testing.assert_allclose(pearson_r(truth, prediction), by_scipy(truth, prediction), atol=1e-12)


def test_r_equals_scipy_on_memory_maps_of_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pearson_metric, "_BLOCK_VALUES", 130)
    for name, values in zip(("truth", "prediction"), pair(), strict=True):
        np.save(tmp_path / name, values.astype(np.float32))
    truth, prediction = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("truth", "prediction"))
    np.testing.assert_allclose(pearson_r(truth, prediction), by_scipy(truth, prediction), atol=1e-12)


@pytest.mark.parametrize(("scale", "offset"), [(1e-3, 1e4), (1e30, 0.0), (1e-30, 0.0), (1e-3, -1e3)])
def test_float32_columns_far_from_zero_or_one_lose_nothing(scale: float, offset: float) -> None:
    truth, prediction = pair()
    far = (prediction * scale + offset).astype(np.float32)
    exact = (far.astype(np.float64) - offset) / scale
    np.testing.assert_allclose(pearson_r(truth, far), by_scipy(truth, exact), atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e30, np.nan, np.inf, -np.inf])
def test_a_column_of_one_value_has_r_of_exactly_zero(value: float) -> None:
    truth, prediction = pair()
    flat = prediction.astype(np.float32)
    flat[:, 3] = value
    for r in (pearson_r(truth, flat), pearson_r(flat, truth)):
        assert r[3] == 0
        others = [np.delete(values, 3, axis=1) for values in (truth, flat)]
        np.testing.assert_allclose(np.delete(r, 3), by_scipy(*others), atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite_costs_its_own_column_only(value: float) -> None:
    truth, prediction = pair()
    expected = by_scipy(truth, prediction)
    prediction[5, 2] = value
    expected[2] = 0
    np.testing.assert_allclose(pearson_r(truth, prediction), expected, atol=1e-12)


@pytest.mark.parametrize("n_samples", [0, 1])
def test_r_of_fewer_than_two_images_is_zero(n_samples: int) -> None:
    empty = np.ones((n_samples, 4))
    assert pearson_r(empty, empty).tolist() == [0, 0, 0, 0]


def test_squared_r_is_zero_where_r_is_negative() -> None:
    truth, prediction = pair()
    expected = [r * r if r > 0 else 0.0 for r in by_scipy(truth, prediction)]
    assert min(expected) == 0 < max(expected)
    np.testing.assert_allclose(squared_r(truth, prediction), expected, atol=1e-12)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 4\) and prediction \(4, 3\)"):
        pearson_r(np.zeros((3, 4)), np.zeros((4, 3)))


def test_float64_is_held_for_a_block_and_not_for_the_array() -> None:
    truth = np.random.default_rng(0).standard_normal((400, 5000), dtype=np.float32)
    tracemalloc.start()
    try:
        pearson_r(truth, truth)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < truth.size * 8 / 1.2


@given(seed=st.integers(0, 999), scale=st.floats(1e-3, 1e3), offset=st.floats(-1e3, 1e3))
def test_positive_scale_and_offset_of_a_prediction_do_not_matter(seed: int, scale: float, offset: float) -> None:
    truth, prediction = pair(12, 6, seed)
    expected = pearson_r(truth, prediction)
    np.testing.assert_allclose(pearson_r(truth, scale * prediction + offset), expected, atol=1e-7)
    np.testing.assert_allclose(pearson_r(truth, -scale * prediction + offset), -expected, atol=1e-7)


@given(seed=st.integers(0, 999), order=st.permutations(range(6)))
def test_permuting_vertices_permutes_the_scores(seed: int, order: list[int]) -> None:
    truth, prediction = pair(12, 6, seed)
    permuted = pearson_r(truth[:, order], prediction[:, order])
    np.testing.assert_allclose(permuted, pearson_r(truth, prediction)[order], atol=1e-12)


@given(seed=st.integers(0, 999), order=st.permutations(range(12)))
def test_permuting_the_images_of_both_changes_nothing(seed: int, order: list[int]) -> None:
    truth, prediction = pair(12, 6, seed)
    np.testing.assert_allclose(pearson_r(truth[order], prediction[order]), pearson_r(truth, prediction), atol=1e-12)


@given(seed=st.integers(0, 999))
def test_permuting_the_images_of_one_does_not_go_unnoticed(seed: int) -> None:
    truth, _ = pair(12, 6, seed)
    assert pearson_r(truth, truth).min() == pytest.approx(1, abs=1e-12)
    assert pearson_r(truth, np.roll(truth, 1, axis=0)).max() < 1 - 1e-6
