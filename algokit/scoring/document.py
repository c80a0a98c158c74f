"""Scores as JSON data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from algokit.scoring.hemisphere import ALL
from algokit.types import ScoreRow, Scores


def score_document(scores: Scores) -> dict[str, Any]:
    """Scores as plain JSON data: the three numbers over all vertices first, then counts, then every row.

    A number that could not be computed is None. ``noise_normalized_*`` are in 0..100.
    """
    headline = {row.metric: row.value for row in scores.rows if _is_total(row)}
    return {
        "split": scores.split,
        "noise_normalized_mean": headline.get("noise_normalized_mean"),
        "noise_normalized_median": headline.get("noise_normalized_median"),
        "pearson_r_mean": headline.get("pearson_r_mean"),
        "n_vertices": scores.n_vertices,
        "n_images": dict(scores.n_images),
        "n_zero_ceiling": scores.n_zero_ceiling,
        "n_clipped": scores.n_clipped,
        "n_constant": scores.n_constant,
        "n_nonfinite": scores.n_nonfinite,
        "intervals": scores.intervals,
        "ceiling_source": scores.ceiling_source,
        "metric_versions": {row.metric: row.version for row in scores.rows},
        "notes": list(scores.notes),
        "rows": [asdict(row) for row in scores.rows],
    }


def scores_from_document(document: Mapping[str, Any]) -> Scores:
    """The inverse of `score_document`.

    Raises
    ------
    KeyError, TypeError : it is not such a document.
    """
    counts = ("n_vertices", "n_zero_ceiling", "n_clipped", "n_constant", "n_nonfinite")
    names = ("split", "ceiling_source", "n_images", "intervals", *counts)
    return Scores(
        rows=tuple(ScoreRow(**row) for row in document["rows"]),
        notes=tuple(document["notes"]),
        **{name: document[name] for name in names},
    )


def _is_total(row: ScoreRow) -> bool:
    return row.subject == row.hemisphere == row.roi_class == ALL
