"""Scores as JSON data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from algokit.scoring.hemisphere import ALL
from algokit.types import ScoreRow, Scores

_HEADLINE = (
    "noise_normalized_mean",
    "noise_normalized_median",
    "scientific_noise_normalized_mean",
    "scientific_noise_normalized_median",
    "r2_mean",
    "r2_median",
    "pearson_r_mean",
    "pearson_r_median",
)
_FIELDS = tuple(field.name for field in fields(ScoreRow))


def score_document(scores: Scores) -> dict[str, Any]:
    """Scores as plain JSON data: the numbers over all vertices first, then counts, then every row.

    A headline number that could not be computed is None; in a row, an interval that was not computed is absent. All
    four ``noise_normalized`` are in 0..100.
    """
    headline = {row.metric: row.value for row in scores.rows if _is_total(row)}
    return {
        "split": scores.split,
        **{name: headline.get(name) for name in _HEADLINE},
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
        "rows": [_row_document(row) for row in scores.rows],
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


def _row_document(row: ScoreRow) -> dict[str, Any]:
    return {name: value for name in _FIELDS if (value := getattr(row, name)) is not None}


def _is_total(row: ScoreRow) -> bool:
    return row.subject == row.hemisphere == row.roi_class == ALL
