"""A study of real photographs with real and random networks, whose answers are known beforehand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from algokit import verbs
from algokit.challenge import open_challenge
from algokit.recipe.study_load import shipped_studies
from algokit.store import Store
from algokit.studies.fit import fit_law
from algokit.studies.observations import observe
from algokit.studies.pooling import UNITS, pooled

pytestmark = [pytest.mark.reference, pytest.mark.slow]
NOISE = (0.3, 1000.0)  # variances, evenly spread in the logarithm over vertices; the signal's is 1


@pytest.fixture(scope="module")
def kit(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("kit")
    command = [sys.executable, str(reference / "make_challenge.py"), "--out", str(folder / "data"), "--jobs", "1"]
    small = ["--subjects", "1", "--vertex-fraction", "0.03"]
    subprocess.run([*command, *small], check=True, capture_output=True)
    weights = reference / "weights"
    checkpoints = (
        f"members.0.backbone.checkpoint={weights / 'mobilenetv2_100_real.safetensors'}",
        f"members.1.backbone.checkpoint={weights / 'squeezenet1_0_real.safetensors'}",
    )
    return SimpleNamespace(folder=folder, data=folder / "data", store=folder / "store", checkpoints=checkpoints)


@pytest.fixture(scope="module")
def study(kit: SimpleNamespace) -> verbs.StudyRunReport:
    recipe = shipped_studies()["reference"]
    out = kit.folder / "out"
    return verbs.study_run(recipe, data=kit.data, out=out, store=kit.store, overrides=kit.checkpoints)


def curves(study: verbs.StudyRunReport) -> dict[str, list[float]]:
    """Member -> the score of all vertices at every size, ascending."""
    rows = [row for row in study.rows if row.roi == "all"]
    scores = pooled(rows, "noise_normalized", ("n_images",), UNITS["points"])
    found: dict[str, list[float]] = {}
    for one in sorted(scores, key=lambda one: one.x):
        found.setdefault(one.series, []).append(one.value)
    return found


def test_accuracy_rises_with_images_for_every_network(study: verbs.StudyRunReport) -> None:
    for scores in curves(study).values():
        assert len(scores) == 5
        assert (np.diff(scores) > 0).all()


def test_at_every_size_the_truth_beats_the_other_network_and_that_beats_random_weights(
    study: verbs.StudyRunReport,
) -> None:
    found = {name: np.array(scores) for name, scores in curves(study).items()}
    assert (found["true-network"] > found["other-network"]).all()
    assert (found["other-network"][2:] > found["random-weights"][2:]).all()
    assert (found["true-network"] > found["random-weights"]).all()
    assert any("RANDOM" in warning for warning in study.warnings)


def test_no_raw_score_is_above_its_ceiling_on_average(study: verbs.StudyRunReport) -> None:
    for row in study.rows:
        if row.metric == "r2" and row.roi == "all":
            assert row.ceiling is not None and row.value < row.ceiling


@pytest.fixture(scope="module")
def simulated(kit: SimpleNamespace, study: verbs.StudyRunReport) -> SimpleNamespace:
    """The same photographs, but every vertex is one random read-out of one real feature space, noise by vertex.

    Least squares on n images then has, on images without noise, about r2 = 1 / (1 + v / n), where v is the variance of
    the noise times the number of features. With log v spread evenly the mean over vertices is linear in log n: a law
    of slope log(10) / log(largest / smallest v) per factor of ten in images.
    """
    data = kit.folder / "simulated"
    shutil.copytree(kit.data, data, copy_function=os.link)
    (step,) = [one for one in study.plan.features if one.id == "features/true-network/subj01/blocks.0@max1"]
    store = Store(kit.store)
    features = store.open("features", str(step.key))
    x, new = (np.asarray(store.array(features, name), np.float64) for name in ("train", "test"))
    centre = np.concatenate([x, new]).mean(axis=0)
    x, new = x - centre, new - centre
    challenge, rng = open_challenge(data), np.random.default_rng(0)
    for hemisphere in ("lh", "rh"):
        n_vertices = challenge.geometry("subj01").n_vertices[hemisphere]
        weights = np.linalg.pinv(x) @ rng.standard_normal((len(x), n_vertices))  # the same in every direction
        weights /= (new @ weights).std(axis=0)
        noise = np.exp(rng.permutation(np.linspace(*np.log(NOISE), n_vertices)))
        train = x @ weights + rng.standard_normal((len(x), n_vertices)) * noise**0.5
        ceiling = challenge.ceiling_files("subj01", "test")[f"noise_ceiling.{hemisphere}"]
        for path, values in (
            (challenge.response_path("subj01", hemisphere, "train"), train.astype(np.float32)),
            (challenge.response_path("subj01", hemisphere, "test"), (new @ weights).astype(np.float32)),
            (ceiling, np.ones(n_vertices)),
        ):
            path.unlink()  # a link to the kit's own
            np.save(path, values)
    return SimpleNamespace(data=data, train=x, test=new)


def known_slope(simulated: SimpleNamespace, sizes: list[int]) -> float:
    """Slope of the same law on what NumPy's least squares give for the same photographs, with noise drawn anew."""
    rng, scores = np.random.default_rng(1), []
    noise = np.exp(np.linspace(*np.log(NOISE), 400))
    for size in sizes:
        found = []
        for _ in range(60):
            x = simulated.train[rng.permutation(len(simulated.train))[:size]]
            weights = np.linalg.pinv(simulated.train) @ rng.standard_normal((len(simulated.train), len(noise)))
            truth = simulated.test @ (weights := weights / (simulated.test @ weights).std(axis=0))
            y = x @ weights + rng.standard_normal((size, len(noise))) * noise**0.5
            fitted = np.linalg.lstsq(x - x.mean(axis=0), y - y.mean(axis=0), rcond=None)[0]
            guess = simulated.test @ fitted
            r = [np.corrcoef(one, other)[0, 1] for one, other in zip(guess.T, truth.T, strict=True)]
            found.append(np.mean(np.maximum(r, 0) ** 2))
        scores.append(float(np.mean(found)))
    return fit_law(observe([sizes], scores), "log").constants["b"]


def test_the_slope_of_a_law_that_was_put_in_is_found_within_its_interval(
    kit: SimpleNamespace, simulated: SimpleNamespace
) -> None:
    recipe = kit.folder / "law.yaml"
    text = shipped_studies()["reference"].read_text(encoding="utf-8").partition("  - name: other-network")[0]
    for old, new in (
        ("draws: 2", "draws: 8"),
        ("layers: [blocks.0, blocks.1, blocks.2, blocks.4, blocks.6]", "layers: [blocks.0]"),
        ("grid: [1, 3]", "grid: 1"),
        ("alphas: {start: 0, stop: 6, num: 7}", "alphas: [1.0e-4]"),
        ("resample: points", "resample: draws"),
        ("largest: 600", "largest: 400"),
    ):
        assert old in text
        text = text.replace(old, new)
    recipe.write_text(text, encoding="utf-8")
    out = kit.folder / "law"
    report = verbs.study_run(recipe, data=simulated.data, out=out, store=kit.store, overrides=kit.checkpoints[:1])
    (group,) = [one for one in report.groups if one.group == "all"]
    assert group.fit is not None and not group.findings
    slope = known_slope(simulated, list(report.plan.curves[0].sizes))
    interval = group.fit.intervals["b"]
    assert slope == pytest.approx(np.log(10) / np.log(NOISE[1] / NOISE[0]), rel=0.1)  # the closed form, Gaussian
    assert interval.low < slope < interval.high
    assert interval.high - interval.low < 0.25 * slope
