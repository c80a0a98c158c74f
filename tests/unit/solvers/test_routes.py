"""Every route gives what scikit-learn gives in float64, whatever the rows, alphas and spectra."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from algokit.readouts import FeatureSpace, Rows
from algokit.solvers import bordered, cross_validate, routes
from algokit.solvers.bordered import BorderedSpace
from algokit.solvers.cross_validate import Folds, cv_scores
from algokit.solvers.folds import contiguous_folds, shuffled_folds
from algokit.solvers.routes import EigenSpace, Route, solve_space
from algokit.solvers.search import SearchSettings, search_ridge
from algokit.solvers.targets import Targets
from algokit.types import Ints

N, N_TEST, N_TARGETS = 90, 11, 40
VAL = np.array([3, 17, 18, 60])
ROWS = Rows(fit=np.delete(np.arange(N), VAL), val=VAL)
ALL = Rows(fit=np.arange(N), val=np.arange(0))
ALPHAS = (1.0, 7.0, 50.0, 300.0, 4e3, 1e6)
Floats = NDArray[np.float64]


def made_space(n_features: int = 150, steep: float = 0.3, scale: float = 1.0) -> FeatureSpace:
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((N + N_TEST, n_features)) * np.arange(1, n_features + 1) ** -steep * scale + 2
    return FeatureSpace("space", rows[:N].astype(np.float32), rows[N:].astype(np.float32))


def made_responses(space: FeatureSpace) -> NDArray[np.float32]:
    rng = np.random.default_rng(6)
    signal = (space.train - space.train.mean(axis=0)) @ rng.standard_normal((space.train.shape[1], N_TARGETS))
    noise = np.linspace(0.1, 5, N_TARGETS) * rng.standard_normal((N, N_TARGETS))
    return (signal / signal.std(axis=0) + noise + 3).astype(np.float32)


def expected_r(space: FeatureSpace, responses: Any, folds: tuple[Ints, ...], alphas: tuple[float, ...]) -> Floats:
    """(n_alphas, n_targets) by a scikit-learn fit for every fold and alpha."""
    x, y = space.train.astype(float), responses.astype(float)
    every = np.concatenate(folds)
    r = np.zeros((len(alphas), N_TARGETS))
    for fold in folds:
        kept = np.setdiff1d(every, fold)
        for index, alpha in enumerate(alphas):
            model = Ridge(alpha, solver="svd").fit(x[kept], y[kept])
            r[index] += [np.corrcoef(*pair)[0, 1] for pair in zip(model.predict(x[fold]).T, y[fold].T, strict=True)]
    return r / len(folds)


def all_routes(space: FeatureSpace, rows: Rows) -> list[Route]:
    options: dict[str, Any] = {"standardize": False, "device": "cpu"}
    return [
        BorderedSpace.of(space, rows.fit, torch.float32, **options),
        BorderedSpace.of(space, rows.fit, torch.float64, **options),
        EigenSpace(routes.factorise(space, rows.fit, **options)),
    ]


@pytest.mark.parametrize("rows", [ROWS, ALL])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("steep", "scale"), [(0.3, 1.0), (1.5, 1.0), (0.0, 30.0)])
def test_scores_of_every_route_are_scikit_learns(rows: Rows, shuffle: bool, steep: float, scale: float) -> None:
    space = made_space(steep=steep, scale=scale)
    responses = made_responses(space)
    folds = shuffled_folds(rows.fit, 5, seed=1) if shuffle else contiguous_folds(rows.fit, 5)
    targets = Targets([responses], rows, "cpu")
    expected = expected_r(space, responses, folds, ALPHAS)
    float32, *float64 = all_routes(space, rows)
    assert isinstance(float32, BorderedSpace)
    n_precise = sum(alpha < float32.largest / bordered.FLOAT32_CONDITION for alpha in ALPHAS)
    for route, first in [(float32, n_precise), *((one, 0) for one in float64)]:
        prepared = Folds.of(targets, folds)
        scores, _ = cv_scores(route.folded(prepared), targets, prepared, ALPHAS[first:])
        np.testing.assert_allclose(scores, expected[first:], atol=5e-5)


@pytest.mark.parametrize("rows", [ROWS, ALL])
def test_predictions_of_every_route_are_scikit_learns(rows: Rows) -> None:
    space = made_space()
    x, y, new = space.train.astype(float), made_responses(space).astype(float), space.test.astype(float)
    alpha = torch.tensor(np.resize(ALPHAS, N_TARGETS))
    targets = Targets([y.astype(np.float32)], rows, "cpu")
    for route in all_routes(space, rows):
        route.folded(Folds.of(targets, contiguous_folds(rows.fit, 4)))  # as in a search: the kernel may be used again
        everyone = torch.ones(N_TARGETS, dtype=torch.bool)
        found = np.zeros((N_TEST, N_TARGETS))
        for columns, predictions in route.predict_test(targets, alpha, everyone):
            found[:, columns] = predictions
        np.testing.assert_allclose(found, _refit(x, y, new, alpha.numpy()), atol=2e-4)
        val, none = torch.as_tensor(rows.val), torch.arange(0)
        nested = np.zeros((len(val), N_TARGETS))
        for columns, predictions in route.predict_left_out(targets, alpha, everyone, val, none):
            nested[:, columns] = predictions
        np.testing.assert_allclose(nested, _refit(x[rows.fit], y[rows.fit], x[rows.val], alpha.numpy()), atol=2e-4)


def _refit(x: Floats, y: Floats, new: Floats, alpha: Floats) -> Floats:
    if not len(new):
        return np.zeros((0, y.shape[1]))
    return np.asarray(Ridge(alpha.astype(float), solver="svd").fit(x, y).predict(new))


def _searched(space: FeatureSpace, responses: Any, alphas: tuple[float, ...], **sizes: Any) -> Any:
    settings = SearchSettings(alphas, shuffled_folds(ROWS.fit, 5, seed=1))
    return search_ridge([space], Targets(responses, ROWS, "cpu", **sizes), settings)


def test_out_of_fold_predictions_of_the_bordered_route_are_those_of_fits_without_the_fold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "FEW_ROWS", 0)
    space = made_space()
    responses, settings = made_responses(space), SearchSettings(ALPHAS, shuffled_folds(ROWS.fit, 5, seed=1))
    out_of_fold = np.zeros((N, N_TARGETS), dtype=np.float32)
    found = search_ridge([space], Targets([responses], ROWS, "cpu"), settings, out_of_fold=out_of_fold)
    x, y = space.train.astype(float), responses.astype(float)
    for fold in settings.folds:
        kept = np.setdiff1d(ROWS.fit, fold)
        np.testing.assert_allclose(out_of_fold[fold], _refit(x[kept], y[kept], x[fold], found.alpha), atol=2e-4)
    assert not out_of_fold[ROWS.val].any()


def test_on_the_bordered_route_blocks_order_and_hemispheres_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "FEW_ROWS", 0)
    space = made_space()
    responses = made_responses(space)
    whole = _searched(space, [responses], ALPHAS)
    order = np.random.default_rng(0).permutation(N_TARGETS)
    for found, back in (
        (_searched(space, [responses], ALPHAS, block_targets=3), np.arange(N_TARGETS)),
        (_searched(space, [responses], ALPHAS, operator_bytes=1), np.arange(N_TARGETS)),
        (_searched(space, [responses[:, :13], responses[:, 13:]], ALPHAS), np.arange(N_TARGETS)),
        (_searched(space, [responses[:, 13:], responses[:, :13]], ALPHAS), np.r_[27:40, 0:27]),
        (_searched(space, [np.ascontiguousarray(responses[:, order])], ALPHAS), np.argsort(order)),
    ):
        np.testing.assert_array_equal(found.alpha[back], whole.alpha)
        np.testing.assert_allclose(found.cv_score[back], whole.cv_score, atol=1e-5)
        np.testing.assert_allclose(found.test_predictions[:, back], whole.test_predictions, atol=1e-4)
        np.testing.assert_allclose(found.val_predictions[:, back], whole.val_predictions, atol=1e-4)


def test_a_fine_grid_of_alphas_is_interpolated_and_agrees_with_every_alpha_solved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "FEW_ROWS", 0)
    alphas = tuple(np.logspace(1, 5, 30))
    space = made_space()
    responses = made_responses(space)
    solved: list[float] = []
    one = bordered.BorderedFolds.operators

    def counted(self: Any, alpha: float) -> Any:
        solved.append(alpha)
        return one(self, alpha)

    monkeypatch.setattr(bordered.BorderedFolds, "operators", counted)
    found = _searched(space, [responses], alphas)
    assert len(solved) <= 10
    monkeypatch.setattr(cross_validate, "runs_of_alphas", _every_alpha)
    exact = _searched(space, [responses], alphas)
    np.testing.assert_allclose(found.cv_score, exact.cv_score, atol=3e-5)
    same = found.alpha == exact.alpha
    assert same.mean() > 0.9
    np.testing.assert_allclose(found.test_predictions[:, same], exact.test_predictions[:, same], atol=1e-3)


@pytest.mark.parametrize(
    ("n", "n_features", "steep", "n_alphas", "n_folds"), [(600, 900, 0.6, 12, 4), (750, 1500, 0.5, 30, 8)]
)
def test_with_leading_eigenvalues_set_apart_scores_and_predictions_are_those_of_every_alpha_solved(
    n: int, n_features: int, steep: float, n_alphas: int, n_folds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_test, n_targets, alphas = 9, 60, tuple(np.logspace(1, 5, n_alphas))
    rng = np.random.default_rng(8)
    rows = rng.standard_normal((n + n_test, n_features)) * np.arange(1, n_features + 1) ** -steep + 1
    x = FeatureSpace("steep", rows[:n].astype(np.float32), rows[n:].astype(np.float32))
    signal = (rows[:n] - rows[:n].mean(axis=0)) @ rng.standard_normal((n_features, n_targets))
    y = (signal / signal.std(axis=0) + 2 * rng.standard_normal((n, n_targets))).astype(np.float32)
    split = Rows(fit=np.delete(np.arange(n), VAL), val=VAL)
    settings = SearchSettings(alphas, shuffled_folds(split.fit, n_folds, seed=1))
    solved, apart = [], []
    one, set_apart = bordered.Kernel.fold_operators, bordered.Kernel.set_apart

    def counted(self: Any, alpha: float, places: Any) -> Any:
        solved.append(alpha)
        return one(self, alpha, places)

    def watched(self: Any, *arguments: Any) -> Any:
        apart.append(set_apart(self, *arguments))
        return apart[-1]

    monkeypatch.setattr(bordered.Kernel, "fold_operators", counted)
    monkeypatch.setattr(bordered.Kernel, "set_apart", watched)
    out_of_fold = np.zeros((n, n_targets), dtype=np.float32)
    found = search_ridge([x], Targets([y], split, "cpu"), settings, out_of_fold=out_of_fold)
    assert all(len(leading.values) for leading in apart[0])
    assert len(solved) <= 6
    exact = EigenSpace(routes.factorise(x, split.fit, standardize=False, device="cpu"))
    prepared, targets = Folds.of(Targets([y], split, "cpu"), settings.folds), Targets([y], split, "cpu")
    monkeypatch.setattr(cross_validate, "runs_of_alphas", _every_alpha)
    scores, _ = cv_scores(exact.folded(prepared), targets, prepared, alphas)
    np.testing.assert_allclose(found.cv_score, scores.amax(dim=0), atol=1e-5)
    kept = split.fit
    x64, y64 = x.train.astype(float), y.astype(float)
    np.testing.assert_allclose(found.test_predictions, _refit(x64, y64, x.test.astype(float), found.alpha), atol=2e-4)
    np.testing.assert_allclose(found.val_predictions, _refit(x64[kept], y64[kept], x64[VAL], found.alpha), atol=2e-4)
    fold = settings.folds[0]
    kept = np.setdiff1d(kept, fold)
    np.testing.assert_allclose(out_of_fold[fold], _refit(x64[kept], y64[kept], x64[fold], found.alpha), atol=2e-4)


def _every_alpha(alphas: Any, *_: Any) -> Any:
    from algokit.solvers.interpolate import SolvedAlphas

    yield slice(0, len(alphas)), SolvedAlphas(tuple(alphas), np.eye(len(alphas)))


def test_duplicate_rows_and_duplicate_features_are_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "FEW_ROWS", 0)
    space = made_space()
    train = np.hstack([space.train, space.train])
    train[1] = train[0]
    doubled = FeatureSpace("doubled", train, np.hstack([space.test, space.test]))
    found = _searched(doubled, [made_responses(space)], ALPHAS)
    assert np.isfinite(found.cv_score).all()
    folds = shuffled_folds(ROWS.fit, 5, seed=1)
    expected = expected_r(doubled, made_responses(space), folds, ALPHAS)
    np.testing.assert_allclose(found.cv_score, expected.max(axis=0), atol=5e-5)


@pytest.mark.parametrize(
    ("n_features", "alphas", "route", "noted"),
    [
        (40, ALPHAS, EigenSpace, False),
        (150, ALPHAS, BorderedSpace, False),
        (150, (1e-3, 1.0, 1e3), BorderedSpace, True),
        (150, (1e-9, 1.0, 1e3), EigenSpace, True),
        (150, tuple(np.logspace(-3, -1, 12)), EigenSpace, True),
    ],
)
def test_the_route_follows_sizes_and_conditioning_and_says_why_it_left_float32(
    monkeypatch: pytest.MonkeyPatch, n_features: int, alphas: tuple[float, ...], route: type, noted: bool
) -> None:
    monkeypatch.setattr(routes, "FEW_ROWS", 0)
    solved, note = solve_space(made_space(n_features), ROWS.fit, alphas, standardize=False, device="cpu")
    assert isinstance(solved, route)
    assert ("float64" in note) == noted


def test_with_few_rows_float64_costs_nothing_and_is_taken() -> None:
    solved, note = solve_space(made_space(), ROWS.fit, ALPHAS, standardize=False, device="cpu")
    assert isinstance(solved, EigenSpace)
    assert note == ""
