"""A made-up subject on the real mesh: a dense posterior patch, scores that vary smoothly over it, a few ROIs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from algokit.reporting.figures import Choice, Surface, choice_of
from algokit.types import FitRecord, Hemisphere, ScoreRow, Scores, VertexScores

LAYERS = tuple(f"blocks.{index}" for index in range(24))
POOLINGS = ({"kind": "adaptive_max", "grid": 4}, {"kind": "cls_token"}, {"kind": "adaptive_max", "grid": 2})


def row(roi: str = "V1v", value: float = 50.0, **changes: object) -> ScoreRow:
    """One row of the pooled scores of an ROI of ``prf-visualrois``, or what ``changes`` say."""
    fields: dict[str, object] = {
        "subject": "all",
        "hemisphere": "all",
        "roi_class": "prf-visualrois",
        "roi": roi,
        "n_vertices": 10,
        "metric": "noise_normalized_mean",
        "version": 1,
        "value": value,
    }
    return ScoreRow(**{**fields, **changes})  # type: ignore[arg-type]


def scores(*rows: ScoreRow, vertices: Sequence[VertexScores] = ()) -> Scores:
    return Scores("test", rows, "made up", 10, {"subj01": 5}, 0, 0, 0, 0, vertices=tuple(vertices))


def pooled(value: float = 50.0, metric: str = "noise_normalized_mean") -> ScoreRow:
    return row("all", value, roi_class="all", metric=metric)


def patch(surface: Surface, hemisphere: Hemisphere, n_vertices: int = 1200) -> np.ndarray:
    """The ``n_vertices`` vertices of fsaverage5 that lie farthest back, in the order of their numbers."""
    return np.sort(np.argsort(surface.meshes[hemisphere].inflated[:, 1])[:n_vertices])


def vertex_scores(surface: Surface, subject: str, hemisphere: Hemisphere, seed: int = 0) -> VertexScores:
    """The patch, and as many vertices again that fsaverage5 lacks."""
    rng = np.random.default_rng(seed)
    drawn = patch(surface, hemisphere)
    index = np.concatenate([drawn, 10242 + np.sort(rng.choice(150_000, drawn.size, replace=False))])
    smooth = np.tile(surface.meshes[hemisphere].inflated[drawn, 2] / 80, 2)
    ceiling = np.clip(0.4 + 0.3 * smooth + 0.02 * rng.standard_normal(index.size), 0, 1)
    normalized = np.clip(0.5 + 0.4 * smooth + 0.03 * rng.standard_normal(index.size), 0, 1)
    flags = np.zeros(index.size, bool)
    rois = {("all", "all"): np.arange(index.size), ("streams", "early"): np.arange(0, index.size, 2)}
    rois["streams", "all"] = rois["streams", "early"]
    rois["streams", "lateral"] = np.empty(0, np.int64)
    r = np.sqrt(ceiling * normalized)
    return VertexScores(subject, hemisphere, "test", 5, r, ceiling, normalized, flags, flags, rois, index)


def choice(one: VertexScores, n_layers: int = 24, seed: int = 0) -> Choice:
    """Made-up choices among ``n_layers`` layers and three poolings for the vertices of ``one``."""
    rng = np.random.default_rng(seed)
    names = ("max4", "cls", "max2")
    spaces = [
        {"name": f"{layer}@{name}", "layer": layer, "pooling": pooling}
        for layer in [f"blocks.{index}" for index in range(n_layers)]
        for name, pooling in zip(names, POOLINGS, strict=True)
    ]
    record = FitRecord(
        "eva",
        one.subject,
        one.hemisphere,
        tuple(str(space["name"]) for space in spaces),
        rng.integers(0, len(spaces), one.pearson_r.size),
        10.0 ** rng.integers(0, 7, one.pearson_r.size),
        np.zeros(one.pearson_r.size, np.float32),
    )
    return choice_of(record, spaces, rois=one.rois, fsaverage_index=one.fsaverage_index)
