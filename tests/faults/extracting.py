"""A run of two tiny members in a process of its own that notes every forward pass, and may be killed soon after one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECIPE = """\
algokit: 1
name: killed
members:
  - backbone: {kind: tiny}
    layers: all
    poolings: [{kind: flatten}]
    readout: &ridge {kind: ridge, alphas: [1, 100], folds: {n: 3}}
  - name: second
    backbone: {kind: tiny, seed: 1}
    layers: [conv, tokens]
    poolings: [{kind: adaptive_max, grid: [1, 2, 3]}]
    readout: *ridge
"""


@dataclass(frozen=True)
class Sizes:
    """Images per forward pass, per shard, threads that decode, and threads of arithmetic: from two on, two passes."""

    batch: int
    shard: int
    n_workers: int = 2
    n_threads: int = 1


def extracted(data: Path, store: Path, sizes: Sizes, last: int = 0, seconds: float = 0.0) -> tuple[int, int]:
    """Run to the end, or until some time after pass number ``last``: the exit code, and the images that were computed.

    Processes come from a server that has loaded the libraries and started no thread.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "algokit.pipeline.run", "algokit.readouts.ridge_readout"])
    store.mkdir(exist_ok=True)
    log = store.parent / f"{store.name}.log"
    log.write_text("", encoding="utf-8")
    process = context.Process(target=_run, args=(data, store, sizes, log, last, seconds))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode, sum(int(line) for line in log.read_text(encoding="utf-8").split())


def _run(data: Path, store: Path, sizes: Sizes, log: Path, last: int, seconds: float) -> None:
    import torch

    from algokit.challenge import DigestCache, open_challenge
    from algokit.pipeline.inputs import read_inputs
    from algokit.pipeline.run import run_plan
    from algokit.pipeline.settings import RunSettings
    from algokit.recipe.load import load_recipe
    from algokit.recipe.planning import make_plan
    from algokit.store import Store
    from algokit.types import no_progress

    torch.set_num_threads(sizes.n_threads)
    _watch(log, last, seconds)
    challenge = open_challenge(data)
    recipe_file = store / "killed.yaml"
    recipe_file.write_text(RECIPE, encoding="utf-8")
    planned, inputs = read_inputs(challenge, challenge.subjects, DigestCache(store / "digests.json"))
    recipe = load_recipe(recipe_file)
    settings = RunSettings("cpu", sizes.batch, sizes.n_workers, shard_images=sizes.shard)
    run_plan(make_plan(recipe, planned, "0"), recipe, inputs, Store(store), settings, no_progress)


def _watch(log: Path, last: int, seconds: float) -> None:
    """Write the images of every pass down, in a way that outlives kill -9."""
    from algokit.backbones.tiny_backbone import TinyBackbone

    file = os.open(log, os.O_WRONLY | os.O_APPEND)
    real, n_passes, counting = TinyBackbone.activations, 0, threading.Lock()

    def watched(self: TinyBackbone, images: Any, layers: Any) -> Any:
        nonlocal n_passes
        found = real(self, images, layers)
        with counting:
            n_passes += 1
            is_last = n_passes == last
        os.write(file, f"{len(images)}\n".encode())
        if is_last:
            timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()
        return found

    TinyBackbone.activations = watched  # type: ignore[method-assign]
