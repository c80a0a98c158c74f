"""The ridge search at the true size of the challenge, on a GPU: seconds per space beside the arithmetic floor."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import torch
from ridge_problems import Problem

from algokit.pipeline.settings import checked_device
from algokit.readouts import FeatureSpace, Rows
from algokit.solvers import cross_validate
from algokit.solvers.search import SearchSettings, search_ridge
from algokit.solvers.targets import Targets

TRUE_SIZE = Problem("true", 9841, 1024, 39_548, 30, 8, n_test=159)
N_FEATURES = (1024, 8192, 32_768, 100_000)


def measure(device: str, scale: float) -> dict[str, Any]:
    """Time one space of each width; the floor is the product of the alphas that are solved, at the device's rate.

    Raises
    ------
    DeviceError : the device is not there.
    """
    device = checked_device(device)  # in full float32, as in runs
    problem = TRUE_SIZE.scaled(scale)
    rng = np.random.default_rng(0)
    responses = rng.standard_normal((problem.n, problem.n_targets), dtype=np.float32)
    rate = _gemm_rate(device)
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    spaces = [_measure_one(problem, max(4, int(width * scale)), responses, device, rate) for width in N_FEATURES]
    return {"device": name, "gemm_gflops": rate / 1e9, "n": problem.n, "n_targets": problem.n_targets, "spaces": spaces}


def _measure_one(problem: Problem, n_features: int, responses: Any, device: str, rate: float) -> dict[str, Any]:
    rng = np.random.default_rng(n_features)
    sd = np.arange(1, n_features + 1, dtype=np.float32) ** -0.5
    rows = rng.standard_normal((problem.n + problem.n_test, n_features), dtype=np.float32) * sd
    space = FeatureSpace(str(n_features), rows[: problem.n], rows[problem.n :])
    split = Rows(np.arange(problem.n), np.arange(0))
    settings = SearchSettings(tuple(problem.alphas), tuple(problem.folds))
    made = cross_validate._fold_operators
    with mock.patch.object(cross_validate, "_fold_operators", wraps=made) as watched:
        started = time.perf_counter()
        result = search_ridge([space], Targets([responses], split, device), settings)
        seconds = time.perf_counter() - started
    n_solved = sum(len(call.args[2].solved) for call in watched.call_args_list)
    floor = replace(problem, n_features=n_features, n_alphas=n_solved).main_product_flops / rate
    return {
        "n_features": n_features,
        "seconds": seconds,
        "n_solved": n_solved,
        "floor_seconds": floor,
        "ratio_to_floor": seconds / floor,
        "peak_gpu_bytes": torch.cuda.max_memory_allocated(device) if device.startswith("cuda") else None,
        "notes": list(result.notes),
    }


def _gemm_rate(device: str, size: int = 2048) -> float:
    """float32 operations per second of one large product on the device."""
    a = torch.randn(size, size, device=device)
    times = []
    for _ in range(4):
        _wait(device)
        started = time.perf_counter()
        a @ a
        _wait(device)
        times.append(time.perf_counter() - started)
    return 2.0 * size**3 / min(times)


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
