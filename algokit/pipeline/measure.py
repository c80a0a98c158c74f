"""The rates of this machine, measured by doing what runs do: half a minute on a processor, less on a GPU."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from algokit.atomic import disk_errors
from algokit.backbones import CATALOGUE as BACKBONES
from algokit.backbones import Preprocess, TimmSpec
from algokit.challenge.synthetic.images import draw_scene, texture_tiles
from algokit.pipeline.images import batches
from algokit.pipeline.processors import n_passes, threads_of_passes
from algokit.pipeline.settings import accelerator_names
from algokit.recipe.forecast import Rates
from algokit.types import Progress, ProgressCallback

LEAST_S = 1.0  # every rate is the best of tries that take at least so long together
NETWORKS = {"map": "resnet18", "token": "vit_base_patch16_224"}
_BATCH = {"cpu": 4, "cuda": 32}
_SIDE = {"cpu": 2048, "cuda": 8192}
_IMAGE_PX, _N_IMAGES = 425, 32  # as the challenge's images are
_BLOCK_BYTES = 1 << 28
_IMAGE = Preprocess(
    size_px=224, resize="short_side", resize_px=256, crop="center", mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)
)


def measure(device: str, folder: Path, n_workers: int, progress: ProgressCallback, least_s: float = LEAST_S) -> Rates:
    """Measure one device.

    Parameters
    ----------
    device : as `algokit.pipeline.settings.checked_device` gives it.
    folder : on the disk that is measured; what is written there is removed again.
    n_workers : threads that decode images.

    Raises
    ------
    DiskError : the folder cannot be written to, or has no room for 256 MB.
    """
    kind = device.partition(":")[0]
    parts: dict[str, Callable[[], float]] = {
        "map_flops": lambda: _forward(NETWORKS["map"], device, least_s),
        "token_flops": lambda: _forward(NETWORKS["token"], device, least_s),
        "product_flops": lambda: _product(device, least_s),
        "images": lambda: _decoding(folder, n_workers, least_s),
        "memory_bytes": lambda: _copying(least_s),
    }
    rates: dict[str, Any] = {}
    for position, (name, part) in enumerate(parts.items()):
        progress(Progress("measure", position, len(parts) + 1, "rates", name))
        rates[name] = part()
    rates["disk_write_bytes"], rates["disk_read_bytes"] = _disk(folder)
    progress(Progress("measure", len(parts) + 1, len(parts) + 1, "rates"))
    return Rates(device=kind, accelerator=accelerator_names(device), **rates)


def _best_s(work: Callable[[], object], least_s: float) -> float:
    """Seconds of the fastest try, the first one (which loads and allocates) left out."""
    work()
    tries: list[float] = []
    while not tries or sum(tries) < least_s:
        started = time.perf_counter()
        work()
        tries.append(time.perf_counter() - started)
    return min(tries)


def _forward(name: str, device: str, least_s: float) -> float:
    """FLOP/s of a forward pass that gives all layers, by the FLOPs of the card."""
    import torch

    spec = TimmSpec(kind="timm", name=name, weights="random")
    backbone = BACKBONES.load("timm").load(spec, device)
    n_images, size_px = _BATCH[device.partition(":")[0]], backbone.card.preprocess.size_px
    images = torch.rand(n_images, 3, size_px, size_px, device=device)
    layers = [layer.name for layer in backbone.card.layers]

    def one_pass(_number: int = 0) -> float:
        return _done(backbone.activations(images, layers)[layers[-1]])

    if device != "cpu":
        return float(n_images * backbone.card.flops_per_image / _best_s(one_pass, least_s))
    n = n_passes()
    with threads_of_passes(n) as pool:
        seconds = _best_s(lambda: list(pool.map(one_pass, range(n))), least_s)
    return float(n * n_images * backbone.card.flops_per_image / seconds)


def _product(device: str, least_s: float) -> float:
    import torch

    side = _SIDE[device.partition(":")[0]]
    one, other = (torch.rand(side, side, device=device) for _ in range(2))
    return 2.0 * side**3 / _best_s(lambda: _done(one @ other), least_s)


def _done(result: Any) -> float:
    """Waits for the device: a number has to come back from it."""
    return float(result.flatten()[0])


def _decoding(folder: Path, n_workers: int, least_s: float) -> float:
    rng = np.random.default_rng(0)
    tiles = texture_tiles(rng)
    with disk_errors(folder), TemporaryDirectory(dir=folder) as place:
        paths = [Path(place) / f"{index}.png" for index in range(_N_IMAGES)]
        for path in paths:
            Image.fromarray(draw_scene(rng, tiles, _IMAGE_PX)).save(path)
        seconds = _best_s(lambda: list(batches(paths, _IMAGE, 8, n_workers)), least_s)
    return _N_IMAGES / seconds


def _copying(least_s: float) -> float:
    source, target = np.ones(_BLOCK_BYTES, np.uint8), np.empty(_BLOCK_BYTES, np.uint8)
    return 2 * _BLOCK_BYTES / _best_s(lambda: np.copyto(target, source), least_s)


def _disk(folder: Path) -> tuple[float, float]:
    """(written and synced, read) bytes per second; the system is asked to forget what was written before it is read."""
    block = np.random.default_rng(0).bytes(_BLOCK_BYTES)
    with disk_errors(folder), TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "block"
        started = time.perf_counter()
        with path.open("wb") as file:
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
            write_s = time.perf_counter() - started
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        started = time.perf_counter()
        path.read_bytes()
        read_s = time.perf_counter() - started
    return _BLOCK_BYTES / write_s, _BLOCK_BYTES / read_s
