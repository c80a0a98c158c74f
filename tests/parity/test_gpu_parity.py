"""What a GPU does is what a CPU does: whole runs on GPUs that are stood in for, so that a mix of places shows anywhere.

How exact the kernels of a real one are is not seen here; `docs/footguns.md` says what is switched off for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = (sys.executable, "-m", "algokit")
THERE = (sys.executable, str(Path(__file__).parents[1] / "stand_ins" / "gpus.py"))

LEARNED = """algokit: 1
name: learned
subjects: [subj01]
val: {fraction: 0.2, seed: 0}
members:
  - name: maps
    backbone: {kind: timm, name: test_resnet, weights: random}
    layers: [act1, layer4]
    poolings: [{kind: adaptive_max, grid: [1, 2]}]
    readout: {kind: ridge, alphas: {start: 0, stop: 6, num: 7}, folds: {n: 3}, standardize: true}
  - name: tokens
    backbone: {kind: timm, name: test_vit, weights: random}
    layers: [blocks.2, blocks.5]
    poolings: [{kind: adaptive_mean, grid: [2]}, {kind: cls_token}, {kind: mean_tokens}, {kind: flatten}]
    readout: {kind: ridge, alphas: {start: 0, stop: 6, num: 7}, folds: {n: 3}}
ensemble: {kind: stacking}
"""
NARROWED = """algokit: 1
name: narrowed
subjects: [subj01]
val: {fraction: 0.2, seed: 0}
members:
  - name: axes
    backbone: &network {kind: timm, name: test_vit, weights: random}
    layers: [blocks.2]
    poolings: [{kind: flatten}]
    reduction: {kind: pca, n_components: 8}
    readout: {kind: ridge, alphas: [1.0, 100.0, 10000.0], selection: gcv}
  - name: inner_products
    backbone: *network
    layers: [blocks.2]
    poolings: [{kind: flatten}]
    reduction: {kind: gram}
    readout: {kind: ridge, alphas: [1.0, 100.0, 10000.0], selection: loo}
  - name: bands
    backbone: *network
    layers: [blocks.2, blocks.5]
    poolings: [{kind: flatten}]
    reduction: {kind: sparse_projection, n_components: 16}
    readout: {kind: banded_ridge, alphas: [1.0, 100.0, 10000.0], folds: {n: 3}, n_iter: 5}
"""
STUDY = """algokit: 1
study: data_size
name: curve
subjects: [subj01]
images: {sizes: [12, 20, 32], draws: 2}
scores: {roi_class: streams, metric: noise_normalized}
members:
  - backbone: {kind: timm, name: test_vit, weights: random}
    layers: [blocks.2, blocks.5]
    poolings: [{kind: flatten}]
    readout: {kind: ridge, alphas: [1.0, 100.0, 10000.0], folds: {n: 3}, standardize: true}
"""


@dataclass(frozen=True)
class Ended:
    """A folder that was written, and how many operations each GPU did for it."""

    out: Path
    n_operations: dict[str, int]

    @property
    def card(self) -> dict[str, Any]:
        return dict(json.loads((self.out / "card.json").read_text()))

    @property
    def predictions(self) -> np.ndarray:
        """(n_test, n_vertices) of both hemispheres."""
        found = sorted(self.out.rglob("*h_pred_test.npy"))
        assert len(found) == 2
        return np.hstack([np.load(path) for path in found])


@dataclass(frozen=True)
class Place:
    """Where commands read and write."""

    data: Path
    folder: Path

    def end(self, device: str, *words: str, text: str) -> Ended:
        """Run a command on a recipe to its end, in a store of its own."""
        place = self.folder / device.replace(":", "").replace(",", "_")
        place.mkdir()
        (place / "recipe.yaml").write_text(text, encoding="utf-8")
        is_there = device != "cpu"
        program = (*THERE, str(1 + device.count(",")), "algokit") if is_there else HERE
        places = {"--data": self.data, "--store": place / "store", "--out": place / "out", "--device": device}
        options = [str(word) for pair in places.items() for word in pair]
        done = subprocess.run(
            [*program, *words, str(place / "recipe.yaml"), *options],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr
        return Ended(place / "out", json.loads(done.stderr.splitlines()[-1]) if is_there else {})


REFUSED = """
import sys; sys.path.insert(0, {folder!r})
import gpus, torch
gpus.pretend(2)
with gpus.Calls(), gpus.Operations():
    there, elsewhere, here = (torch.arange(3.0, device=place) for place in ("cuda", "cuda:1", "cpu"))
    mixes = [lambda: there + here, lambda: there + elsewhere, lambda: here[there > 0], lambda: there.numpy()]
    for mix in mixes:
        try:
            mix()
        except RuntimeError:
            continue
        sys.exit("not refused")
    assert type(here.copy_(there)) is torch.Tensor
    there[torch.tensor([0])] += 2 * there.sum() + torch.tensor(1.0)
    assert there.cpu().tolist() == [7.0, 1.0, 2.0] and there.device == torch.device("cuda", 0)
"""


@pytest.fixture
def place(small_demo: Path, tmp_path: Path) -> Place:
    return Place(small_demo, tmp_path)


def test_what_a_gpu_refuses_is_refused() -> None:
    code = REFUSED.format(folder=str(Path(THERE[1]).parent))
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("text", [LEARNED, NARROWED], ids=["learned", "narrowed"])
def test_a_gpu_predicts_what_a_cpu_predicts(text: str, place: Place) -> None:
    cpu, gpu = (place.end(device, "run", "--batch-size", "16", text=text) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(gpu.predictions, cpu.predictions, rtol=1e-4, atol=1e-5)
    assert gpu.n_operations["0"] > 1000
    assert (gpu.card["device"], gpu.card["hardware"]["accelerator"]) == ("cuda", "stand-in")
    assert (cpu.card["device"], cpu.card["hardware"]["accelerator"]) == ("cpu", None)


def test_two_gpus_share_images_and_change_no_byte(place: Place) -> None:
    asked = ("run", "--batch-size", "8", "--set", "features.autocast=bfloat16")
    one, two = (place.end(device, *asked, text=LEARNED) for device in ("cuda:0", "cuda:0,cuda:1"))
    assert two.predictions.tobytes() == one.predictions.tobytes()
    assert two.n_operations["1"] > 100
    assert two.card["device"] == "cuda:0,cuda:1"


def test_a_gpu_draws_the_learning_curves_of_a_cpu(place: Place) -> None:
    cpu, gpu = (place.end(device, "study", "run", text=STUDY) for device in ("cpu", "cuda:0"))
    tables = [np.genfromtxt(one.out / "results.csv", delimiter=",", names=True)["value"] for one in (cpu, gpu)]
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-4)
    assert gpu.n_operations["0"] > 1000
