from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import pytest
from scipy.stats import beta

from algokit.errors import UsageError
from algokit.readouts import FeatureSpace, PrunedSearch, ReadoutResult, Rows
from algokit.solvers.folds import shuffled_folds
from algokit.solvers.pruning import draw_sample, prune, screen, search_pruned, spaces_to_keep, upper_limit
from algokit.solvers.search import SearchSettings, search_ridge
from algokit.solvers.targets import Targets

N, N_TEST, BLOCKS = 80, 6, (150, 90)
N_TARGETS = sum(BLOCKS)
ROWS = Rows(fit=np.delete(np.arange(N), np.arange(2, N, 9)), val=np.arange(2, N, 9))
SETTINGS = SearchSettings((1.0, 100.0, 1e4), shuffled_folds(ROWS.fit, 4, seed=0))
Array = np.ndarray[Any, np.dtype[np.float32]]


def spec(**options: Any) -> PrunedSearch:
    return PrunedSearch(kind="pruned", **{"n_vertices": 60, **options})


def challenge(n_spaces: int, driving: Sequence[int], noise: float = 0.3) -> tuple[list[FeatureSpace], list[Array]]:
    """Spaces without anything in common; targets are driven by some of them in turn."""
    rng = np.random.default_rng(n_spaces)
    spaces = []
    for number in range(n_spaces):
        rows = rng.standard_normal((N + N_TEST, 120 if number % 2 else 6)).astype(np.float32)
        spaces.append(FeatureSpace(f"space {number}", rows[:N], rows[N:]))
    drive = [spaces[one].train[:, :4] @ rng.standard_normal((4, N_TARGETS)) for one in driving]
    chosen = np.choose(np.arange(N_TARGETS) % len(driving), drive)
    values = (chosen + noise * rng.standard_normal((N, N_TARGETS))).astype(np.float32)
    return spaces, [values[:, : BLOCKS[0]], values[:, BLOCKS[0] :]]


class Lazy(Sequence[FeatureSpace]):
    """Spaces that write down when they are loaded."""

    def __init__(self, spaces: list[FeatureSpace]) -> None:
        self.spaces = spaces
        self.loaded: list[str] = []

    def __len__(self) -> int:
        return len(self.spaces)

    @overload
    def __getitem__(self, index: int) -> FeatureSpace: ...
    @overload
    def __getitem__(self, index: slice) -> list[FeatureSpace]: ...
    def __getitem__(self, index: int | slice) -> FeatureSpace | list[FeatureSpace]:
        assert isinstance(index, int)
        space = self.spaces[index]
        self.loaded.append(space.name)
        return space


def pruned(spaces: Any, responses: list[Array], **options: Any) -> ReadoutResult:
    return search_pruned(spaces, responses, Targets(responses, ROWS, "cpu"), SETTINGS, spec(**options))


def exhaustive(spaces: list[FeatureSpace], responses: list[Array]) -> ReadoutResult:
    return search_ridge(spaces, Targets(responses, ROWS, "cpu"), SETTINGS)


def assert_equal(ours: ReadoutResult, theirs: ReadoutResult) -> None:
    for name in ("space_index", "alpha", "cv_score", "val_predictions", "test_predictions"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)


def test_hopeless_spaces_are_dropped_and_those_that_drive_targets_kept() -> None:
    driving = (1, 4, 5)
    found = pruned(*challenge(8, driving))
    assert set(found.space_index) == set(driving)
    np.testing.assert_array_equal(found.space_index, np.array(driving)[np.arange(N_TARGETS) % 3])
    assert found.notes[0].startswith("pruned search: 3 of 8 feature spaces were kept, chosen by 30 targets")


def test_the_result_is_exactly_the_exhaustive_one_over_the_kept_spaces() -> None:
    spaces, responses = challenge(8, (1, 4, 5))
    found, expected = pruned(spaces, responses), exhaustive([spaces[1], spaces[4], spaces[5]], responses)
    np.testing.assert_array_equal(found.space_index, np.array([1, 4, 5])[expected.space_index])
    for name in ("alpha", "cv_score", "val_predictions", "test_predictions"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def test_with_the_largest_margin_everything_is_kept_and_the_search_is_the_exhaustive_one() -> None:
    spaces, responses = challenge(6, (0, 3))
    assert_equal(pruned(spaces, responses, margin=4), exhaustive(spaces, responses))


def test_all_targets_drawn_and_nothing_allowed_loses_nothing() -> None:
    spaces, responses = challenge(8, (1, 4, 5), noise=3.0)
    found = pruned(spaces, responses, n_vertices=N_TARGETS, loss=0, share=0)
    np.testing.assert_allclose(found.cv_score, exhaustive(spaces, responses).cv_score, atol=2e-6)
    assert f"0 of {N_TARGETS} targets, all there are" in found.notes[0]


def test_one_space_and_equal_spaces_are_fine() -> None:
    spaces, responses = challenge(3, (1,))
    assert_equal(pruned(spaces[1:2], responses), exhaustive(spaces[1:2], responses))
    twice = pruned([spaces[0], spaces[1], spaces[1]], responses)
    assert set(twice.space_index) == {1}
    assert "1 of 3 feature spaces" in twice.notes[0]


def test_it_is_deterministic_and_another_seed_draws_others() -> None:
    spaces, responses = challenge(8, (1, 4, 5), noise=3.0)
    first, again = pruned(spaces, responses), pruned(spaces, responses)
    assert_equal(first, again)
    assert first.notes == again.notes
    ours, theirs = draw_sample(BLOCKS, spec()), draw_sample(BLOCKS, spec(seed=1))
    assert not np.array_equal(ours.columns, theirs.columns)


def test_dropped_spaces_are_loaded_once_kept_ones_twice_and_progress_ends_at_all() -> None:
    spaces, responses = challenge(5, (1, 4))
    lazy, seen = Lazy(spaces), []
    targets = Targets(responses, ROWS, "cpu")
    search_pruned(lazy, responses, targets, SETTINGS, spec(), lambda done, name: seen.append((done, name)))
    names = [space.name for space in spaces]
    assert lazy.loaded == [*names, "space 1", "space 4"]
    assert seen == [*((0, f"screened {name}") for name in names), (4, "space 1"), (5, "space 4")]


def test_screening_scores_are_those_of_searches_of_one_space() -> None:
    spaces, responses = challenge(3, (0, 1))
    scores = screen(spaces, Targets(responses, ROWS, "cpu"), SETTINGS)
    for ours, space in zip(scores, spaces, strict=True):
        np.testing.assert_allclose(ours, exhaustive([space], responses).cv_score, atol=1e-6)


def test_val_responses_and_targets_not_drawn_do_not_reach_the_choice_of_spaces() -> None:
    spaces, responses = challenge(8, (1, 4, 5), noise=3.0)
    values = np.concatenate(responses, axis=1)
    values[ROWS.val] = 1e3
    rng = np.random.default_rng(0)
    others = np.setdiff1d(np.arange(N_TARGETS), draw_sample(BLOCKS, spec()).columns)
    values[:, others] = rng.standard_normal((N, len(others)))
    changed = [values[:, : BLOCKS[0]], values[:, BLOCKS[0] :]]
    assert pruned(spaces, responses).notes[0] == pruned(spaces, changed).notes[0]


@pytest.mark.parametrize("blocks", [(150, 90), (3000, 20), (500, 1, 300), (70,)])
def test_targets_are_drawn_in_proportion_from_every_block_and_none_both_chooses_and_checks(
    blocks: tuple[int, ...],
) -> None:
    sample = draw_sample(blocks, spec())
    assert (np.diff(sample.columns) > 0).all()
    assert not (sample.chooses & sample.checks).any()
    assert (sample.chooses | sample.checks).all()
    edges = np.cumsum((0, *blocks))
    for part in (sample.chooses, sample.checks):
        drawn = np.histogram(sample.columns[part], edges)[0]
        np.testing.assert_allclose(drawn, 30 * np.array(blocks) / sum(blocks), atol=1.001)
    assert 1 <= sample.worst_ratio < 1.7


def test_every_target_is_as_likely_to_be_drawn() -> None:
    times = np.zeros(40)
    for seed in range(600):
        times[draw_sample((25, 15), spec(n_vertices=16, seed=seed)).columns] += 1
    np.testing.assert_allclose(times, 600 * 16 / 40, atol=5 * (600 * 0.4 * 0.6) ** 0.5)


@pytest.mark.parametrize(("seen", "n", "delta"), [(0, 500, 0.05), (3, 40, 0.1), (39, 40, 0.05), (40, 40, 0.05)])
def test_the_limit_is_that_of_clopper_and_pearson(seen: int, n: int, delta: float) -> None:
    expected = beta.ppf(1 - delta, seen + 1, n - seen) if seen < n else 1.0
    assert upper_limit(seen, n, delta) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("blocks", [(1400, 1600), (2900, 100)])
@pytest.mark.parametrize(
    "options", [{"share": 0.0}, {"share": 0.05}, {"share": 0.02, "loss": 0.0}, {"share": 0.05, "floor": 0.2}]
)
def test_the_bound_fails_in_no_more_draws_than_delta(blocks: tuple[int, ...], options: dict[str, Any]) -> None:
    """Scores made up so that rare targets, of one block above all, need spaces that few draws show to be needed."""
    rng = np.random.default_rng(5)
    n = sum(blocks)
    scores = rng.uniform(0, 0.3, (15, n)) * rng.uniform(0.2, 1, (15, 1))
    rare = rng.random(n) < np.where(np.arange(n) < blocks[0], 0.01, 0.06)
    scores[rng.integers(5, 15, n)[rare], np.flatnonzero(rare)] += 0.5
    scores = scores.astype(np.float32)
    failed, delta, n_draws = 0, 0.1, 400
    for seed in range(n_draws):
        one = spec(n_vertices=240, delta=delta, seed=seed, **options)
        sample = draw_sample(blocks, one)
        found = prune(scores[:, sample.columns], sample, one)
        loss = scores.max(axis=0) - scores[found.kept].max(axis=0)
        failed += ((loss > one.loss + 1e-6) & (scores.max(axis=0) >= one.floor)).mean() > found.epsilon
        assert not found.kept.all()
    assert failed <= n_draws * delta + 2 * (n_draws * delta * (1 - delta)) ** 0.5
    assert failed > 0  # the test is no test if the bound is idle


def test_a_margin_keeps_what_could_be_missed() -> None:
    scores = np.array([[0.5, 0.5, 0.5], [0.48, 0.2, 0.1], [0.1, 0.1, 0.1]], dtype=np.float32)
    assert list(spaces_to_keep(scores, spec(loss=0, share=0))) == [True, False, False]
    assert list(spaces_to_keep(scores, spec(loss=0, share=0, margin=0.05))) == [True, True, False]


def test_targets_that_nothing_predicts_keep_no_space_above_the_floor() -> None:
    scores = np.array([[0.5, 0.5, 0.0, 0.0], [0.1, 0.1, 0.05, 0.01], [0.1, 0.1, 0.02, 0.06]], dtype=np.float32)
    assert spaces_to_keep(scores, spec(loss=0, share=0)).all()
    assert list(spaces_to_keep(scores, spec(loss=0, share=0, floor=0.1))) == [True, False, False]
    assert spaces_to_keep(scores, spec(loss=0, share=0, floor=0.9)).sum() == 1
    sample = draw_sample((4,), spec())
    assert prune(scores, sample, spec(loss=0, share=0, floor=0.1)).epsilon == 0


def test_where_everything_is_kept_nothing_can_be_lost() -> None:
    scores = np.random.default_rng(0).random((3, 400)).astype(np.float32)
    sample = draw_sample((400,), spec())
    found = prune(scores[:, sample.columns], sample, spec(share=0))
    assert found.kept.all()
    assert found.epsilon == 0


def test_spaces_that_come_only_once_and_no_spaces_are_refused() -> None:
    spaces, responses = challenge(2, (1,))
    with pytest.raises(UsageError, match="visits feature spaces twice"):
        pruned(iter(spaces), responses)
    with pytest.raises(UsageError, match="at least one"):
        pruned([], responses)
