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
from algokit.types import HEMISPHERES, Ceilings, Predictions, Responses, Scores

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


def test_scoring_reproduces_the_challenge_score_and_its_counts(scores: Scores) -> None:
    assert scores.n_vertices == 315_997
    assert scores.n_zero_ceiling == 1997
    assert f"{scores.n_clipped / scores.n_vertices:.6f}" == "0.019098"
    assert value(scores, "noise_normalized_mean") == "40.5110"
    assert value(scores, "noise_normalized_median") == "40.4058"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_scoring_reproduces_every_subject_and_hemisphere(scores: Scores, kit: Kit, subject: str) -> None:
    mean, median, left, right, zero_left, zero_right = PUBLISHED[subject]
    assert value(scores, "noise_normalized_mean", subject) == f"{mean:.4f}"
    assert value(scores, "noise_normalized_median", subject) == f"{median:.4f}"
    assert value(scores, "noise_normalized_mean", subject, "lh") == f"{left:.4f}"
    assert value(scores, "noise_normalized_mean", subject, "rh") == f"{right:.4f}"
    zeros = [np.count_nonzero(kit[f"{subject}_{hemisphere}_noise_ceiling"] == 0) for hemisphere in HEMISPHERES]
    assert zeros == [zero_left, zero_right]
