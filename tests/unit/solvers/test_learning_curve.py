from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from algokit.errors import DataError, UsageError
from algokit.readouts import FeatureSpace, ReadoutResult, Rows
from algokit.solvers import shared_space as module
from algokit.solvers.folds import shuffled_folds
from algokit.solvers.learning_curve import (
    CurvePoint,
    CurveSettings,
    learning_curve,
    learning_curves,
    nested_subsets,
    pool_of,
)
from algokit.solvers.search import SearchSettings, search_ridge
from algokit.solvers.targets import Targets

N_TEST, N_TARGETS = 9, 24
ALPHAS = (1.0, 30.0, 1e3, 1e5)
Array = np.ndarray[Any, np.dtype[np.float32]]


def challenge(n: int, *widths: int) -> tuple[list[FeatureSpace], Array, Rows]:
    """Feature spaces far from centred, responses to all of them, every seventh row val."""
    rng = np.random.default_rng(n)
    spaces, drive = [], np.zeros((n, N_TARGETS))
    for width in widths:
        rows = (rng.standard_normal((n + N_TEST, width)) * rng.uniform(0.5, 2, width) + 5).astype(np.float32)
        spaces.append(FeatureSpace(f"width {width}", rows[:n], rows[n:]))
        drive += rows[:n] @ rng.standard_normal((width, N_TARGETS)) / width**0.5 * rng.uniform(0, 1, N_TARGETS)
    responses = (drive + rng.standard_normal((n, N_TARGETS))).astype(np.float32)
    val = np.arange(3, n, 7)
    return spaces, responses, Rows(np.setdiff1d(np.arange(n), val), val)


def curve(spaces: Any, responses: Array, rows: Rows, sizes: tuple[int, ...], **options: Any) -> tuple[CurvePoint, ...]:
    settings = CurveSettings(ALPHAS, sizes, n_folds=4, seed=3, **options)
    return learning_curve(spaces, [responses[:, :10], responses[:, 10:]], rows, settings)


def independent(
    spaces: list[FeatureSpace], responses: Array, point: CurvePoint, val: Any, alphas: tuple[float, ...] = ALPHAS
) -> ReadoutResult:
    """A search that is given the rows of one point and no others; val rows come first among its test rows."""
    alone = [FeatureSpace(s.name, s.train[point.rows], np.concatenate([s.train[val], s.test])) for s in spaces]
    n = len(point.rows)
    settings = SearchSettings(alphas, shuffled_folds(np.arange(n), 4, seed=0))
    rows = Rows(np.arange(n), np.arange(0))
    return search_ridge(alone, Targets([responses[point.rows]], rows, "cpu"), settings)


def relative_error(ours: Array, theirs: Array) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize(
    ("n", "widths", "sizes"),
    [
        (120, (150,), (20, 60, 100)),  # more features than rows
        (120, (12,), (20, 60, 100)),  # fewer
        (120, (50, 200, 5), (10, 45, 100)),  # a space that is wide for one subset and narrow for another
        (700, (900, 500), (100, 530, 600)),  # large enough for float32 inverses
    ],
)
def test_every_point_is_an_independent_search_of_its_rows(
    n: int, widths: tuple[int, ...], sizes: tuple[int, ...]
) -> None:
    spaces, responses, rows = challenge(n, *widths)
    points = curve(spaces, responses, rows, sizes)
    assert tuple(len(point.rows) for point in points) == sizes
    for point in points:
        theirs = independent(spaces, responses, point, rows.val)
        np.testing.assert_array_equal(point.result.space_index, theirs.space_index)
        np.testing.assert_array_equal(point.result.alpha, theirs.alpha)
        np.testing.assert_allclose(point.result.cv_score, theirs.cv_score, atol=1e-5)
        expected = np.split(theirs.test_predictions, [len(rows.val)])
        assert relative_error(point.result.val_predictions, expected[0]) < 1e-4
        assert relative_error(point.result.test_predictions, expected[1]) < 1e-4


def test_penalties_that_float32_cannot_take_are_solved_as_an_independent_search_solves_them() -> None:
    alphas = (1e-7, 10.0, 1e3)
    spaces, responses, rows = challenge(660, 900)
    settings = CurveSettings(alphas, (520,), n_folds=4)
    (point,) = learning_curve(spaces, [responses], rows, settings)
    theirs = independent(spaces, responses, point, rows.val, alphas)
    assert point.result.notes == theirs.notes
    assert "float64 for" in theirs.notes[0]
    np.testing.assert_allclose(point.result.cv_score, theirs.cv_score, atol=1e-5)
    assert relative_error(point.result.test_predictions, theirs.test_predictions[len(rows.val) :]) < 1e-4


def test_predictions_are_those_of_scikit_learn_on_the_rows_of_the_point() -> None:
    spaces, responses, rows = challenge(120, 150)
    for point in curve(spaces, responses, rows, (20, 90)):
        model = Ridge(point.result.alpha).fit(spaces[0].train[point.rows].astype(np.float64), responses[point.rows])
        assert relative_error(point.result.val_predictions, model.predict(spaces[0].train[rows.val])) < 1e-5
        assert relative_error(point.result.test_predictions, model.predict(spaces[0].test)) < 1e-5


def test_val_responses_reach_nothing_and_are_in_no_subset() -> None:
    spaces, responses, rows = challenge(120, 150, 12)
    other = responses.copy()
    other[rows.val] = 1e3
    for ours, theirs in zip(
        curve(spaces, responses, rows, (20, 90)), curve(spaces, other, rows, (20, 90)), strict=True
    ):
        assert not set(ours.rows) & set(rows.val)
        for name in ("space_index", "alpha", "cv_score", "val_predictions", "test_predictions"):
            np.testing.assert_array_equal(getattr(ours.result, name), getattr(theirs.result, name))


def test_responses_outside_a_subset_do_not_reach_it() -> None:
    spaces, responses, rows = challenge(120, 150, 12)
    small, large = curve(spaces, responses, rows, (20, 90))
    other = responses.copy()
    other[np.setdiff1d(np.arange(120), small.rows)] = 1e3
    again = curve(spaces, other, rows, (20, 90))
    np.testing.assert_array_equal(again[0].result.test_predictions, small.result.test_predictions)
    assert (again[1].result.test_predictions != large.result.test_predictions).any()


class Counted(np.ndarray[Any, np.dtype[np.float32]]):
    """Features that remember how many numbers were read from them."""

    read: list[int]

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key).view(np.ndarray)
        self.read.append(part.size)
        return part


@pytest.mark.parametrize("width", [150, 50, 5])
def test_features_are_read_once_and_their_gram_is_made_once_whatever_the_number_of_sizes(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    gram_blocks = module.gram_blocks

    def counting(space: FeatureSpace, *args: Any, **options: Any) -> Any:
        made.append(space.name)
        return gram_blocks(space, *args, **options)

    monkeypatch.setattr(module, "gram_blocks", counting)
    (space,), responses, rows = challenge(120, width)
    train = space.train.view(Counted)
    train.read = []
    taken: list[str] = []

    def one_by_one() -> Iterator[FeatureSpace]:
        taken.append(space.name)
        yield FeatureSpace(space.name, train, space.test)

    curve(one_by_one(), responses, rows, (20, 30, 40, 60, 70, 80, len(rows.fit)))
    assert taken == [space.name]
    assert made == ([space.name] if width > 20 else [])
    assert sum(train.read) == train.size


def test_subsets_are_nested_deterministic_and_change_with_the_seed() -> None:
    subsets = nested_subsets(50, (5, 20, 50), seed=1)
    assert [len(part) for part in subsets] == [5, 20, 50]
    assert set(subsets[0]) < set(subsets[1]) < set(subsets[2]) == set(range(50))
    assert all((np.diff(part) > 0).all() for part in subsets)
    again, other = nested_subsets(50, (5, 20, 50), seed=1), nested_subsets(50, (5, 20, 50), seed=2)
    assert all(np.array_equal(one, two) for one, two in zip(subsets, again, strict=True))
    assert not np.array_equal(subsets[0], other[0])
    # what is drawn does not depend on what else is asked for
    np.testing.assert_array_equal(nested_subsets(50, (20,), seed=1)[0], subsets[1])


def test_the_first_rows_can_be_taken_instead() -> None:
    assert [list(part) for part in nested_subsets(9, (2, 4), seed=1, draw="first")] == [[0, 1], [0, 1, 2, 3]]
    spaces, responses, rows = challenge(120, 12)
    (point,) = curve(spaces, responses, rows, (40,), draw="first")
    np.testing.assert_array_equal(point.rows, rows.fit[:40])


@pytest.mark.parametrize("width", [150, 12])
def test_standardized_features_have_the_sds_of_the_largest_subset_at_every_size(width: int) -> None:
    spaces, responses, rows = challenge(120, width)
    points = curve(spaces, responses, rows, (20, 90), standardize=True)
    sd = spaces[0].train[points[-1].rows].std(axis=0, dtype=np.float64)
    scaled = [FeatureSpace("scaled", *((part / sd).astype(np.float32) for part in (spaces[0].train, spaces[0].test)))]
    for point, expected in zip(points, curve(scaled, responses, rows, (20, 90)), strict=True):
        np.testing.assert_allclose(point.result.cv_score, expected.result.cv_score, atol=1e-5)
        assert relative_error(point.result.test_predictions, expected.result.test_predictions) < 1e-4
        assert "SDs over the 90 rows of the largest subset" in point.result.notes[-1]


@pytest.mark.parametrize("width", [150, 12])
def test_features_that_vary_outside_a_subset_only_predict_nothing_there(width: int) -> None:
    (space,), responses, rows = challenge(120, width)
    small = nested_subsets(len(rows.fit), (20, 90), seed=3)[0]
    space.train[rows.fit[small]] = 0.3
    first, second = curve([space], responses, rows, (20, 90))
    np.testing.assert_allclose(first.result.test_predictions - responses[first.rows].mean(axis=0), 0, atol=1e-5)
    assert not first.result.cv_score.any()
    assert first.result.notes[0].endswith("all features are constant; nothing is predicted from them")
    assert second.result.cv_score.any()


@pytest.mark.parametrize("sizes", [(), (0, 20), (40, 20), (20, 20), (20, 500), (4, 50)])
def test_sizes_that_cannot_be_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        curve(*challenge(120, 12), sizes)


@pytest.mark.parametrize("width", [150, 12])
def test_a_value_that_is_not_finite_is_named_by_its_own_row(width: int) -> None:
    spaces, responses, rows = challenge(120, width)
    spaces[0].train[8, 5] = np.nan
    with pytest.raises(DataError) as caught:
        curve(spaces, responses, rows, (20, len(rows.fit)))
    assert [(finding.where, finding.path) for finding in caught.value.findings] == [(f"width {width}", "train[8, 5]")]


def test_no_space_and_a_space_that_does_not_fit_are_refused() -> None:
    spaces, responses, rows = challenge(120, 12)
    with pytest.raises(UsageError, match="at least one feature space"):
        curve([], responses, rows, (20, 50))
    with pytest.raises(UsageError, match="does not fit"):
        curve([FeatureSpace("short", spaces[0].train[:-1], spaces[0].test)], responses, rows, (20, 50))


def draws(responses: Array, spaces: Any, rows: Rows, seeds: list[int], **options: Any) -> Any:
    settings = CurveSettings(ALPHAS, (20, 60, 80), n_folds=4, standardize=True)
    return learning_curves(spaces, [responses], rows, settings, seeds, **options)


def test_draws_share_one_gram_matrix_and_are_the_curves_of_their_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    gram_blocks = module.gram_blocks

    def counting(space: FeatureSpace, *args: Any, **options: Any) -> Any:
        made.append(space.name)
        return gram_blocks(space, *args, **options)

    monkeypatch.setattr(module, "gram_blocks", counting)
    spaces, responses, rows = challenge(120, 150, 200)
    settings = CurveSettings(ALPHAS, (20, 60, 80), n_folds=4)
    several = learning_curves(spaces, [responses], rows, settings, [3, 5, 7])
    assert made == ["width 150", "width 200"]
    for seed, ours in zip([3, 5, 7], several, strict=True):
        alone = learning_curve(spaces, [responses], rows, replace(settings, seed=seed))
        for one, other in zip(ours, alone, strict=True):
            np.testing.assert_array_equal(one.rows, other.rows)
            np.testing.assert_array_equal(one.result.alpha, other.result.alpha)
            assert relative_error(one.result.test_predictions, other.result.test_predictions) < 1e-4


def test_with_one_pool_a_draw_has_the_same_bytes_whatever_is_made_beside_it() -> None:
    spaces, responses, rows = challenge(120, 150, 12)
    pool = pool_of(rows, CurveSettings(ALPHAS, (20, 60, 80)), [3, 5])
    assert set(rows.val).isdisjoint(pool)
    both, (alone,) = draws(responses, spaces, rows, [3, 5]), draws(responses, spaces, rows, [5], pool=pool)
    for one, other in zip(both[1], alone, strict=True):
        assert one.result.test_predictions.tobytes() == other.result.test_predictions.tobytes()
        assert one.result.cv_score.tobytes() == other.result.cv_score.tobytes()


def test_ten_log_spaced_points_cost_at_most_twice_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: inverses take n^3 each, what is applied to the targets n^2; features are read once."""
    solved: list[int] = []
    solve_gram = module.solve_gram

    def counting(gram: Any, *args: Any) -> Any:
        solved.append(len(gram))
        return solve_gram(gram, *args)

    monkeypatch.setattr(module, "solve_gram", counting)
    spaces, responses, rows = challenge(350, 400)
    sizes = tuple(np.unique(np.geomspace(10, len(rows.fit), 10).round().astype(int)).tolist())
    curve(spaces, responses, rows, sizes)
    assert solved == list(sizes) and len(sizes) == 10
    for power in (2, 3):
        assert sum(n**power for n in solved) <= 2 * max(solved) ** power
