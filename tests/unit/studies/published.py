"""The table of published scaling-law fits, read with pandas: a route of its own to the points of each fit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from algokit.studies.observations import Observations, observe

DROPPED = ("is_pretrained", "is_random", "is_ssl", "is_adv", "is_ablation")
LARGE_FAMILIES = ("ConvNeXt", "ViT")


def published_points(reference: Path, fit: str) -> pd.DataFrame:
    """One row per model of the fit ``samples``, ``parameters`` or ``joint``: score, N, D and training compute C."""
    table = pd.read_csv(reference / "scaling" / "benchmark_scores.csv")
    table = table[~table[list(DROPPED)].astype(bool).any(axis=1)]
    datasets = ["imagenet"] if fit == "samples" else ["imagenet", "ecoset"]
    table = table[table.dataset.isin(datasets)]
    if fit == "parameters":
        table = table[table.samples_per_class == 0]
    else:
        family = table.arch_family.str.replace("Flex", "")
        table = table[~family.isin(LARGE_FAMILIES) | table.samples_per_class.isin([0, 300])]
    models = table.groupby("model_id")
    first = models[["n_params", "n_samples_seen", "total_flops"]].first()
    first.columns = pd.Index(["N", "D", "C"])
    return first.assign(score=models["score"].mean())


def published_observations(reference: Path, fit: str) -> Observations:
    """The points of a fit with the published scales."""
    points = published_points(reference, fit)
    columns = {"samples": ["D"], "parameters": ["N"], "joint": ["N", "D"]}[fit]
    scales = [{"N": 1e5, "D": 1e4}[column] for column in columns]
    return observe([points[column].to_numpy() for column in columns], points.score.to_numpy(), scales=scales)
