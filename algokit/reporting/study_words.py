"""What pictures of studies call the columns of our own tables; columns of other people's keep their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from algokit.recipe.study_schema import Predictor, StudyRecipe
from algokit.studies.selection import Selecting
from algokit.studies.table import ScoreTable, kept_rows
from algokit.studies.tidy import COLUMNS


@dataclass(frozen=True)
class Words:
    """What one column is called: ``short`` in titles, ``axis`` along an axis, with its unit where it has one."""

    short: str
    axis: str


@dataclass(frozen=True)
class LawWords:
    """What a law is of: its predictors in order, the score, and the compute that an allocation is of."""

    predictors: tuple[Words, ...]
    score: Words
    compute: Words


PREDICTOR_WORDS: dict[Predictor, Words] = {
    "n_images": Words("images", "training images"),
    "n_parameters": Words("parameters", "parameters"),
    "flops": Words("compute", "FLOP of the passes over the images"),
    "depth": Words("depth", "depth (share of the layers)"),
    "grid": Words("grids", "cells along a side of the pooling grid"),
}
METRIC_WORDS = {
    "noise_normalized": Words("noise-normalized r²", "noise-normalized r² (fraction)"),
    "scientific_noise_normalized": Words("noise-normalized r²", "noise-normalized r² (fraction)"),
    "r2": Words("r²", "r² (fraction)"),
    "pearson_r": Words("Pearson r", "Pearson r"),
}
_CEILING = Words("noise ceiling", "noise ceiling (r², fraction)")


def words_of_study(study: StudyRecipe) -> LawWords:
    """Those of a study's own law; compute is that of the passes over the images."""
    predictors = tuple(PREDICTOR_WORDS[name] for name in study.predictors)
    return LawWords(predictors, METRIC_WORDS[study.scores.metric], PREDICTOR_WORDS["flops"])


def words_of_table(table: ScoreTable, asked: Selecting) -> LawWords:
    """Those of columns of any table: ours is one with all columns of results.csv.

    A column of the same name in another table may be another quantity: FLOPs of training, a depth in layers.
    """
    is_ours = set(COLUMNS) <= set(table.columns)
    known: dict[str, Words] = {str(name): words for name, words in PREDICTOR_WORDS.items()} if is_ours else {}
    score = _score_words(table, asked) if is_ours else None
    compute = asked.extra[0] if asked.extra else "compute"
    return LawWords(
        predictors=tuple(known.get(name, Words(name, name)) for name in asked.x),
        score=score or Words(asked.y, f"{asked.y} (fraction)"),
        compute=known.get(compute, Words(compute, compute)),
    )


def _score_words(table: ScoreTable, asked: Selecting) -> Words | None:
    """Of a score column of our table; None of ``value`` where the rows are of several metrics."""
    if asked.y == "ceiling":
        return _CEILING
    metrics = _metrics(table, asked) if asked.y == "value" else ()
    return METRIC_WORDS.get(metrics[0]) if len(metrics) == 1 else None


def _metrics(table: ScoreTable, asked: Selecting) -> Sequence[str]:
    kept = kept_rows(table, asked.filters)
    cells = table.column("metric", "--where")
    return sorted({cell for cell, is_kept in zip(cells, kept, strict=True) if is_kept})
