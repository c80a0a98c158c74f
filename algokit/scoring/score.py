"""The verdict: hemispheres, pooled and apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from algokit.errors import UsageError
from algokit.scoring.aggregate import score_rows
from algokit.scoring.hemisphere import ALL, ScoredHemisphere, vertex_scores
from algokit.types import Finding, ScoreRow, Scores, VertexScores


def score(items: Iterable[ScoredHemisphere]) -> Scores:
    """Score hemispheres, pooled and apart. Items are taken one at a time and not kept, so pass a generator.

    The pooled mean of ``noise_normalized`` over all vertices is the challenge score. Rows cover every subject,
    hemisphere, ROI class and ROI and the pools over them; an empty ROI has no row. Noise-normalized rows are given
    where every vertex of the row has a ceiling.

    Raises
    ------
    UsageError : hemispheres of several splits, or one twice, or none.
    """
    scored, sources = [], []
    for item in items:
        scored.append(vertex_scores(item))
        sources += [item.ceilings.source] if item.ceilings else []
    places = [(one.subject, one.hemisphere) for one in scored]
    splits = {one.split for one in scored}
    if len(splits) != 1 or len(set(places)) < len(places):
        finding = Finding("hemispheres of one split, each once, are needed", found=f"{places} of {sorted(splits)}")
        raise UsageError("these cannot be scored together", [finding])
    rows = tuple(score_rows(scored))
    total = next(row for row in rows if row.subject == row.hemisphere == row.roi_class == ALL)
    return Scores(
        split=splits.pop(),
        rows=rows,
        ceiling_source="; ".join(dict.fromkeys(sources)),
        n_vertices=total.n_vertices,
        n_images={one.subject: one.n_images for one in scored},
        n_zero_ceiling=total.n_zero_ceiling,
        n_clipped=total.n_clipped,
        n_constant=total.n_constant,
        n_nonfinite=total.n_nonfinite,
        notes=tuple(_notes(scored, total)),
        vertices=tuple(scored),
    )


def _notes(scored: Sequence[VertexScores], total: ScoreRow) -> Iterator[str]:
    without = [f"{one.subject} {one.hemisphere}" for one in scored if one.normalized is None]
    n_flat = total.n_constant + total.n_nonfinite
    if without:
        whose = "" if len(without) == len(scored) else f" for {', '.join(without)}"
        yield f"no noise ceilings{whose}: raw correlations only"
    if n_flat:
        yield f"{_vertices(n_flat)} with a constant or non-finite prediction: a score of 0"
    if n := total.n_zero_ceiling:
        yield f"{_vertices(n)} with a ceiling of exactly 0: 100 for any positive correlation (the official rule)"


def _vertices(n: int) -> str:
    return f"{n} {'vertex' if n == 1 else 'vertices'}"
