"""What every readout of the catalogue does, with the defaults of its spec."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from algokit.errors import DataError, UsageError
from algokit.readouts import CATALOGUE, FeatureSpace, Readout, ReadoutResult, ReadoutSpec, Rows

N, N_TEST, N_TARGETS = 90, 12, 20
ROWS = Rows(fit=np.delete(np.arange(N), np.arange(4, N, 9)), val=np.arange(4, N, 9))
NO_VAL = Rows(fit=np.arange(N), val=np.arange(0))
PREDICTED = ("space_index", "alpha", "cv_score", "val_predictions", "test_predictions")
Array = np.ndarray[Any, np.dtype[np.float32]]


@pytest.fixture(params=sorted(CATALOGUE.rows()))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def challenge(noise: float = 0.5) -> tuple[list[FeatureSpace], Array, Array]:
    """Two spaces, the training responses and the noiseless test responses; the first space drives them."""
    rng = np.random.default_rng(0)
    spaces = []
    for name, width in (("drives", 8), ("does not", 15)):
        rows = rng.standard_normal((N + N_TEST, width)).astype(np.float32)
        spaces.append(FeatureSpace(name, rows[:N], rows[N:]))
    weights = rng.standard_normal((8, N_TARGETS)) / 8**0.5
    train = spaces[0].train @ weights + noise * rng.standard_normal((N, N_TARGETS)) + 2
    return spaces, train.astype(np.float32), (spaces[0].test @ weights + 2).astype(np.float32)


def spec_of(kind: str) -> Any:
    return TypeAdapter(ReadoutSpec).validate_python({"kind": kind})


def fit(
    kind: str,
    spaces: Any,
    *responses: Array,
    rows: Rows = ROWS,
    progress: Any = None,
    out_of_fold: Array | None = None,
) -> ReadoutResult:
    readout: Readout = CATALOGUE.load(kind)
    told = progress or (lambda done, name: None)
    return readout(spaces, responses, rows, spec_of(kind), device="cpu", progress=told, out_of_fold=out_of_fold)


def assert_same(ours: ReadoutResult, theirs: ReadoutResult, atol: float = 1e-5) -> None:
    for name in PREDICTED:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=atol, err_msg=name)


@pytest.mark.parametrize("rows", [ROWS, NO_VAL], ids=["val", "no val"])
def test_results_have_the_shapes_and_types_promised(kind: str, rows: Rows) -> None:
    spaces, responses, _ = challenge()
    found = fit(kind, spaces, responses[:, :13], responses[:, 13:], rows=rows)
    promised = {
        "space_index": (np.int64, (N_TARGETS,)),
        "alpha": (np.float64, (N_TARGETS,)),
        "cv_score": (np.float32, (N_TARGETS,)),
        "val_predictions": (np.float32, (len(rows.val), N_TARGETS)),
        "test_predictions": (np.float32, (N_TEST, N_TARGETS)),
    }
    for name, (dtype, shape) in promised.items():
        values = getattr(found, name)
        assert (values.dtype, values.shape) == (dtype, shape), name
        assert np.isfinite(values).all(), name
    assert set(found.space_index) <= {0, 1}


def test_planted_responses_are_predicted_with_their_means(kind: str) -> None:
    spaces, responses, truth = challenge(noise=0.1)
    found = fit(kind, spaces, responses)
    for predicted, measured in ((found.test_predictions, truth), (found.val_predictions, responses[ROWS.val])):
        left = np.square(predicted - measured).sum(axis=0) / np.square(measured - measured.mean(axis=0)).sum(axis=0)
        assert left.mean() < 0.1


def test_val_responses_reach_nothing_but_the_refit(kind: str) -> None:
    spaces, responses, _ = challenge()
    other = responses.copy()
    other[ROWS.val] = 1e3 * np.random.default_rng(1).standard_normal((len(ROWS.val), N_TARGETS))
    ours, theirs = fit(kind, spaces, responses), fit(kind, spaces, other)
    for name in PREDICTED[:-1]:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    assert (ours.test_predictions != theirs.test_predictions).all()


def test_hemispheres_together_apart_and_in_the_other_order_are_the_same(kind: str) -> None:
    spaces, responses, _ = challenge()
    left, right = responses[:, :7], responses[:, 7:]
    together, swapped = fit(kind, spaces, left, right), fit(kind, spaces, right, left)
    apart = [fit(kind, spaces, one) for one in (left, right)]
    joined = ReadoutResult(*(np.concatenate([getattr(one, name) for one in apart], axis=-1) for name in PREDICTED))
    turned = ReadoutResult(*(np.roll(getattr(swapped, name), 7, axis=-1) for name in PREDICTED))
    assert_same(together, joined)
    assert_same(together, turned)


def test_the_same_input_gives_the_same_bytes(kind: str) -> None:
    spaces, responses, _ = challenge()
    first, again = fit(kind, spaces, responses), fit(kind, spaces, responses)
    for name in PREDICTED:
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()


def test_read_only_memory_maps_are_enough(kind: str, tmp_path: Any) -> None:
    spaces, responses, _ = challenge()
    np.save(tmp_path / "responses.npy", responses)
    mapped = []
    for space in spaces:
        for part in ("train", "test"):
            np.save(tmp_path / f"{space.name}-{part}.npy", getattr(space, part))
        arrays = [np.load(tmp_path / f"{space.name}-{part}.npy", mmap_mode="r") for part in ("train", "test")]
        mapped.append(FeatureSpace(space.name, *arrays))
    found = fit(kind, mapped, np.load(tmp_path / "responses.npy", mmap_mode="r"))
    assert_same(found, fit(kind, spaces, responses), atol=0)


def test_spaces_are_taken_once_in_order_and_reported(kind: str) -> None:
    spaces, responses, _ = challenge()
    taken, reported = [], []

    def one_by_one() -> Iterator[FeatureSpace]:
        for space in spaces:
            taken.append(space.name)
            yield space

    fit(kind, one_by_one(), responses, progress=lambda done, name: reported.append((done, name)))
    assert taken == ["drives", "does not"]
    assert reported == [(1, "drives"), (2, "does not")]


def test_constant_features_and_constant_targets_are_defined(kind: str) -> None:
    spaces, responses, _ = challenge()
    responses[:, 5] = 0.1
    flat = FeatureSpace("flat", *(np.full((rows, 4), 0.1, np.float32) for rows in (N, N_TEST)))
    found = fit(kind, [flat, *spaces], responses)
    np.testing.assert_allclose(found.test_predictions[:, 5], 0.1, atol=1e-5)
    np.testing.assert_allclose(found.val_predictions[:, 5], 0.1, atol=1e-5)
    assert found.cv_score[5] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_place(kind: str, bad: float) -> None:
    spaces, responses, _ = challenge()
    spaces[1].train[7, 3] = bad
    with pytest.raises(DataError) as caught:
        fit(kind, spaces, responses)
    assert [(finding.where, finding.path) for finding in caught.value.findings] == [("does not", "train[7, 3]")]
    responses[8, 2] = bad
    with pytest.raises(DataError) as caught:
        fit(kind, challenge()[0], responses)
    assert [finding.path for finding in caught.value.findings] == ["[8, 2]"]


@pytest.mark.parametrize("rows", [ROWS, NO_VAL], ids=["val", "no val"])
def test_out_of_fold_predictions_are_given_as_the_spec_says_and_change_nothing_else(
    kind: str, rows: Rows, tmp_path: Path
) -> None:
    spaces, responses, _ = challenge()
    asked = np.lib.format.open_memmap(tmp_path / "oof.npy", mode="w+", dtype=np.float32, shape=(N, N_TARGETS))
    asked[:] = np.nan
    if not spec_of(kind).gives_out_of_fold:
        with pytest.raises(UsageError):
            fit(kind, spaces, responses, rows=rows, out_of_fold=asked)
        return
    found = fit(kind, spaces, responses[:, :13], responses[:, 13:], rows=rows, out_of_fold=asked)
    assert_same(found, fit(kind, spaces, responses[:, :13], responses[:, 13:], rows=rows), atol=0)
    assert np.isfinite(asked[rows.fit]).all()
    assert np.isnan(asked[rows.val]).all()
    fitted = responses[rows.fit]
    left = np.square(asked[rows.fit] - fitted).sum(axis=0) / np.square(fitted - fitted.mean(axis=0)).sum(axis=0)
    assert 0.05 < left.mean() < 0.5, "predicted, but not by a fit on the row itself"


def test_val_responses_reach_no_out_of_fold_prediction(kind: str) -> None:
    if not spec_of(kind).gives_out_of_fold:
        pytest.skip("gives none")
    spaces, responses, _ = challenge()
    other = responses.copy()
    other[ROWS.val] = 1e3 * np.random.default_rng(1).standard_normal((len(ROWS.val), N_TARGETS))
    ours, theirs = (np.zeros((N, N_TARGETS), np.float32) for _ in range(2))
    fit(kind, spaces, responses, out_of_fold=ours)
    fit(kind, spaces, other, out_of_fold=theirs)
    np.testing.assert_array_equal(ours, theirs)


def test_rows_or_spaces_that_do_not_fit_are_refused(kind: str) -> None:
    spaces, responses, _ = challenge()
    with pytest.raises(UsageError):
        fit(kind, [], responses)
    with pytest.raises(UsageError):
        fit(kind, spaces, responses[:-1])
    with pytest.raises(UsageError):
        fit(kind, spaces, responses, rows=Rows(ROWS.fit, ROWS.val[:-1]))
    with pytest.raises(UsageError):
        fit(kind, [FeatureSpace("short", spaces[0].train[:-1], spaces[0].test)], responses)
