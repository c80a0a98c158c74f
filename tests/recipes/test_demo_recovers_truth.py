"""The demo recipe on the demo challenge: the planted answers come back, and the scores are what a plain loop gives."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from algokit import verbs
from algokit.errors import SubmissionError
from algokit.recipe.load import shipped_recipes

HEMISPHERES = ("lh", "rh")
SUBJECTS = ("subj01", "subj06")


@pytest.fixture(scope="module")
def ran(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("ran")
    recipe = shipped_recipes()["demo"]
    report = verbs.run(recipe, data=demo, out=folder / "out", store=folder / "store")
    truth = dict(np.load(demo / "truth" / "truth.npz"))
    layers = json.loads((demo / "truth" / "truth.json").read_text())["layers"]
    return SimpleNamespace(report=report, out=folder / "out", folder=folder, demo=demo, truth=truth, layers=layers)


def _chosen(ran: SimpleNamespace, subject: str, hemisphere: str) -> tuple[np.ndarray, np.ndarray]:
    """Layer index and grid that each vertex chose."""
    spaces = json.loads((ran.out / "fits" / "gabor" / "spaces.json").read_text())
    index = np.load(ran.out / "fits" / "gabor" / subject / f"{hemisphere}_space_index.npy")
    layer = np.array([ran.layers.index(space["layer"]) for space in spaces])
    grid = np.array([space["pooling"]["grid"] for space in spaces])
    return layer[index], grid[index]


def _file(ran: SimpleNamespace, pattern: str) -> np.ndarray:
    (path,) = ran.demo.rglob(pattern)
    return np.load(path)


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_the_planted_layer_is_found_where_there_is_signal(ran: SimpleNamespace, subject: str, hemisphere: str) -> None:
    layer, _ = _chosen(ran, subject, hemisphere)
    clear = ran.truth[f"{subject}_{hemisphere}_noise_ceiling"] > 0.2
    assert (layer == ran.truth[f"{subject}_{hemisphere}_layer"])[clear].mean() > 0.85


def test_early_rois_choose_finer_grids_than_late_ones(ran: SimpleNamespace) -> None:
    grids: dict[str, list[float]] = {"early": [], "late": []}
    for subject in SUBJECTS:
        for hemisphere in HEMISPHERES:
            _, grid = _chosen(ran, subject, hemisphere)
            streams = _file(ran, f"{subject}/roi_masks/{hemisphere}.streams_challenge_space.npy")
            clear = ran.truth[f"{subject}_{hemisphere}_noise_ceiling"] > 0.2
            grids["early"] += list(grid[clear & (streams == 1)])
            grids["late"] += list(grid[clear & (streams == 5)])
    assert np.mean(grids["early"]) > 1.5 * np.mean(grids["late"])


def test_the_score_is_that_of_a_plain_loop_over_the_files(ran: SimpleNamespace) -> None:
    from scipy.stats import pearsonr

    scores, r_values = [], []
    for subject in SUBJECTS:
        for hemisphere in HEMISPHERES:
            predicted = np.load(ran.out / subject / f"{hemisphere}_pred_test.npy")
            measured = _file(ran, f"{subject}/**/{hemisphere}_test_fmri.npy")
            ceiling = _file(ran, f"{subject}/**/{hemisphere}_noise_ceiling.npy")
            assert predicted.dtype == np.float32
            assert predicted.shape == measured.shape
            for vertex in range(measured.shape[1]):
                r = pearsonr(predicted[:, vertex].astype(float), measured[:, vertex].astype(float)).statistic
                r_values.append(r)
                scores.append(100 * min(max(r, 0) ** 2 / (ceiling[vertex] or 1e-14), 1))
    document = json.loads((ran.out / "scores.json").read_text())["test"]
    assert document["noise_normalized_mean"] == pytest.approx(np.mean(scores), abs=1e-6)
    assert document["noise_normalized_median"] == pytest.approx(np.median(scores), abs=1e-6)
    assert document["pearson_r_mean"] == pytest.approx(np.mean(r_values), abs=1e-8)
    assert document["n_vertices"] == len(scores)


def test_the_score_lies_below_a_perfect_prediction_and_far_above_chance(ran: SimpleNamespace) -> None:
    perfect = []
    for subject in SUBJECTS:
        for hemisphere in HEMISPHERES:
            signal = ran.truth[f"{subject}_{hemisphere}_signal_test"].astype(float)
            measured = _file(ran, f"{subject}/**/{hemisphere}_test_fmri.npy").astype(float)
            ceiling = _file(ran, f"{subject}/**/{hemisphere}_noise_ceiling.npy")
            a, b = signal - signal.mean(0), measured - measured.mean(0)
            r = (a * b).sum(0) / np.maximum(np.sqrt((a**2).sum(0) * (b**2).sum(0)), 1e-30)
            perfect.append(100 * np.minimum(np.maximum(r, 0) ** 2 / np.where(ceiling == 0, 1e-14, ceiling), 1))
    best = np.concatenate(perfect).mean()
    score = json.loads((ran.out / "scores.json").read_text())["test"]["noise_normalized_mean"]
    assert 0.75 * best < score < best


def test_the_nested_val_score_stands_on_rows_nothing_was_chosen_on(ran: SimpleNamespace) -> None:
    """Fitting again without the val images in the data gives the same choices and the same val predictions."""
    from algokit.pipeline.inputs import split_rows
    from algokit.readouts import RidgeSpec, Rows
    from algokit.readouts.ridge_readout import fit_ridge
    from algokit.recipe.load import load_recipe
    from algokit.store import Store

    recipe = load_recipe(shipped_recipes()["demo"])
    readout = recipe.members[0].readout
    assert isinstance(readout, RidgeSpec)
    rows = split_rows(240, recipe.val, "subj01")
    store, plan = Store(ran.folder / "store"), ran.report.plan
    steps = [step for step in plan.of_kind("features") if step.subject == "subj01"][:3]
    responses = _file(ran, "subj01/**/lh_training_fmri.npy")

    def fit(responses: np.ndarray) -> object:
        from algokit.readouts import FeatureSpace

        opened = [store.open("features", str(step.key)) for step in steps]
        spaces = [
            FeatureSpace(str(index), store.array(one, "train"), store.array(one, "test"))
            for index, one in enumerate(opened)
        ]
        kept = Rows(fit=rows.fit, val=rows.val)
        return fit_ridge(spaces, [responses], kept, readout, device="cpu", progress=lambda done, name: None)

    scrambled = responses.copy()
    scrambled[rows.val] = np.random.default_rng(0).normal(size=scrambled[rows.val].shape)
    honest, other = fit(responses), fit(scrambled)
    np.testing.assert_array_equal(honest.space_index, other.space_index)
    np.testing.assert_array_equal(honest.alpha, other.alpha)
    np.testing.assert_allclose(honest.val_predictions, other.val_predictions, atol=1e-5)


def test_choices_read_back_as_records_of_every_vertex(ran: SimpleNamespace) -> None:
    records = verbs.choices(ran.out)
    assert [(one.member, one.subject, one.hemisphere) for one in records] == [
        ("gabor", subject, hemisphere) for subject in SUBJECTS for hemisphere in HEMISPHERES
    ]
    layer, _ = _chosen(ran, "subj06", "rh")
    names = [records[3].space_names[index].split("@")[0] for index in records[3].space_index]
    assert names == [ran.layers[index] for index in layer]
    assert (records[3].alpha > 0).all()
    assert np.abs(records[3].cv_score).max() <= 1


def test_the_card_cites_every_digest_and_the_folder_validates_and_packs(ran: SimpleNamespace) -> None:
    card = json.loads((ran.out / "card.json").read_text())
    assert set(card["geometry"]) == set(SUBJECTS)
    assert set(card["data"]["images"]) == set(card["data"]["responses"]) == set(SUBJECTS)
    assert card["files"].keys() >= {f"{s}/{h}_pred_test.npy" for s in SUBJECTS for h in HEMISPHERES}
    (measured,) = ran.demo.rglob("subj06/**/rh_test_fmri.npy")
    assert card["test_data"]["subj06/test_fmri.rh"] == hashlib.sha256(measured.read_bytes()).hexdigest()
    assert len(card["test_data"]) == len(SUBJECTS) * len(HEMISPHERES) * (2 + 6)  # responses, ceilings, six ROI classes
    (report,) = verbs.validate([ran.out], data=ran.demo)
    assert report.findings == ()
    packed = verbs.pack(ran.out, out=ran.folder / "a.zip", data=ran.demo)
    again = verbs.pack(ran.out, out=ran.folder / "b.zip", data=ran.demo)
    assert packed.sha256 == again.sha256
    with zipfile.ZipFile(packed.path) as archive:
        assert archive.namelist() == sorted(f"{s}/{h}_pred_test.npy" for s in SUBJECTS for h in HEMISPHERES)
    (zipped,) = verbs.score([packed.path], data=ran.demo)
    (folder,) = verbs.score([ran.out], data=ran.demo)
    assert zipped.scores.rows == folder.scores.rows


def test_a_second_run_leaves_the_folder_alone(ran: SimpleNamespace) -> None:
    before = {path: path.stat().st_mtime_ns for path in ran.out.rglob("*")}
    again = verbs.run(shipped_recipes()["demo"], data=ran.demo, out=ran.out, store=ran.folder / "store")
    assert again.reused
    assert not any(one.made for one in again.outcomes)
    assert {path: path.stat().st_mtime_ns for path in ran.out.rglob("*")} == before
    assert again.scores == ran.report.scores


def test_scores_that_changed_are_written_again(ran: SimpleNamespace) -> None:
    stored = ran.out / "scores.json"
    before = stored.read_text()
    stored.write_text(before.replace('"n_vertices": 786', '"n_vertices": 787', 1))
    again = verbs.run(shipped_recipes()["demo"], data=ran.demo, out=ran.out, store=ran.folder / "store")
    assert not again.reused
    assert stored.read_text() == before


def test_of_several_submissions_those_that_can_be_scored_are(ran: SimpleNamespace) -> None:
    several = ran.folder / "several"
    for name in ("good", "bad"):
        shutil.copytree(ran.out, several / name)
    (several / "bad" / "subj06" / "rh_pred_test.npy").unlink()
    (several / "good" / "card.json").write_text("{")
    by_name = {report.path.name: report for report in verbs.score([several], data=ran.demo)}
    assert by_name["good"].scores
    assert by_name["bad"].scores is None
    assert "rh_pred_test.npy" in str(by_name["bad"].findings[0])
    with pytest.raises(SubmissionError):
        verbs.score([several / "bad"], data=ran.demo)


def test_the_folder_one_stands_in_can_be_packed(ran: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ran.out)
    packed = verbs.pack(Path())
    assert packed.path.samefile(ran.out.with_name("out.zip"))
