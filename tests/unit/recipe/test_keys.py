"""What is in the key of features, one by one, and what is not: a cache that lies is worse than none."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from algokit.backbones import Preprocess, WeightsRecord, tiny_backbone
from algokit.challenge import DigestCache, open_challenge
from algokit.pipeline.inputs import read_inputs
from algokit.recipe import steps
from algokit.recipe.load import load_recipe
from algokit.recipe.plan import Plan, PlannedData, Step
from algokit.recipe.planning import make_plan
from algokit.types import SubjectGeometry

DATA = PlannedData("x", "m", (SubjectGeometry("subj01", 20, 5, {"lh": 3, "rh": 4}),), {"subj01": "i"}, {"subj01": "r"})
RECIPE = """\
algokit: 1
name: it
val: {fraction: 0.2}
members:
  - backbone: {kind: tiny, preprocess: {size_px: 32, resize: short_side, resize_px: 40, crop: center}}
    layers: [conv]
    poolings: [{kind: adaptive_max, grid: 2}]
    readout: {kind: ridge, alphas: [1, 10], folds: {n: 2}}
"""


def planned(folder: Path, *overrides: str, data: PlannedData = DATA) -> Plan:
    path = folder / "it.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return make_plan(load_recipe(path, overrides), data, "0")


def features(plan: Plan) -> Step:
    return plan.of_kind("features")[0]


def key(folder: Path, *overrides: str, data: PlannedData = DATA) -> str:
    return str(features(planned(folder, *overrides, data=data)).key)


def by_hand(**document: Any) -> str:
    """sha256 of the canonical JSON, without the code that makes keys."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_keys_are_what_anybody_can_hash_from_the_documented_parameters(tmp_path: Path) -> None:
    """So that no change of the code changes the keys of what people have made."""
    text = RECIPE.replace(
        "{kind: tiny, preprocess: {size_px: 32, resize: short_side, resize_px: 40, crop: center}}", "{kind: gabor}"
    )
    path = tmp_path / "gabor.yaml"
    path.write_text(text.replace("[conv]", "[gabor.0]"), encoding="utf-8")
    plan = make_plan(load_recipe(path), DATA, "any version")
    size = {"size_px": 96, "resize": "squash", "resize_px": 96, "crop": "none", "interpolation": "bicubic"}
    backbone = {"kind": "gabor", "size_px": 96, "n_orientations": 8, "wavelengths_px": [4.0, 8.0, 16.0, 32.0]}
    space = by_hand(
        kind="features",
        version=2,
        inputs=[],
        params={
            "backbone": backbone,
            "preprocess": {**size, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]},
            "weights": {"source": "no weights (Gabor formula 1)", "sha256": "", "is_random": False},
            "layer": "gabor.0",
            "pooling": {"kind": "adaptive_max", "grid": 2},
            "dtype": "float32",
            "images": "i",
        },
    )
    readout = {
        "kind": "ridge",
        "alphas": [1.0, 10.0],
        "folds": {"n": 2, "kind": "shuffled", "seed": 0},
        "standardize": False,
    }
    fit = by_hand(
        kind="fit",
        version=4,
        inputs=[space],
        params={"readout": readout, "val": {"fraction": 0.2, "seed": 0}, "responses": "r"},
    )
    ensemble = by_hand(kind="ensemble", version=1, inputs=[fit], params={"ensemble": {"kind": "mean"}})
    assert [step.key for step in plan.steps] == [space, fit, ensemble]


@pytest.mark.parametrize(
    "change",
    [
        "members.0.backbone.seed=1",
        "members.0.layers=[tokens]",
        "members.0.poolings=[{kind: adaptive_max, grid: 1}]",
        "members.0.poolings=[{kind: adaptive_mean, grid: 2}]",
        "features.dtype=float16",
    ],
)
def test_network_layer_pooling_and_dtype_are_in_the_key(tmp_path: Path, change: str) -> None:
    assert key(tmp_path, change) != key(tmp_path)


PREPROCESS = {
    "size_px": "30",
    "resize": "squash",
    "resize_px": "44",
    "crop": "none",
    "interpolation": "lanczos",
    "mean": "[0.1, 0, 0]",
    "std": "[1, 1, 2]",
}


@pytest.mark.parametrize("name", Preprocess.model_fields)
def test_every_part_of_the_preprocessing_is_in_the_key(tmp_path: Path, name: str) -> None:
    """Every field there is: a new one without a line above fails here."""
    change = [f"members.0.backbone.preprocess.{name}={PREPROCESS[name]}"]
    if name == "crop":
        change = ["members.0.backbone.preprocess={size_px: 40, resize: squash, resize_px: 40, crop: none}"]
        base = ["members.0.backbone.preprocess={size_px: 40, resize: squash, resize_px: 40, crop: center}"]
        assert key(tmp_path, *change) != key(tmp_path, *base)
    assert key(tmp_path, *change) != key(tmp_path)
    assert set(features(planned(tmp_path)).params["preprocess"]) == set(Preprocess.model_fields)


def test_the_digest_of_the_weights_is_in_the_key_and_the_name_of_their_file_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []
    for source, sha256 in (("a.pt", "1" * 64), ("b.pt", "1" * 64), ("a.pt", "2" * 64)):
        record = WeightsRecord(source, sha256, is_random=False)
        monkeypatch.setattr(tiny_backbone, "weights_digest", lambda spec, record=record: record)
        keys.append(key(tmp_path))
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("kind", ["features", "fit", "ensemble"])
def test_the_version_of_a_step_is_in_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    before = planned(tmp_path)
    monkeypatch.setitem(steps.STEP_VERSIONS, kind, 99)
    after = planned(tmp_path)
    follow = ["features", "fit", "ensemble"]
    changed = [step.kind for step, other in zip(before.steps, after.steps, strict=True) if step.key != other.key]
    assert changed == follow[follow.index(kind) :]


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        "about=other",
        "members.0.name=other",
        "val.seed=3",
        "val=null",
        "members.0.readout.alphas=[2]",
        "ensemble={kind: stacking, folds: {n: 2}}",
    ],
)
def test_names_and_what_comes_after_are_not_in_the_key_of_features(tmp_path: Path, change: str) -> None:
    assert key(tmp_path, change) == key(tmp_path)


def test_neither_other_spaces_nor_subjects_nor_responses_are_in_the_key(tmp_path: Path) -> None:
    two = [*DATA.geometry, SubjectGeometry("subj02", 20, 5, {"lh": 3, "rh": 4})]
    more = PlannedData("y", "n", tuple(two), {"subj01": "i", "subj02": "j"}, {"subj01": "s", "subj02": "s"})
    assert key(tmp_path, "members.0.layers=[conv, tokens]", data=more) == key(tmp_path)


def read(root: Path, folder: Path) -> PlannedData:
    challenge = open_challenge(root)
    return read_inputs(challenge, challenge.subjects, DigestCache(folder / "digests.json"))[0]


def test_the_bytes_and_the_order_of_the_images_are_in_the_key_and_their_place_is_not(
    small_demo: Path, tmp_path: Path
) -> None:
    before = key(tmp_path, data=read(small_demo, tmp_path))
    data = tmp_path / "elsewhere" / "data"
    shutil.copytree(small_demo, data, copy_function=shutil.copyfile)
    images = [image.path for image in open_challenge(data).images("subj01", "train")[:2]]
    for image in images:
        os.utime(image, (0, 0))
    assert key(tmp_path, data=read(data, tmp_path)) == before
    first, second = (image.read_bytes() for image in images)
    assert first != second
    images[0].write_bytes(second)
    images[1].write_bytes(first)
    exchanged = key(tmp_path, data=read(data, tmp_path))
    images[1].write_bytes(first + b"\0")
    changed = key(tmp_path, data=read(data, tmp_path))
    assert len({before, exchanged, changed}) == 3
