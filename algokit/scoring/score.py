"""The verdict: hemispheres, pooled and apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from algokit.scoring.aggregate import place_rows, places, vertex_values
from algokit.scoring.hemisphere import ALL, ScoredHemisphere
from algokit.scoring.intervals import MIN_IMAGES, Intervals, in_threads
from algokit.scoring.taking import Taken, take
from algokit.types import Progress, ProgressCallback, ScoreRow, Scores, no_progress


def score(
    items: Iterable[ScoredHemisphere],
    *,
    intervals: Intervals | None = None,
    progress: ProgressCallback = no_progress,
) -> Scores:
    """Score hemispheres, pooled and apart. Items are taken one at a time and not kept, so pass a generator.

    The pooled mean of ``noise_normalized`` over all vertices is the challenge score. Rows cover every subject,
    hemisphere, ROI class and ROI and the pools over them; an empty ROI has no row. Noise-normalized rows are given
    where every vertex of the row has a ceiling; ``scientific_noise_normalized`` ones leave out the vertices whose
    ceiling is exactly 0, and are absent where none remains.

    Parameters
    ----------
    intervals : resample images for the intervals of every row; much slower. None for none.
    progress : told about every hemisphere and place, where intervals are asked for.

    Raises
    ------
    UsageError : hemispheres of several splits, or one twice, or none.
    """
    taken = take(items, intervals, progress, "resample images")
    rows = tuple(_rows(taken, progress))
    total = next(row for row in rows if row.subject == row.hemisphere == row.roi_class == ALL)
    return Scores(
        split=taken.scored[0].split,
        rows=rows,
        ceiling_source=taken.ceiling_source,
        n_vertices=total.n_vertices,
        n_images={one.subject: one.n_images for one in taken.scored},
        n_zero_ceiling=total.n_zero_ceiling,
        n_clipped=total.n_clipped,
        n_constant=total.n_constant,
        n_nonfinite=total.n_nonfinite,
        notes=tuple(_notes(taken, total, asked=intervals is not None)),
        intervals=taken.resampling.asked.words() if taken.resampling else "",
        vertices=taken.scored,
    )


def _rows(taken: Taken, progress: ProgressCallback) -> Iterator[ScoreRow]:
    values, everywhere = vertex_values(taken.scored), [*places(taken.scored)]
    if taken.resampling is None:
        for place in everywhere:
            yield from place_rows(place, values)
        return
    resampling = taken.resampling
    found = in_threads(lambda place: resampling.with_intervals(place, place_rows(place, values)), everywhere)
    for done, rows in enumerate(found, 1):
        yield from rows
        progress(Progress("intervals", done, len(everywhere), "places"))


def _notes(taken: Taken, total: ScoreRow, *, asked: bool) -> Iterator[str]:
    without = [f"{one.subject} {one.hemisphere}" for one in taken.scored if one.normalized is None]
    n_flat = total.n_constant + total.n_nonfinite
    if without:
        whose = "" if len(without) == len(taken.scored) else f" for {', '.join(without)}"
        yield f"no noise ceilings{whose}: raw correlations only"
    if n_flat:
        yield f"{_vertices(n_flat)} with a constant or non-finite prediction: a score of 0"
    if n := total.n_zero_ceiling:
        yield f"{_vertices(n)} with a ceiling of exactly 0: 100 for any positive correlation (the official rule)"
    if asked and taken.too_few:
        yield f"no intervals: fewer than {MIN_IMAGES} images of {', '.join(taken.too_few)}"


def _vertices(n: int) -> str:
    return f"{n} {'vertex' if n == 1 else 'vertices'}"
