"""Real photographs, a real network, real noise levels: right input recovers the truth, wrong input costs what it costs.

Expected figures: the README of the reference kit, which simulated the responses from MobileNetV2.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from algokit import verbs
from algokit.recipe.load import shipped_recipes

pytestmark = [pytest.mark.reference, pytest.mark.slow]
LAYERS = ("blocks.0", "blocks.1", "blocks.2", "blocks.4", "blocks.6")
ONLY_FIRST = "subjects=[subj01]"


@pytest.fixture(scope="module")
def kit(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("kit")
    command = [sys.executable, str(reference / "make_challenge.py"), "--out", str(folder / "data"), "--jobs", "1"]
    subprocess.run(command, check=True, capture_output=True)
    truth = dict(np.load(folder / "data-truth" / "truth.npz"))
    return SimpleNamespace(data=folder / "data", folder=folder, truth=truth, weights=reference / "weights")


def _run(kit: SimpleNamespace, recipe: str, *overrides: str) -> verbs.RunReport:
    out = kit.folder / f"out-{abs(hash((recipe, overrides)))}"
    store = kit.folder / "store"
    return verbs.run(shipped_recipes()[recipe], data=kit.data, out=out, store=store, overrides=overrides)


def _score(report: verbs.RunReport, subject: str = "all", hemisphere: str = "all") -> float:
    scores = report.scores["test"]
    assert scores is not None
    place = (subject, hemisphere, "all", "all", "noise_normalized_mean")
    (value,) = [
        row.value for row in scores.rows if (row.subject, row.hemisphere, row.roi_class, row.roi, row.metric) == place
    ]
    return value


@pytest.fixture(scope="module")
def mobilenet(kit: SimpleNamespace) -> verbs.RunReport:
    checkpoint = f"members.0.backbone.checkpoint={kit.weights / 'mobilenetv2_100_real.safetensors'}"
    return _run(kit, "reference_mobilenetv2", checkpoint)


def test_the_true_network_scores_at_least_66(mobilenet: verbs.RunReport) -> None:
    assert _score(mobilenet) >= 66


def test_the_true_layer_is_chosen_for_93_percent_of_vertices_and_early_rois_choose_finer_grids(
    kit: SimpleNamespace, mobilenet: verbs.RunReport
) -> None:
    place = mobilenet.submission / "fits" / "mobilenetv2_100"
    spaces = json.loads((place / "spaces.json").read_text())
    layer = np.array([LAYERS.index(space["layer"]) for space in spaces])
    grid = np.array([space["pooling"]["grid"] for space in spaces])
    right, grids = [], {1: [], 5: []}
    for subject in ("subj01", "subj06"):
        for hemisphere in ("lh", "rh"):
            name = f"{subject}_{hemisphere}"
            index = np.load(place / subject / f"{hemisphere}_space_index.npy")
            clear = kit.truth[f"{name}_noise_ceiling"] > 0.1
            right += list((layer[index] == kit.truth[f"{name}_layer"])[clear])
            (mask,) = kit.data.rglob(f"{subject}/roi_masks/{hemisphere}.streams_challenge_space.npy")
            for stream, found in grids.items():
                found += list(grid[index][clear & (np.load(mask) == stream)])
    assert np.mean(right) >= 0.93
    assert np.mean(grids[1]) > 2 * np.mean(grids[5])


def test_the_val_score_agrees_with_the_test_score(mobilenet: verbs.RunReport) -> None:
    r = {
        split: next(row.value for row in scores.rows if row.metric == "pearson_r_mean")
        for split, scores in mobilenet.scores.items()
        if scores
    }
    assert r["val"] == pytest.approx(r["test"], abs=0.03)


def test_another_trained_network_costs_what_it_costs(kit: SimpleNamespace) -> None:
    checkpoint = f"members.0.backbone.checkpoint={kit.weights / 'squeezenet1_0_real.safetensors'}"
    report = _run(kit, "reference_squeezenet", checkpoint, ONLY_FIRST)
    assert _score(report, "subj01", "lh") == pytest.approx(45, abs=4)


def test_untrained_weights_cost_what_they_cost_and_are_shouted_about(kit: SimpleNamespace) -> None:
    report = _run(kit, "reference_mobilenetv2", "members.0.backbone.weights=random", ONLY_FIRST)
    assert _score(report, "subj01", "lh") == pytest.approx(21, abs=5)
    card = json.loads((report.submission / "card.json").read_text())
    assert any("RANDOM" in warning for warning in card["warnings"])
    assert "RANDOM" in (report.submission / "report.md").read_text()
    assert card["weights"]["mobilenetv2_100"]["is_random"]


@pytest.mark.parametrize(
    ("mistake", "most"),
    [
        ("members.0.backbone.options={}", 67),
        ("members.0.backbone.preprocess={resize: squash, resize_px: 224, crop: none}", 65),
    ],
)
def test_a_wrong_setting_costs_visibly(
    kit: SimpleNamespace, mobilenet: verbs.RunReport, mistake: str, most: float
) -> None:
    """Default padding (63.3 by the kit), ImageNet mean and SD (61.7); the right ones reach 74."""
    checkpoint = f"members.0.backbone.checkpoint={kit.weights / 'mobilenetv2_100_real.safetensors'}"
    report = _run(kit, "reference_mobilenetv2", checkpoint, mistake, ONLY_FIRST)
    assert _score(report, "subj01", "lh") < most < _score(mobilenet, "subj01", "lh")
