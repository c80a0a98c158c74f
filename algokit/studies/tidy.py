"""The results of a study as tidy rows: one per fit, hemisphere, ROI and metric, with all that makes it a score."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from algokit.challenge import Challenge
from algokit.recipe.study_plan import Curve
from algokit.scoring.aggregate import Place, place_rows, vertex_values
from algokit.scoring.hemisphere import ALL, metrics
from algokit.types import Ceilings, Hemisphere, Ints, Split, VertexScores


@dataclass(frozen=True)
class StudyRow:
    """The mean score of the vertices of one ROI of one hemisphere, of one fit.

    Attributes
    ----------
    point : series and number of images: ``resnet50/n1000``. Fits of one point differ in subject and draw.
    layer, depth, grid : None where the series has several.
    flops : of the network's passes over the images that were fitted on; a multiply-add is two.
    metric, version, value : as in `algokit.types.ScoreRow`, but every value is a fraction, none a percentage.
    ceiling : mean noise ceiling of the row's vertices, in r2 units; None where not known.
    n_scored : images that were scored.
    """

    study: str
    point: str
    series: str
    member: str
    layer: str | None
    depth: float | None
    grid: int | None
    n_parameters: int
    n_images: int
    flops: float
    draw: int
    subject: str
    hemisphere: str
    roi_class: str
    roi: str
    metric: str
    version: int
    value: float
    ceiling: float | None
    n_vertices: int
    n_zero_ceiling: int
    split: str
    n_scored: int


COLUMNS = tuple(field.name for field in fields(StudyRow))


def rows_csv(rows: Iterable[StudyRow]) -> str:
    """Rows as CSV, numbers to their last digit; empty where there is none."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(["" if value is None else value for value in asdict(row).values()])
    return stream.getvalue()


@dataclass(frozen=True)
class Measured:
    """What one hemisphere of one subject is scored with."""

    ceilings: Ceilings | None
    rois: Mapping[tuple[str, str], Ints]
    split: Split
    n_scored: int


def measured(
    challenge: Challenge, subject: str, hemisphere: Hemisphere, roi_class: str, split: Split, image_ids: Ints
) -> Measured:
    """The ceilings of the images that are scored, and the vertices of every ROI of one class and of all."""
    n_vertices = challenge.geometry(subject).n_vertices[hemisphere]
    rois: dict[tuple[str, str], Ints] = {(ALL, ALL): np.arange(n_vertices)}
    for mask in challenge.roi_masks(subject, hemisphere):
        if mask.roi_class == roi_class:
            rois |= {(roi_class, name): np.flatnonzero(mask.labels == label) for label, name in mask.names.items()}
    ids = image_ids if split == "val" else None
    return Measured(challenge.ceilings(subject, hemisphere, split, ids), rois, split, len(image_ids))


def curve_rows(
    study: str, curve: Curve, draw: int, arrays: Mapping[str, Any], hemispheres: Mapping[Hemisphere, Measured]
) -> Iterator[StudyRow]:
    """The rows of one draw of a curve; an ROI without vertices has none."""
    for index, size in enumerate(curve.sizes):
        for hemisphere, place in hemispheres.items():
            scored = _vertices(curve, index, arrays, hemisphere, place)
            yield from _rows(study, curve, draw, size, scored)


def _vertices(
    curve: Curve, index: int, arrays: Mapping[str, Any], hemisphere: Hemisphere, place: Measured
) -> VertexScores:
    pearson_r = np.asarray(arrays[f"{hemisphere}_pearson_r"][index])
    ceiling = place.ceilings.values if place.ceilings else None
    return VertexScores(
        subject=curve.subject,
        hemisphere=hemisphere,
        split=place.split,
        n_images=place.n_scored,
        pearson_r=pearson_r,
        ceiling=ceiling,
        normalized=None if ceiling is None else metrics()["noise_normalized"].of_r(pearson_r, ceiling),
        constant=np.asarray(arrays[f"{hemisphere}_constant"][index]),
        nonfinite=np.asarray(arrays[f"{hemisphere}_nonfinite"][index]),
        rois=place.rois,
    )


def _rows(study: str, curve: Curve, draw: int, size: int, scored: VertexScores) -> Iterator[StudyRow]:
    series, values = curve.series, vertex_values([scored])
    for (roi_class, roi), vertices in scored.rois.items():
        if not vertices.size:
            continue
        place = Place(scored.subject, scored.hemisphere, roi_class, roi, ((scored, vertices),))
        ceilings = {metric.name: _ceiling(place.counted(metric)) for metric in metrics().values()}
        for row in place_rows(place, values):
            name = row.metric.removesuffix("_mean")
            if name == row.metric:  # a median: means alone can be pooled from rows
                continue
            yield StudyRow(
                study=study,
                point=f"{series.name}/n{size}",
                series=series.name,
                member=series.member,
                layer=series.layer,
                depth=series.depth,
                grid=series.grid,
                n_parameters=series.n_parameters,
                n_images=size,
                flops=series.flops_per_image * size,
                draw=draw,
                subject=scored.subject,
                hemisphere=scored.hemisphere,
                roi_class=roi_class,
                roi=roi,
                metric=name,
                version=row.version,
                value=row.value / metrics()[name].scale,
                ceiling=ceilings[name],
                n_vertices=row.n_vertices,
                n_zero_ceiling=row.n_zero_ceiling,
                split=scored.split,
                n_scored=scored.n_images,
            )


def _ceiling(parts: Sequence[tuple[VertexScores, Ints]]) -> float | None:
    known = [one.ceiling[vertices] for one, vertices in parts if one.ceiling is not None]
    return float(np.concatenate(known).mean()) if known else None
