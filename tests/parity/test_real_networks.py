"""Two really trained networks name what is on real photographs, through our loading and preprocessing.

The stated accuracies are the reference kit's (weights/README.md), measured without algokit on 1000 photographs, one per
class. The kit has 545 of them, as their central squares, so a few points lie between the two samples; a wrong crop,
padding, mean or interpolation of the first network costs it 4 to 20.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from timm.data import ImageNetInfo

from algokit.backbones import CATALOGUE, BackboneSpec
from algokit.pipeline.forward import normalised
from algokit.pipeline.images import batches

pytestmark = pytest.mark.reference

NETWORKS = {
    "mobilenetv2_100": (
        {
            "kind": "timm",
            "name": "mobilenetv2_100",
            "checkpoint": "mobilenetv2_100_real.safetensors",
            "options": {"pad_type": "same"},
            "preprocess": {"interpolation": "bicubic", "mean": [0.5] * 3, "std": [0.5] * 3, "resize_px": 256},
        },
        0.894,
    ),
    "squeezenet1_0": (
        {"kind": "torchvision", "name": "squeezenet1_0", "checkpoint": "squeezenet1_0_real.safetensors"},
        0.619,
    ),
}


def photographs(kit: Path) -> tuple[list[Path], np.ndarray]:
    """The photographs that carry a class, and its number in the usual order."""
    numbers = {name: number for number, name in enumerate(ImageNetInfo().label_names())}
    lines = [line.split("\t") for line in (kit / "photos" / "SOURCES.tsv").read_text(encoding="utf-8").splitlines()]
    classed = [(kit / "photos" / line[0], numbers.get(line[2].partition("_")[0])) for line in lines]
    return [path for path, number in classed if number is not None], np.array([n for _, n in classed if n is not None])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_trained_network_reaches_the_accuracy_it_is_known_for(reference: Path, name: str) -> None:
    document, stated = NETWORKS[name]
    checkpoint = str(reference / "weights" / str(document["checkpoint"]))
    spec: Any = TypeAdapter(BackboneSpec).validate_python({**document, "checkpoint": checkpoint})
    backbone = CATALOGUE.load(spec.kind).load(spec, "cpu")
    paths, truth = photographs(reference)
    assert len(paths) > 500
    how, found = backbone.card.preprocess, []
    with torch.inference_mode():
        for n_real, pixels in batches(paths, how, 32, 2):
            logits = backbone._trunk.network(normalised(torch.from_numpy(pixels), how))  # with its own classifier
            found.append(logits[:n_real].argmax(1).numpy())
    accuracy = float(np.mean(np.concatenate(found) == truth))
    assert abs(accuracy - stated) < 2.5 * math.sqrt(stated * (1 - stated) / len(truth)), accuracy
