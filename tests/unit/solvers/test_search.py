from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from algokit.errors import UsageError
from algokit.readouts import FeatureSpace, ReadoutResult, Rows
from algokit.solvers import cross_validate, routes
from algokit.solvers.folds import shuffled_folds
from algokit.solvers.search import SearchSettings, best_alpha, search_ridge
from algokit.solvers.targets import Targets

N, N_TEST, N_TARGETS = 60, 7, 30
ROWS = Rows(fit=np.delete(np.arange(N), [1, 8, 20, 21, 50]), val=np.array([1, 8, 20, 21, 50]))
SETTINGS = SearchSettings((0.1, 10.0, 1e3, 1e5), shuffled_folds(ROWS.fit, 4, seed=0))
Array = np.ndarray[Any, np.dtype[np.float32]]


def space(n_features: int, seed: int = 0, name: str = "space") -> FeatureSpace:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((N + N_TEST, n_features)).astype(np.float32)
    return FeatureSpace(name, rows[:N], rows[N:])


def responses_to(spaces: list[FeatureSpace], noise: float = 1.0) -> Array:
    """Targets driven by each space in turn."""
    rng = np.random.default_rng(9)
    drive = [one.train @ rng.standard_normal((one.train.shape[1], N_TARGETS)) for one in spaces]
    chosen = np.choose(np.arange(N_TARGETS) % len(spaces), [part / part.std() for part in drive])
    return (chosen + noise * rng.standard_normal((N, N_TARGETS))).astype(np.float32)


def run(spaces: list[FeatureSpace], responses: Array, block_targets: int | None = None) -> ReadoutResult:
    return search_ridge(spaces, Targets([responses], ROWS, "cpu", block_targets), SETTINGS)


def assert_same(ours: ReadoutResult, theirs: ReadoutResult) -> None:
    np.testing.assert_array_equal(ours.space_index, theirs.space_index)
    np.testing.assert_array_equal(ours.alpha, theirs.alpha)
    np.testing.assert_allclose(ours.cv_score, theirs.cv_score, atol=1e-6)
    np.testing.assert_allclose(ours.val_predictions, theirs.val_predictions, atol=1e-5)
    np.testing.assert_allclose(ours.test_predictions, theirs.test_predictions, atol=1e-5)


@pytest.fixture
def spaces() -> list[FeatureSpace]:
    return [space(100, 0, "wide"), space(6, 1, "narrow"), space(58, 2, "between")]


def test_the_space_that_drives_a_target_is_found(spaces: list[FeatureSpace]) -> None:
    strong = [space(8, seed) for seed in (3, 4, 5)]
    found = run(strong, responses_to(strong, noise=0.1))
    np.testing.assert_array_equal(found.space_index, np.arange(N_TARGETS) % 3)
    assert found.cv_score.min() > 0.9


def test_searching_spaces_together_is_choosing_among_searches_of_one(spaces: list[FeatureSpace]) -> None:
    responses = responses_to(spaces)
    together, apart = run(spaces, responses), [run([one], responses) for one in spaces]
    best = np.argmax([one.cv_score for one in apart], axis=0)
    assert len(np.unique(best)) == 3
    np.testing.assert_array_equal(together.space_index, best)
    for name in ("alpha", "cv_score", "val_predictions", "test_predictions"):
        expected = np.stack([getattr(one, name) for one in apart])
        picked = np.take_along_axis(expected, np.broadcast_to(best, expected.shape[1:])[None], axis=0)[0]
        np.testing.assert_allclose(getattr(together, name), picked, atol=1e-6)


@pytest.mark.parametrize("block_targets", [1, 7, 29])
def test_block_size_changes_nothing(spaces: list[FeatureSpace], block_targets: int) -> None:
    responses = responses_to(spaces)
    assert_same(run(spaces, responses, block_targets), run(spaces, responses))


def test_operators_in_many_small_chunks_change_nothing(spaces: list[FeatureSpace]) -> None:
    responses = responses_to(spaces)
    one_by_one = search_ridge(spaces, Targets([responses], ROWS, "cpu", operator_bytes=1), SETTINGS)
    assert_same(one_by_one, run(spaces, responses))


def test_each_space_is_taken_and_factorised_once_and_only_after_the_one_before(
    spaces: list[FeatureSpace], monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    factorise = routes.factorise

    def counted(features: FeatureSpace, *args: Any, **kwargs: Any) -> Any:
        events.append(f"factorise {features.name}")
        return factorise(features, *args, **kwargs)

    def one_by_one() -> Iterator[FeatureSpace]:
        for features in spaces:
            events.append(f"take {features.name}")
            yield features

    monkeypatch.setattr(routes, "factorise", counted)
    targets = Targets([responses_to(spaces)], ROWS, "cpu", block_targets=4)
    search_ridge(one_by_one(), targets, SETTINGS, lambda done, name: events.append(f"{done} {name}"))
    expected = [[f"take {s.name}", f"factorise {s.name}", f"{i + 1} {s.name}"] for i, s in enumerate(spaces)]
    assert events == [event for space_events in expected for event in space_events]


def test_a_space_given_twice_never_wins_the_second_time(spaces: list[FeatureSpace]) -> None:
    assert set(run([spaces[0], spaces[0]], responses_to(spaces)).space_index) == {0}


def test_a_constant_target_keeps_the_first_space_the_largest_alpha_and_r_zero(spaces: list[FeatureSpace]) -> None:
    responses = responses_to(spaces)
    responses[:, 3] = 0.1
    found = run(spaces, responses)
    assert (found.space_index[3], found.alpha[3], found.cv_score[3]) == (0, 1e5, 0)
    np.testing.assert_allclose(found.val_predictions[:, 3], 0.1, atol=1e-6)
    np.testing.assert_allclose(found.test_predictions[:, 3], 0.1, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_constant_space_predicts_the_mean_scores_zero_and_is_noted(value: float) -> None:
    flat = FeatureSpace("flat", *(np.full((rows, 9), value, np.float32) for rows in (N, N_TEST)))
    responses = responses_to([space(6)])
    found = run([flat], responses)
    assert set(found.alpha) == {1e5}
    assert not found.cv_score.any()
    np.testing.assert_allclose(found.val_predictions - responses[ROWS.fit].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(found.test_predictions - responses.mean(0), 0, atol=1e-6)
    assert found.notes == ("flat: all features are constant; nothing is predicted from them",)


def test_a_single_feature_takes_the_smallest_of_its_equal_alphas() -> None:
    """With one feature r does not depend on alpha, so every alpha ties."""
    single = space(1)
    assert set(run([single], responses_to([single])).alpha) == {0.1}


@pytest.mark.parametrize("n_features", [6, 100])
def test_of_huge_alphas_with_equal_r_the_one_whose_predictions_vary_most_is_chosen(n_features: int) -> None:
    """At 1e15 float32 would round most of the prediction away against the mean of the responses."""
    features = space(n_features)
    responses = responses_to([features])
    settings = SearchSettings((1e9, 1e12, 1e15), SETTINGS.folds)
    found = search_ridge([features], Targets([responses], ROWS, "cpu"), settings)
    assert set(found.alpha) == {1e9}
    assert found.val_predictions.std(axis=0).min() > 0


def test_a_penalty_that_flattens_predictions_to_constants_in_float32_is_noted() -> None:
    features = space(6)
    responses = responses_to([features]) + np.float32(0.1)
    responses[:, 3] = 0.1  # no penalty is to blame for a constant response

    def notes(alpha: float) -> tuple[str, ...]:
        settings = SearchSettings((alpha,), SETTINGS.folds)
        return search_ridge([features], Targets([responses], ROWS, "cpu"), settings).notes

    (note,) = notes(1e15)
    assert note.startswith(f"{N_TARGETS - 1} of {N_TARGETS} targets: the penalty is so large")
    assert notes(1e5) == ()


def test_scores_nearer_than_their_resolution_are_a_tie_for_the_smaller_alpha() -> None:
    scores = torch.tensor([[0.5, 0.1, 0.0, 0.3], [0.5 + 5e-7, 0.2, 0.0, -0.1], [0.4, 0.2 - 5e-7, 0.0, 0.3]])
    index, score = best_alpha(scores)
    assert index.tolist() == [0, 1, 2, 0]
    np.testing.assert_allclose(score, [0.5, 0.2, 0.0, 0.3])


def test_near_singular_spaces_are_noted() -> None:
    twins = space(100)
    twins.train[30:] = twins.train[:30]
    settings = SearchSettings((1e-12,), SETTINGS.folds)
    found = search_ridge([twins], Targets([responses_to([twins])], ROWS, "cpu"), settings)
    assert "near singular" in found.notes[0]
    assert np.isfinite(found.val_predictions).all()


class Watched(np.ndarray[Any, np.dtype[np.float32]]):
    """Responses that remember how many values each part read from them holds."""

    read: list[int]

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key).view(np.ndarray)
        self.read.append(part.size)
        return part


def test_responses_are_read_by_the_block_and_never_whole(spaces: list[FeatureSpace]) -> None:
    responses = responses_to(spaces).view(Watched)
    responses.read = []
    search_ridge(spaces, Targets([responses], ROWS, "cpu", block_targets=4), SETTINGS)
    assert max(responses.read) == 4 * N


def test_no_space_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one feature space"):
        run([], responses_to([space(3)]))


def test_every_shape_that_does_not_fit_is_named() -> None:
    good, short = space(3), space(3, name="short")
    bad = FeatureSpace("short", short.train[:-1], short.test[:, :2])
    with pytest.raises(UsageError) as caught:
        run([good, bad], responses_to([good]))
    assert [(finding.where, finding.path) for finding in caught.value.findings] == [
        ("short", "train"),
        ("short", "test"),
    ]


@pytest.mark.parametrize("n_features", [100, 6])
def test_out_of_fold_predictions_are_those_of_fits_that_saw_neither_the_fold_nor_the_val_rows(n_features: int) -> None:
    one = space(n_features)
    responses = responses_to([one])
    out_of_fold = np.full(responses.shape, np.nan, dtype=np.float32)
    found = search_ridge([one], Targets([responses], ROWS, "cpu"), SETTINGS, out_of_fold=out_of_fold)
    for fold in SETTINGS.folds:
        kept = np.setdiff1d(ROWS.fit, fold)
        model = Ridge(found.alpha).fit(one.train[kept].astype(np.float64), responses[kept].astype(np.float64))
        np.testing.assert_allclose(out_of_fold[fold], model.predict(one.train[fold]), atol=2e-5)
    assert np.isnan(out_of_fold[ROWS.val]).all()


def test_a_gpu_without_room_gets_smaller_blocks_and_that_is_said_once(
    spaces: list[FeatureSpace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the GPU: products of more than three targets find no memory."""
    products = cross_validate.pearson_r_of_sums

    def crowded(values: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        if len(values) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return products(values, *rest)

    responses = responses_to(spaces)
    whole = run(spaces, responses)
    monkeypatch.setattr(cross_validate, "pearson_r_of_sums", crowded)
    found = run(spaces, responses, 16)
    assert_same(found, whole)
    said = "the GPU had too little memory for blocks of 16 targets; went on with blocks of 2"
    assert [note for note in found.notes if "GPU" in note] == [said]


def test_a_gpu_without_room_for_one_target_says_so(spaces: list[FeatureSpace], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(cross_validate, "pearson_r_of_sums", full)
    with pytest.raises(torch.OutOfMemoryError):
        run(spaces, responses_to(spaces), 16)
