"""Times of a plan, worked out by hand from rates that are round numbers; and what runs teach."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from algokit.recipe.forecast import MEMORY_S, PRIOR_S, Learned, Rates, forecast
from algokit.recipe.load import load_recipe
from algokit.recipe.plan import Plan, PlannedData
from algokit.recipe.planning import make_plan
from algokit.types import SubjectGeometry
from tests.measured_rates import rates

# Each rate alone in its power of ten, so that a wrong one cannot pass for another.
RATES = rates(
    token_flops=1e10, product_flops=1e11, images=50.0, memory_bytes=1e8, disk_write_bytes=1e6, disk_read_bytes=1e7
)
TWO = (
    SubjectGeometry("subj01", 90, 10, {"lh": 30, "rh": 40}),
    SubjectGeometry("subj02", 180, 20, {"lh": 30, "rh": 40}),
)
RECIPE = """\
algokit: 1
name: two
val: null
members:
  - name: conv
    backbone: {kind: timm, name: resnet18, weights: a1_in1k}
    layers: [layer1, layer4]
    poolings: [{kind: adaptive_max, grid: [1, 2]}]
    readout: &ridge {kind: ridge, alphas: [1, 10], folds: {n: 5}}
  - name: tokens
    backbone: {kind: timm, name: vit_base_patch16_224, weights: sam_in1k}
    layers: [blocks.3]
    poolings: [{kind: cls_token}]
    readout: *ridge
"""
RESNET, VIT = 3.64e9, 35.1e9  # FLOP per image: twice the published 1.82 and 17.6 G multiply-adds


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    path = tmp_path / "two.yaml"
    path.write_text(RECIPE)
    return make_plan(load_recipe(path), PlannedData("made-up", "m", TWO), "0")


def test_features_are_one_pass_per_image_a_decoding_their_bytes_written_and_the_weights_read_once(plan: Plan) -> None:
    groups = {one.group: one for one in forecast(plan, plan.steps, RATES, {}).groups}
    conv, tokens = groups["features/timm/resnet18"], groups["features/timm/vit_base_patch16_224"]
    written = 300 * 4 * (64 + 64 * 4 + 512 + 512 * 4) / 1e6
    by_hand = 300 * RESNET / 1e9 + 300 / 50 + written + 4 * 11.69e6 / 1e7
    assert conv.raw_s == pytest.approx(by_hand, rel=0.01)
    assert conv.n_steps == 2 * 4
    by_hand = 300 * VIT / 1e10 + 300 / 50 + 300 * 4 * 768 / 1e6 + 4 * 86.57e6 / 1e7
    assert tokens.raw_s == pytest.approx(by_hand, rel=0.01)


def test_a_gpu_computes_while_images_are_decoded(plan: Plan) -> None:
    steps = [step for step in plan.of_kind("features") if step.member == "tokens"]
    fast, slow = (
        forecast(plan, steps, RATES.model_copy(update={"device": "cuda", "token_flops": rate}), {}).seconds
        for rate in (1e13, 1e10)
    )
    rest = 300 * 4 * 768 / 1e6 + 4 * 86.57e6 / 1e7
    assert fast == pytest.approx(300 / 50 + rest, rel=0.01)
    assert slow == pytest.approx(300 * VIT / 1e10 + rest, rel=0.01)


def test_one_missing_space_costs_the_whole_pass(plan: Plan) -> None:
    steps = [step for step in plan.of_kind("features") if step.subject == "subj01" and step.member == "conv"]
    one, every = (forecast(plan, some, RATES, {}).seconds for some in (steps[:1], steps))
    assert every - one == pytest.approx(100 * 4 * (64 * 4 + 512 + 512 * 4) / 1e6)


def test_fits_read_their_features_and_ensembles_their_members(plan: Plan) -> None:
    times = forecast(plan, plan.steps, RATES, {})
    fits, joins = plan.of_kind("fit"), plan.of_kind("ensemble")
    read = 300 * 4 * (64 + 64 * 4 + 512 + 512 * 4 + 768)
    written = sum(step.out_bytes for step in fits)
    by_hand = read / 1e7 + written / 1e6 + sum(step.flops for step in fits) / 1e11
    assert times.of_kind("fit") == pytest.approx(by_hand)
    predictions = 4 * 70 * 30
    by_hand = written / 1e7 + predictions / 1e6 + (written + predictions) / 1e8
    assert sum(step.out_bytes for step in joins) == predictions
    assert times.of_kind("ensemble") == pytest.approx(by_hand, rel=1e-3)  # of its few additions too
    assert times.seconds == pytest.approx(sum(times.of_kind(kind) for kind in ("features", "fit", "ensemble")))


def test_what_runs_taught_multiplies_its_own_group_alone(plan: Plan) -> None:
    plain = {one.group: one for one in forecast(plan, plan.steps, RATES, {}).groups}
    learned = {"fit/ridge": Learned(log_ratio=math.log(3), weight_s=100)}
    for one in forecast(plan, plan.steps, RATES, learned).groups:
        assert one.raw_s == plain[one.group].raw_s
        assert one.seconds == pytest.approx(one.raw_s * (3 if one.group == "fit/ridge" else 1))


def test_a_run_as_long_as_what_is_known_moves_the_ratio_half_the_way() -> None:
    once = Learned().after(raw_s=PRIOR_S / 2, actual_s=PRIOR_S * 2)  # four times as long; geometric mean as the prior
    assert once.ratio == pytest.approx(2)
    assert once.weight_s == pytest.approx(2 * PRIOR_S)


def test_a_long_run_counts_almost_alone_and_a_short_one_hardly() -> None:
    assert Learned().after(4000.0, 12000.0).ratio == pytest.approx(3, rel=0.01)
    assert Learned().after(0.001, 0.1).ratio == pytest.approx(1, abs=0.02)
    assert Learned().after(0.0, 5.0) == Learned()


def test_runs_of_today_outweigh_those_of_long_ago() -> None:
    learned = Learned()
    for _ in range(50):
        learned = learned.after(4000.0, 4000.0)
    assert learned.weight_s == MEMORY_S
    for _ in range(10):
        learned = learned.after(4000.0, 8000.0)
    assert learned.ratio == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_no_rate_is_nothing_or_infinite(rate: float) -> None:
    with pytest.raises(ValidationError):
        Rates.model_validate({**RATES.model_dump(), "images": rate})
