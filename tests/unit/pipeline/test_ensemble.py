"""Learned ensembles in a run: weights from the rows fitted on, and what they do where each member knows half."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_runs import Runner, made

from algokit import verbs
from algokit.challenge.synthetic import DemoSettings, write_demo
from algokit.recipe.load import load_recipe
from algokit.solvers import stacking
from algokit.types import HEMISPHERES

RECIPE = """\
algokit: 1
name: halves
subjects: [subj01]
val: {fraction: 0.2}
members:
  - name: first
    backbone: {kind: tiny}
    layers: [vector]
    poolings: [{kind: flatten}]
    readout: {kind: ridge, alphas: [0.01, 1], folds: {n: 4}, standardize: true}
  - name: second
    backbone: {kind: gabor}
    layers: [texture]
    poolings: [{kind: adaptive_max, grid: 1}]
    readout: {kind: ridge, alphas: [0.01, 1], folds: {n: 4}, standardize: true}
"""
LEARNED = {"stacking": "ensemble={kind: stacking, folds: {n: 4}}", "greedy": "ensemble={kind: greedy, folds: {n: 4}}"}
NAMES = ("first", "second")
Array = np.ndarray[Any, np.dtype[np.float32]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A challenge whose even vertices are driven by the first member's features and whose odd ones by the second's."""
    root = tmp_path_factory.mktemp("halves") / "data"
    write_demo(root, settings=DemoSettings(("subj01",), n_train=120, n_test=40, image_px=32, vertex_fraction=0.001))
    runner = tiny(root, root.parent)
    plan, _ = runner.run()
    rng = np.random.default_rng(0)
    features = [_features(runner, plan, name) for name in NAMES]
    for hemisphere in HEMISPHERES:
        n_vertices = runner.challenge.geometry("subj01").n_vertices[hemisphere]
        signals = [_unit(rows @ rng.standard_normal((rows.shape[1], n_vertices))) for rows in features]
        signal = np.where(np.arange(n_vertices) % 2 == 0, *signals)
        responses = (signal[:120] + 0.5 * rng.standard_normal((120, n_vertices))).astype(np.float32)
        np.save(runner.challenge.response_path("subj01", hemisphere, "train"), responses)
        np.save(root.parent / f"{hemisphere}_truth.npy", signal[120:])
    return root


def tiny(root: Path, folder: Path) -> Runner:
    runner = Runner(root, folder)
    runner.file.write_text(RECIPE)
    return runner


def _features(runner: Runner, plan: Any, name: str) -> Array:
    (step,) = [one for one in plan.of_kind("features") if one.member == name]
    arrays = runner.arrays(plan, step.id)
    return _unit(np.concatenate([arrays["train"], arrays["test"]]))


def _unit(values: Array) -> Array:
    sd = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(sd > 0, sd, 1)


def _r(predictions: Array, truth: Array) -> Array:
    return np.mean(_unit(predictions) * _unit(truth), axis=0)


@pytest.fixture
def runner(data: Path, tmp_path: Path) -> Runner:
    return tiny(data, tmp_path)


def weights_of(runner: Runner, *overrides: str) -> dict[str, Array]:
    plan, _ = runner.run(*overrides)
    arrays = runner.arrays(plan, "ensemble/subj01")
    return {hemisphere: arrays[f"{hemisphere}_weights"] for hemisphere in HEMISPHERES}


@pytest.mark.parametrize("kind", LEARNED)
def test_the_better_member_is_found_for_each_half_and_the_mean_is_beaten(runner: Runner, data: Path, kind: str) -> None:
    plan, _ = runner.run(LEARNED[kind])
    learned = runner.arrays(plan, "ensemble/subj01")
    averaged = runner.arrays(runner.run()[0], "ensemble/subj01")
    for hemisphere in HEMISPHERES:
        truth, weights = np.load(data.parent / f"{hemisphere}_truth.npy"), learned[f"{hemisphere}_weights"]
        np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-6)
        assert weights.min() >= 0
        for half in (0, 1):
            assert weights[half, half::2].mean() > 0.65
            ours, mean = (_r(one[f"{hemisphere}_test"], truth)[half::2].mean() for one in (learned, averaged))
            assert ours > mean + 0.02
    step = plan.step("ensemble/subj01")
    (note,) = runner.store.open("ensemble", str(step.key)).meta["notes"]
    assert f"of {kind} against the plain mean: lh 0." in note
    assert note.endswith("the weights do better")


def test_predictions_are_the_weighted_sums_of_the_members(runner: Runner) -> None:
    plan, _ = runner.run(LEARNED["stacking"])
    together = runner.arrays(plan, "ensemble/subj01")
    first, second = (runner.arrays(plan, f"fit/{name}/subj01") for name in NAMES)
    for name in ("lh_test", "rh_test", "lh_val", "rh_val"):
        weights = together[name.replace("test", "weights").replace("val", "weights")]
        np.testing.assert_allclose(together[name], weights[0] * first[name] + weights[1] * second[name], atol=1e-5)
    np.testing.assert_array_equal(together["val_rows"], first["val_rows"])


def test_out_of_fold_predictions_are_kept_for_the_rows_fitted_on_and_only_where_weights_are_learned(
    runner: Runner,
) -> None:
    plan, _ = runner.run(LEARNED["stacking"])
    arrays = runner.arrays(plan, "fit/first/subj01")
    fit_rows = np.setdiff1d(np.arange(120), arrays["val_rows"])
    for hemisphere in HEMISPHERES:
        oof = arrays[f"{hemisphere}_oof"]
        measured = runner.inputs["subj01"].responses[hemisphere].values
        assert (oof.dtype, oof.shape, oof.flags.c_contiguous) == (np.float32, measured.shape, True)
        assert not oof[arrays["val_rows"]].any()
        folded = _r(oof[fit_rows], measured[fit_rows])  # the score is a mean over folds, this r over all rows at once
        assert np.abs(folded - arrays[f"{hemisphere}_cv_score"]).max() < 0.2
    averaged, _ = runner.run()
    assert not {name for name in runner.arrays(averaged, "fit/first/subj01") if name.endswith("oof")}
    for name, values in runner.arrays(averaged, "fit/first/subj01").items():
        np.testing.assert_array_equal(values, arrays[name])


def test_val_responses_reach_no_weight(data: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(data, tmp_path / "data"))
    runner = tiny(copied, tmp_path)
    before = weights_of(runner, LEARNED["stacking"])
    val_rows = runner.arrays(runner.plan(LEARNED["stacking"]), "fit/first/subj01")["val_rows"]
    for hemisphere in HEMISPHERES:
        path = runner.challenge.response_path("subj01", hemisphere, "train")
        responses = np.load(path)
        responses[val_rows] = 100 * np.random.default_rng(1).standard_normal((len(val_rows), responses.shape[1]))
        np.save(path, responses)
    after = weights_of(runner, LEARNED["stacking"])
    for hemisphere in HEMISPHERES:
        np.testing.assert_array_equal(after[hemisphere], before[hemisphere])


@pytest.mark.parametrize("kind", LEARNED)
def test_weights_are_the_same_bytes_again_and_in_other_blocks(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    found = []
    for block_targets in (1024, 1024, 7):
        monkeypatch.setattr(stacking, "BLOCK_TARGETS", block_targets)
        folder = tmp_path / str(len(found))
        folder.mkdir()
        found.append(weights_of(tiny(data, folder), LEARNED[kind]))
    for other in found[1:]:
        for hemisphere in HEMISPHERES:
            assert other[hemisphere].tobytes() == found[0][hemisphere].tobytes()


def test_a_learned_ensemble_is_resumed_and_its_fits_say_why_they_are_made_again(runner: Runner) -> None:
    runner.run()
    plan, first = runner.run(LEARNED["stacking"])
    reasons = {f"fit/{name}/subj01": "out_of_fold absent -> true" for name in NAMES}
    assert made(first).items() >= reasons.items()
    assert not any(step.startswith("features") for step in made(first))
    assert made(runner.run(LEARNED["stacking"])[1]) == {}
    _, other = runner.run(LEARNED["greedy"])
    assert set(made(other)) == {"ensemble/subj01"}
    assert made(runner.run()[1]) == {}
    whole = runner.arrays(plan, "ensemble/subj01")
    shutil.rmtree(runner.store.path("ensemble", str(plan.step("ensemble/subj01").key)))
    assert set(made(runner.run(LEARNED["stacking"])[1])) == {"ensemble/subj01"}
    for name, values in runner.arrays(plan, "ensemble/subj01").items():
        assert values.tobytes() == whole[name].tobytes()


def test_folds_change_the_comparison_and_not_the_weights(runner: Runner) -> None:
    four, five = (weights_of(runner, f"ensemble={{kind: stacking, folds: {{n: {n}}}}}") for n in (4, 5))
    for hemisphere in HEMISPHERES:
        np.testing.assert_allclose(four[hemisphere], five[hemisphere], atol=1e-6)


def test_without_val_every_row_is_learned_from(runner: Runner) -> None:
    plan, _ = runner.run(LEARNED["greedy"], "val=null")
    assert len(runner.arrays(plan, "ensemble/subj01")["val_rows"]) == 0
    assert runner.arrays(plan, "fit/first/subj01")["lh_oof"].any(axis=1).all()


def test_nothing_hidden_is_left_of_a_fit_that_is_interrupted(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("algokit.pipeline.fit.READOUTS.load", lambda kind: interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run(LEARNED["stacking"])
    assert not list((runner.store.root / "fit").rglob(".*"))


def test_the_card_tells_what_the_weights_are_worth(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "halves.yaml"
    file.write_text(RECIPE + "ensemble: {kind: stacking}\n")
    verbs.run(file, data=data, out=tmp_path / "out", store=tmp_path / "store")
    card = json.loads((tmp_path / "out" / "card.json").read_text(encoding="utf-8"))
    (note,) = card["notes"]["ensemble/subj01"]
    assert "stacking against the plain mean" in note
    assert "stacking against the plain mean" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert load_recipe(file).ensemble.kind == "stacking"
