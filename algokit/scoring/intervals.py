"""How far would a score move with other images, and what does chance score? Resampling of images, seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from algokit.errors import UsageError
from algokit.metrics import Metric
from algokit.scoring.aggregate import STATISTICS, Place
from algokit.scoring.hemisphere import ScoredHemisphere, metrics
from algokit.scoring.resampling import bootstrap, each_left_out, shuffles
from algokit.scoring.samples import Samples, draw_samples, means, medians, subject_shares
from algokit.types import Finding, ScoreRow, VertexScores

T = TypeVar("T")
R = TypeVar("R")
CONFIDENCE = 0.95
MIN_IMAGES = 3  # any two different images correlate perfectly
ROUNDING = 1e-5  # draws are computed in float32, or kept in 65535 steps: closer than this is equal
_MOST_THREADS = 4  # each holds a few copies of what it sorts


@dataclass(frozen=True)
class Intervals:
    """What is asked of resampling; the same request on the same data gives the same numbers, bit for bit.

    **Interval.** The images of each subject are drawn again with replacement, as many as there were, apart from all
    other subjects' and alike for both hemispheres; every score is computed over every such resample. Its ``low`` and
    ``high`` are the score plus the 2.5 and 97.5 percentiles of how the resampled scores scatter **about their own
    mean**: how far the score would move with other images of the same number. The resampled scores themselves lie
    higher than the score, because a squared correlation grows with every chance agreement and a resample, which holds
    images twice, has more of these; their plain percentiles can miss the score altogether. Vertices and subjects are
    not drawn: the interval speaks of these brains.

    **Chance.** The predictions of each subject are dealt to its images anew, no image twice, alike for both
    hemispheres: ``chance_low`` and ``chance_high`` hold 95 % of what such predictions score, and ``p_value`` is the
    share, (1 + as many as score no less) / (1 + all), that reaches the score.

    Attributes
    ----------
    n_resamples : bootstrap resamples of the images of each subject; 0 for no intervals.
    n_permutations : shuffles of the images of each subject's predictions, for chance; 0 for none.
    n_median_resamples : how many of the resamples, and at most of the shuffles, the medians are taken on.
    seed : 0 or more.

    Raises
    ------
    UsageError : a number is negative.
    """

    n_resamples: int = 1000
    n_permutations: int = 200
    n_median_resamples: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        negative = [name for name in self.__dataclass_fields__ if getattr(self, name) < 0]
        if negative:
            findings = [Finding("a negative number", "", name, found=str(getattr(self, name))) for name in negative]
            raise UsageError("no such resampling", findings)

    def words(self) -> str:
        """What was done, for the card."""
        kept = min(self.n_median_resamples, self.n_resamples)
        parts = [
            f"{100 * CONFIDENCE:.0f} % over images: {self.n_resamples} bootstrap resamples (medians: {kept}), "
            "centred on the score, those of means no narrower than the jackknife's",
            f"chance: {self.n_permutations} shuffles",
            f"seed {self.seed}",
        ]
        wanted = (self.n_resamples, self.n_permutations, self.n_resamples or self.n_permutations)
        return "; ".join(part for part, n in zip(parts, wanted, strict=True) if n)


@dataclass
class Resampling:
    """The draws of every hemisphere seen so far, and what they say about a place's rows."""

    asked: Intervals
    resampled: dict[tuple[str, str], Samples] = field(default_factory=dict)
    left_out: dict[tuple[str, str], Samples] = field(default_factory=dict)
    shuffled: dict[tuple[str, str], Samples] = field(default_factory=dict)

    def add(self, item: ScoredHemisphere, one: VertexScores) -> None:
        """Draw the images of one hemisphere; its arrays are not kept."""
        asked, place = self.asked, (one.subject, one.hemisphere)
        images, n_kept = (one.subject, item.predictions.image_ids), asked.n_median_resamples
        if asked.n_resamples:
            draw = bootstrap(*images, asked.n_resamples, asked.seed)
            self.resampled[place] = draw_samples(item, one, draw, asked.n_resamples, n_kept)
            self.left_out[place] = draw_samples(item, one, each_left_out(images[1]), one.n_images, 0)
        if asked.n_permutations:
            draw = shuffles(*images, asked.n_permutations, asked.seed)
            self.shuffled[place] = draw_samples(item, one, draw, asked.n_permutations, n_kept)

    def with_intervals(self, place: Place, rows: Iterable[ScoreRow]) -> list[ScoreRow]:
        """The rows of a place with their intervals and chance."""
        scales = {f"{one.name}_{name}": one for one in metrics().values() for name in STATISTICS}
        resampled = distributions(place, self.resampled) if self.resampled else {}
        left_out = leave_one_out(place, self.left_out)
        shuffled = distributions(place, self.shuffled) if self.shuffled else {}
        complete = []
        for row in rows:
            found: dict[str, Any] = {}
            if row.metric in resampled:
                draws = widened(resampled[row.metric], left_out.get(row.metric, {}))
                found |= _interval(row.value, draws, scales[row.metric])
            if row.metric in shuffled:
                found |= _chance(row.value, shuffled[row.metric], scales[row.metric])
            complete.append(replace(row, **found))
        return complete


def in_threads(work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
    """Results in the order of the tasks: medians are sorting, which NumPy does without holding the interpreter."""
    with ThreadPoolExecutor(max_workers=_MOST_THREADS) as pool:
        yield from pool.map(work, tasks)


def distributions(place: Place, samples: dict[tuple[str, str], Samples]) -> dict[str, NDArray[np.float64]]:
    """Row metric (``r2_mean``) -> the scores of a place over the draws, in the unit of its rows; none of no draws."""
    found, middle = {}, medians(place, samples)
    for metric in (one for one in metrics().values() if one.name in middle):
        found[f"{metric.name}_mean"] = metric.scale * means(place, metric, samples)
        found[f"{metric.name}_median"] = metric.scale * middle[metric.name]
    return {name: draws for name, draws in found.items() if draws.size}


def leave_one_out(place: Place, samples: dict[tuple[str, str], Samples]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Row metric of every mean -> subject -> its share of the score without each of its images, in the row's unit."""
    found: dict[str, dict[str, NDArray[np.float64]]] = {}
    for metric in metrics().values() if samples else ():
        if place.counted(metric):
            shares = subject_shares(place, metric, samples)
            found[f"{metric.name}_mean"] = {subject: metric.scale * share for subject, share in shares.items()}
    return found


def widened(draws: NDArray[np.float64], left_out: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Draws that scatter about their mean no less than the jackknife says.

    Parameters
    ----------
    left_out : subject -> (n_images,) what it adds to the score without each of its images; nothing widens nothing.
    """
    variance = sum((len(one) - 1) * float(one.var()) for one in left_out.values())
    middle, scatter = draws.mean(), float(draws.std())
    if scatter == 0 or variance**0.5 <= scatter:
        return draws
    wide: NDArray[np.float64] = middle + (variance**0.5 / scatter) * (draws - middle)
    return wide


def spread(draws: NDArray[np.float64]) -> tuple[float, float]:
    """How far below and above their mean 95 % of the draws lie: (<= 0, >= 0); exactly mirrored by negated draws."""
    centred, tail = draws - draws.mean(), (1 - CONFIDENCE) / 2
    return float(np.quantile(centred, tail)), -float(np.quantile(-centred, tail))


def _interval(value: float, draws: NDArray[np.float64], metric: Metric) -> dict[str, Any]:
    below, above = spread(draws)
    return {"low": max(value + below, metric.scale * metric.lowest), "high": min(value + above, metric.scale)}


def _chance(value: float, draws: NDArray[np.float64], metric: Metric) -> dict[str, Any]:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    n_as_good = int(np.count_nonzero(draws >= value - ROUNDING * metric.scale))
    return {"chance_low": float(low), "chance_high": float(high), "p_value": (1 + n_as_good) / (1 + len(draws))}
