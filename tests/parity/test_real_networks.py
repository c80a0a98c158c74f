"""Two really trained networks name what is on real photographs, through our loading and preprocessing.

The stated accuracies are the reference kit's (weights/README.md), measured without algokit on 1000 originals.
The kit itself has 545 photographs that carry a class, cut to 256 x 256 and compressed anew, which costs a few points:
so every fifth is also named by the libraries alone, loaded as the kit says and cropped by hand, and has to be the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from pydantic import TypeAdapter
from safetensors.torch import load_file
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
    named = np.concatenate(found)
    assert abs(float(np.mean(named == truth)) - stated) < 0.07
    assert by_the_libraries_alone(name, checkpoint, paths[::5], how.mean, how.std) == named[::5].tolist()


def by_the_libraries_alone(name: str, checkpoint: str, paths: list[Path], mean: Any, std: Any) -> list[int]:
    """The classes of 256 x 256 photographs, their central 224 pixels, one by one."""
    network = (
        timm.create_model(name, pad_type="same")
        if name == "mobilenetv2_100"
        else torchvision.models.get_model(name, weights=None)
    ).eval()
    network.load_state_dict(load_file(checkpoint), strict=True)
    found = []
    with torch.inference_mode():
        for path in paths:
            with Image.open(path) as photograph:
                pixels = np.asarray(photograph.convert("RGB"), np.float32)[16:240, 16:240]
            values = ((pixels / 255 - np.asarray(mean)) / np.asarray(std)).astype(np.float32)
            found.append(int(network(torch.from_numpy(values.transpose(2, 0, 1))[None]).argmax()))
    return found
