"""Scores of a submission: pooled and apart, against the rule written out vertex by vertex."""

from __future__ import annotations

import json
import statistics
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr
from small_items import ALL, ITEMS, NAMES, PLACES, SIZES, item

from algokit.challenge.submission import write_predictions
from algokit.errors import DataError, SubmissionError, UsageError
from algokit.scoring import ScoredHemisphere, score, score_document, score_submission, scores_from_document
from algokit.types import Ceilings, Hemisphere, Responses, Scores, SubjectGeometry


@pytest.fixture(scope="module")
def scores() -> Scores:
    return score(ITEMS.values())


def expected(subject: str, hemisphere: str, roi: str) -> Mapping[str, float]:
    """Every aggregate of one place, from a loop over its vertices."""
    raw, percent, scientific = [], [], []
    for (one, side), parts in ITEMS.items():
        if subject not in (ALL, one) or hemisphere not in (ALL, side):
            continue
        assert parts.ceilings
        for vertex, label in enumerate(parts.roi_masks[0].labels):
            if roi not in (ALL, NAMES.get(int(label))) and not (roi == "any" and label):
                continue
            r = pearsonr(parts.responses.values[:, vertex], parts.predictions.values[:, vertex]).statistic
            raw.append(r)
            percent.append(min(100 * max(r, 0) ** 2 / (parts.ceilings.values[vertex] or 1e-14), 100))
            scientific += [percent[-1]] if parts.ceilings.values[vertex] else []
    values = {
        "noise_normalized": percent,
        "scientific_noise_normalized": scientific,
        "r2": [max(r, 0) ** 2 for r in raw],
        "pearson_r": raw,
    }
    means = {f"{metric}_mean": float(np.mean(each)) for metric, each in values.items() if each}
    medians = {f"{metric}_median": statistics.median(each) for metric, each in values.items() if each}
    sizes = {"n_vertices": len(raw), "n_scientific": len(scientific), "n_clipped": percent.count(100)}
    return {**means, **medians, **sizes} if raw else {}


def found(scores: Scores, *place: str) -> dict[str, float]:
    rows = [row for row in scores.rows if (row.subject, row.hemisphere, row.roi_class, row.roi) == place]
    whole = [row for row in rows if not row.metric.startswith("scientific")]
    scientific = {row.n_vertices for row in rows} - {whole[0].n_vertices} if rows else set()
    assert len({row.n_vertices for row in whole}) <= 1 and len(scientific) <= 1
    sizes = (
        {
            "n_vertices": whole[0].n_vertices,
            "n_scientific": max(scientific, default=whole[0].n_vertices),
            "n_clipped": whole[0].n_clipped,
        }
        if rows
        else {}
    )
    return {**{row.metric: row.value for row in rows}, **sizes}


@pytest.mark.parametrize("roi", [ALL, "any", "V1v", "V1d", "V2v"])
@pytest.mark.parametrize("hemisphere", [ALL, "lh", "rh"])
@pytest.mark.parametrize("subject", [ALL, "subj01", "subj06"])
def test_every_row_pools_its_own_vertices(scores: Scores, subject: str, hemisphere: str, roi: str) -> None:
    place = (ALL, ALL) if roi == ALL else ("prf-visualrois", ALL if roi == "any" else roi)
    assert found(scores, subject, hemisphere, *place) == pytest.approx(expected(subject, hemisphere, roi), rel=1e-5)


def test_an_empty_roi_has_no_row(scores: Scores) -> None:
    assert found(scores, "subj01", ALL, "prf-visualrois", "V2v") == {}
    assert found(scores, ALL, ALL, "streams", "early") == {}


def test_rois_stand_in_the_order_of_their_labels(scores: Scores) -> None:
    rois = [row.roi for row in scores.rows if (row.subject, row.hemisphere, row.metric) == (ALL, ALL, "pearson_r_mean")]
    assert rois == [ALL, ALL, "V1v", "V1d", "V2v"]


def test_the_order_of_hemispheres_does_not_matter(scores: Scores) -> None:
    other = score(ITEMS[place] for place in reversed(PLACES))
    assert {row.metric: row.value for row in other.rows[:3]} == pytest.approx(
        {row.metric: row.value for row in scores.rows[:3]}, rel=1e-12
    )


def test_counts_stand_beside_the_scores(scores: Scores) -> None:
    assert scores.n_vertices == 115
    assert scores.n_images == {"subj01": 12, "subj06": 15}
    assert scores.n_zero_ceiling == 8
    assert scores.n_constant == 0
    assert scores.ceiling_source == "made up for subj01; made up for subj06"
    assert "8 vertices with a ceiling of exactly 0" in " ".join(scores.notes)


@pytest.mark.parametrize("bad", [3.0, np.nan, np.inf])
def test_flat_predictions_score_zero_and_are_counted(bad: float) -> None:
    parts = ITEMS["subj01", "lh"]
    values = parts.predictions.values.copy()
    values[:, 5:8] = bad
    flat = score([replace(parts, predictions=replace(parts.predictions, values=values))])
    assert (flat.n_constant, flat.n_nonfinite) == ((3, 0) if np.isfinite(bad) else (0, 3))
    assert "3 vertices with a constant or non-finite prediction: a score of 0" in flat.notes
    r = [pearsonr(parts.responses.values[:, v], values[:, v]).statistic for v in range(30) if v not in (5, 6, 7)]
    assert found(flat, ALL, ALL, ALL, ALL)["pearson_r_mean"] == pytest.approx(sum(r) / 30, rel=1e-5)


def test_a_perfect_prediction_is_at_the_cap_everywhere() -> None:
    parts = ITEMS["subj01", "lh"]
    perfect = replace(parts.predictions, values=parts.responses.values)
    scored = score([replace(parts, predictions=perfect)])
    assert found(scored, ALL, ALL, ALL, ALL)["noise_normalized_mean"] == 100
    assert scored.n_clipped == 30


def test_without_ceilings_there_are_raw_rows_and_a_note(scores: Scores) -> None:
    bare = score(replace(parts, ceilings=None) for parts in ITEMS.values())
    raw = {"r2_mean", "r2_median", "pearson_r_mean", "pearson_r_median"}
    assert {row.metric for row in bare.rows} == raw
    assert bare.notes == ("no noise ceilings: raw correlations only",)
    assert bare.ceiling_source == ""
    without = [replace(row, n_zero_ceiling=0, n_clipped=0) for row in scores.rows if row.metric in raw]
    assert without == list(bare.rows)


def test_a_pool_with_one_ceiling_missing_has_no_normalized_row() -> None:
    some = score([ITEMS["subj01", "lh"], replace(ITEMS["subj01", "rh"], ceilings=None)])
    assert not [name for name in found(some, "subj01", ALL, ALL, ALL) if "noise_normalized" in name]
    assert "noise_normalized_mean" in found(some, "subj01", "lh", ALL, ALL)
    assert "no noise ceilings for subj01 rh: raw correlations only" in some.notes


GOOD = ITEMS["subj01", "lh"]
assert GOOD.ceilings
MISFITS: dict[str, tuple[Callable[[], ScoredHemisphere], str]] = {
    "responses of another subject": (
        lambda: replace(GOOD, responses=replace(GOOD.responses, subject="subj02")),
        "the responses are of another subject, hemisphere or split",
    ),
    "responses of the other hemisphere": (
        lambda: replace(GOOD, responses=replace(GOOD.responses, hemisphere="rh")),
        "the responses are of another subject, hemisphere or split",
    ),
    "test ceilings for val predictions": (
        lambda: replace(item("subj01", "lh", "val"), ceilings=GOOD.ceilings),
        "the noise ceilings are of another subject, hemisphere or split",
    ),
    "images in another order": (
        lambda: replace(GOOD, responses=replace(GOOD.responses, image_ids=GOOD.responses.image_ids[::-1])),
        "predictions and responses are of other images, or in another order",
    ),
    "a vertex less": (
        lambda: replace(GOOD, responses=replace(GOOD.responses, values=GOOD.responses.values[:, 1:])),
        "predictions and responses differ in shape",
    ),
    "ceilings of other vertices": (
        lambda: replace(GOOD, ceilings=replace(GOOD.ceilings, values=np.ones(29))),
        "not one ceiling per vertex",
    ),
    "ceilings in percent": (
        lambda: replace(GOOD, ceilings=replace(GOOD.ceilings, values=np.full(30, 40.0))),
        "a noise ceiling that is no fraction",
    ),
    "masks of the other hemisphere": (
        lambda: replace(GOOD, roi_masks=ITEMS["subj01", "rh"].roi_masks[:1]),
        "an ROI mask of another hemisphere",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_parts_that_do_not_belong_together_are_refused(case: str) -> None:
    make, what = MISFITS[case]
    with pytest.raises(UsageError) as caught:
        make()
    assert [finding.what for finding in caught.value.findings] == [what]


@pytest.mark.parametrize("items", [[], [GOOD, GOOD], [GOOD, item("subj06", "lh", "val")]])
def test_nothing_twice_or_two_splits_cannot_be_scored(items: list[ScoredHemisphere]) -> None:
    with pytest.raises(UsageError, match="cannot be scored together"):
        score(items)


def test_the_document_is_plain_json_with_the_totals_first(scores: Scores) -> None:
    document = json.loads(json.dumps(score_document(scores), allow_nan=False))
    total = expected(ALL, ALL, ALL)
    for name in ("noise_normalized_mean", "noise_normalized_median", "pearson_r_mean", "n_vertices"):
        assert document[name] == pytest.approx(total[name], rel=1e-5)
    assert len(document["rows"]) == len(scores.rows)
    assert document["rows"][0] == {
        "subject": ALL,
        "hemisphere": ALL,
        "roi_class": ALL,
        "roi": ALL,
        "n_vertices": 115,
        "metric": "noise_normalized_mean",
        "version": 1,
        "value": pytest.approx(total["noise_normalized_mean"], rel=1e-5),
        "n_zero_ceiling": 8,
        "n_clipped": total["n_clipped"],
        "n_constant": 0,
        "n_nonfinite": 0,
    }


def test_scores_survive_their_document(scores: Scores) -> None:
    assert scores_from_document(json.loads(json.dumps(score_document(scores)))) == scores


def test_numbers_that_are_not_there_are_null() -> None:
    document = score_document(score([replace(GOOD, ceilings=None)]))
    assert document["noise_normalized_mean"] is document["noise_normalized_median"] is None
    assert document["pearson_r_mean"] is not None


@dataclass
class StandIn:
    """The part of a challenge directory that scoring reads."""

    withheld: tuple[str, ...] = ()
    root: Path = Path("data")
    subjects: tuple[str, ...] = tuple(SIZES)

    def geometry(self, subject: str) -> SubjectGeometry:
        n_images, n_vertices = SIZES[subject]
        return SubjectGeometry(subject, 100, n_images, n_vertices)

    def has_responses(self, subject: str, split: str) -> bool:
        return split == "test" and "responses" not in self.withheld

    def responses(self, subject: str, hemisphere: Hemisphere, split: str) -> Responses:
        assert split == "test"
        return ITEMS[subject, hemisphere].responses

    def ceilings(self, subject: str, hemisphere: Hemisphere, split: str) -> Ceilings | None:
        assert split == "test"
        return None if f"ceilings of {subject}" in self.withheld else ITEMS[subject, hemisphere].ceilings

    def roi_masks(self, subject: str, hemisphere: Hemisphere) -> Any:
        return ITEMS[subject, hemisphere].roi_masks

    def fsaverage_index(self, subject: str, hemisphere: Hemisphere) -> Any:
        return np.arange(SIZES[subject][1][hemisphere]) * 3


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    write_predictions(tmp_path / "sub", (parts.predictions for parts in ITEMS.values()))
    return tmp_path / "sub"


def scored(path: Path, challenge: StandIn | None = None, **options: Any) -> Scores:
    return score_submission(path, challenge or StandIn(), **options)  # type: ignore[arg-type]


def test_a_folder_and_its_zip_score_as_the_arrays_in_them(submission: Path, scores: Scores, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "sub.zip", "w") as archive:
        for path in sorted(submission.rglob("*.npy")):
            archive.write(path, path.relative_to(submission))
    assert scored(submission) == scores
    assert scored(tmp_path / "sub.zip") == scores


def test_some_subjects_can_be_scored_alone(submission: Path) -> None:
    alone = scored(submission, subjects=["subj06"])
    assert alone.n_images == {"subj06": 15}
    total = expected("subj06", ALL, ALL)
    assert found(alone, ALL, ALL, ALL, ALL) == pytest.approx(total, rel=1e-5)


def change(submission: Path, values: NDArray[Any]) -> None:
    np.save(submission / "subj01" / "lh_pred_test.npy", values)


@pytest.mark.parametrize("dtype", ["f8", ">f4"])
def test_other_floats_are_scored_as_float32(submission: Path, scores: Scores, dtype: str) -> None:
    change(submission, np.asfortranarray(GOOD.predictions.values.astype(dtype)))
    assert scored(submission) == scores


def test_values_that_are_not_finite_cost_their_vertex_and_not_the_score(submission: Path) -> None:
    values = GOOD.predictions.values.copy()
    values[0, 3] = np.nan
    change(submission, values)
    assert scored(submission).n_nonfinite == 1


def test_files_that_cannot_be_scored_are_all_named(submission: Path) -> None:
    change(submission, GOOD.predictions.values.T.copy())
    (submission / "subj06" / "rh_pred_test.npy").unlink()
    with pytest.raises(SubmissionError) as caught:
        scored(submission)
    assert [finding.code for finding in caught.value.findings] == ["missing-file", "transposed"]


def test_scoring_without_test_responses_or_ceilings_says_what_is_missing(submission: Path) -> None:
    with pytest.raises(DataError) as caught:
        scored(submission, StandIn(("responses", "ceilings of subj06")))
    missing = [(finding.path, finding.what) for finding in caught.value.findings]
    assert missing == [
        ("subj01", "no test responses"),
        ("subj06", "no test responses"),
        ("subj06", "no noise ceilings"),
    ]
    assert "val split" in caught.value.findings[0].advice
