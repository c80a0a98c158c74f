"""The organisers' baseline from real per-vertex numbers, to all printed digits.

Published totals: the reference kit's own table, computed from the files of aconsonni19/NeuDo-Project with the
organisers' rule; stated there to the digits used here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from algokit.metrics.noise_normalized_metric import normalize
from algokit.scoring import ScoredHemisphere, score
from algokit.scoring.aggregate import place_rows, places, vertex_values
from algokit.types import (
    HEMISPHERES,
    Ceilings,
    Hemisphere,
    Predictions,
    Responses,
    ScoreRow,
    Scores,
    VertexScores,
)

pytestmark = pytest.mark.reference
SUBJECTS = [f"subj{number:02d}" for number in range(1, 9)]
# mean, median, LH mean, RH mean, zero ceilings LH, RH
PUBLISHED = {
    "subj01": (40.6967, 41.2460, 41.5134, 39.9413, 12, 29),
    "subj02": (41.3932, 42.1918, 41.5233, 41.2729, 29, 70),
    "subj03": (46.3700, 46.6635, 46.5247, 46.2268, 89, 133),
    "subj04": (41.5873, 41.7570, 38.7885, 44.1764, 106, 394),
    "subj05": (36.8417, 36.7144, 36.8675, 36.8178, 3, 62),
    "subj06": (42.2436, 41.4752, 40.4942, 43.8856, 111, 22),
    "subj07": (31.4240, 30.4870, 31.3109, 31.5286, 30, 14),
    "subj08": (43.5496, 42.0474, 42.5871, 44.4395, 397, 496),
}
Kit = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def kit(reference: Path) -> Kit:
    with np.load(reference / "nsd" / "ceilings.npz") as archive:
        return {name: archive[name] for name in archive.files if "ncsnr" not in name}


@pytest.fixture(scope="module")
def percent(kit: Kit) -> dict[str, NDArray[np.float64]]:
    """``subj01_lh`` -> (n_vertices,) score of the baseline."""
    places = [f"{subject}_{hemisphere}" for subject in SUBJECTS for hemisphere in HEMISPHERES]
    return {place: 100 * normalize(kit[f"{place}_baseline_r2"], kit[f"{place}_noise_ceiling"]) for place in places}


@pytest.fixture(scope="module")
def scores(kit: Kit) -> Scores:
    """The same through the whole scoring: responses and predictions made so that they correlate as the baseline did."""
    return score(baseline(kit))


def baseline(kit: Kit) -> Iterator[ScoredHemisphere]:
    truth = np.array([1.0, -1.0, 1.0, -1.0])
    noise = np.array([1.0, 1.0, -1.0, -1.0])  # orthogonal to the truth, of the same norm
    ids = np.arange(4)
    for subject in SUBJECTS:
        for hemisphere in HEMISPHERES:
            r = np.sqrt(kit[f"{subject}_{hemisphere}_baseline_r2"].astype(np.float64))
            r[r == 0] = -0.5  # the file has no negative r; any of them counts as 0
            values = truth[:, None] * r + noise[:, None] * np.sqrt(1 - r**2)
            ceiling = kit[f"{subject}_{hemisphere}_noise_ceiling"].astype(np.float64)
            yield ScoredHemisphere(
                Predictions(values, ids, subject, hemisphere, "test"),  # type: ignore[arg-type]
                Responses(np.repeat(truth[:, None], r.size, 1), ids, subject, hemisphere, "test"),  # type: ignore[arg-type]
                Ceilings(ceiling, subject, hemisphere, "test", "reference kit"),
                (),
            )


def test_normalizing_reproduces_the_baseline_score(percent: dict[str, NDArray[np.float64]]) -> None:
    everything = np.concatenate(list(percent.values()))
    assert everything.size == 315_997
    assert f"{everything.mean():.5f}" == "40.51100"
    assert f"{np.median(everything):.5f}" == "40.40580"
    assert f"{np.mean(everything == 100):.6f}" == "0.019098"


def test_zero_ceilings_weigh_as_documented(kit: Kit, percent: dict[str, NDArray[np.float64]]) -> None:
    everything = np.concatenate(list(percent.values()))
    zero = np.concatenate([kit[f"{place}_noise_ceiling"] for place in percent]) == 0
    assert np.count_nonzero(zero) == 1997
    assert f"{everything[zero].mean():.4f}" == "74.2614"
    assert f"{everything[~zero].mean():.5f}" == "40.29635"


def test_means_of_means_are_not_the_challenge_score(percent: dict[str, NDArray[np.float64]]) -> None:
    subjects = [np.concatenate([percent[f"{one}_lh"], percent[f"{one}_rh"]]).mean() for one in SUBJECTS]
    assert f"{np.mean(subjects):.5f}" == "40.51327"
    assert f"{np.mean([values.mean() for values in percent.values()]):.5f}" == "40.49366"


def value(scores: Scores, metric: str, subject: str = "all", hemisphere: str = "all") -> str:
    rows = [row for row in scores.rows if (row.metric, row.subject, row.hemisphere) == (metric, subject, hemisphere)]
    assert len(rows) == 1
    return f"{rows[0].value:.4f}"


@pytest.fixture(scope="module")
def rows(kit: Kit) -> dict[tuple[str, str, str], ScoreRow]:
    """The aggregates of the baseline's own numbers, without the detour through made-up responses."""
    vertices = [stored(kit, subject, hemisphere) for subject in SUBJECTS for hemisphere in HEMISPHERES]
    values = vertex_values(vertices)
    found = [row for place in places(vertices) for row in place_rows(place, values)]
    return {(row.subject, row.hemisphere, row.metric): row for row in found}


def stored(kit: Kit, subject: str, hemisphere: Hemisphere) -> VertexScores:
    r2 = kit[f"{subject}_{hemisphere}_baseline_r2"].astype(np.float64)
    ceiling = kit[f"{subject}_{hemisphere}_noise_ceiling"].astype(np.float64)
    none = np.zeros(r2.size, dtype=bool)
    return VertexScores(
        subject=subject,
        hemisphere=hemisphere,
        split="test",
        n_images=159,
        pearson_r=np.sqrt(r2),
        ceiling=ceiling,
        normalized=normalize(r2, ceiling),
        constant=none,
        nonfinite=none,
        rois={("all", "all"): np.arange(r2.size)},
    )


def test_aggregates_of_the_stored_numbers_are_the_published_ones(
    rows: dict[tuple[str, str, str], ScoreRow], percent: dict[str, NDArray[np.float64]], kit: Kit
) -> None:
    official, scientific = (rows["all", "all", f"{name}noise_normalized_mean"] for name in ("", "scientific_"))
    assert f"{official.value:.5f}" == "40.51100"
    assert f"{rows['all', 'all', 'noise_normalized_median'].value:.5f}" == "40.40580"
    assert f"{scientific.value:.5f}" == "40.29635"
    assert (official.n_vertices, scientific.n_vertices) == (315_997, 315_997 - 1997)
    assert (official.n_zero_ceiling, scientific.n_zero_ceiling) == (1997, 0)
    assert f"{official.n_clipped / official.n_vertices:.6f}" == "0.019098"
    # what is left out is what the zero-ceiling vertices score: 74.2614 on average
    left_out = official.value * official.n_vertices - scientific.value * scientific.n_vertices
    assert f"{left_out / 1997:.4f}" == "74.2614"
    kept = np.concatenate([values[kit[f"{place}_noise_ceiling"] != 0] for place, values in percent.items()])
    median = rows["all", "all", "scientific_noise_normalized_median"].value
    assert median == pytest.approx(np.median(kept), abs=1e-9)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_stored_numbers_give_every_subject_and_hemisphere(
    rows: dict[tuple[str, str, str], ScoreRow], subject: str
) -> None:
    mean, median, left, right, *zeros = PUBLISHED[subject]
    found = [rows[subject, hemisphere, "noise_normalized_mean"] for hemisphere in ("all", *HEMISPHERES)]
    assert [f"{row.value:.4f}" for row in found] == [f"{value:.4f}" for value in (mean, left, right)]
    assert f"{rows[subject, 'all', 'noise_normalized_median'].value:.4f}" == f"{median:.4f}"
    assert [row.n_zero_ceiling for row in found] == [sum(zeros), *zeros]


def test_scoring_reproduces_the_challenge_score_and_its_counts(scores: Scores) -> None:
    assert scores.n_vertices == 315_997
    assert scores.n_zero_ceiling == 1997
    assert f"{scores.n_clipped / scores.n_vertices:.6f}" == "0.019098"
    assert value(scores, "noise_normalized_mean") == "40.5110"
    assert value(scores, "noise_normalized_median") == "40.4058"
    scientific = next(row for row in scores.rows if row.metric == "scientific_noise_normalized_mean")
    assert f"{scientific.value:.5f}" == "40.29635"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_scoring_reproduces_every_subject_and_hemisphere(scores: Scores, kit: Kit, subject: str) -> None:
    mean, median, left, right, zero_left, zero_right = PUBLISHED[subject]
    assert value(scores, "noise_normalized_mean", subject) == f"{mean:.4f}"
    assert value(scores, "noise_normalized_median", subject) == f"{median:.4f}"
    assert value(scores, "noise_normalized_mean", subject, "lh") == f"{left:.4f}"
    assert value(scores, "noise_normalized_mean", subject, "rh") == f"{right:.4f}"
    zeros = [np.count_nonzero(kit[f"{subject}_{hemisphere}_noise_ceiling"] == 0) for hemisphere in HEMISPHERES]
    assert zeros == [zero_left, zero_right]
