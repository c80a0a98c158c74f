"""The verdict of a report: the score, what it means, and what is known to compare it with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from algokit.reporting.reported import SPLITS, Reported, challenge_words
from algokit.reporting.tables import p_text
from algokit.types import ScoreRow, Scores, Split

# Stated on the challenge's site and in its reports; shares of the ceiling in percent, mean over all vertices.
BASELINE = 40.48
IMAGE_ONLY = (58, 62)
BEYOND_IMAGES = (63.52, 70.85)

FAR_CHANCE = 5  # percent; from there on a score says more of the number of images than of the model

SPLIT_NAMES = {"test": "test split", "val": "validation split"}


@dataclass(frozen=True)
class Fact:
    """One number of a verdict with its name and what qualifies it."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """The verdict on one split.

    Attributes
    ----------
    headline : the number to remember, as text; "" where nothing was scored.
    """

    split: str
    label: str
    headline: str
    interval: str
    facts: tuple[Fact, ...]
    sentences: tuple[str, ...]

    @property
    def split_name(self) -> str:
        """``test split``; "" where nothing was scored."""
        return SPLIT_NAMES.get(self.split, "")


def verdict(reported: Reported) -> Verdict:
    """The verdict on the first split that has a score, the test split before val."""
    split = next((one for one in SPLITS if reported.scores.get(one)), None)
    if split is None:
        return Verdict("", "", "", "", (), tuple(_unscored(reported)))
    scores = reported.scores[split]
    assert scores is not None
    totals = total_rows(scores)
    is_normalized = "noise_normalized_mean" in totals
    row = totals["noise_normalized_mean" if is_normalized else "pearson_r_mean"]
    label = "noise-normalized score" if is_normalized else "mean correlation"
    sentences = (*_unscored(reported), *_sentences(reported, scores, row))
    facts = (*_facts(scores, totals), *_other_splits(reported, split))
    return Verdict(split, label, number(row), interval(row), facts, sentences)


def total_rows(scores: Scores) -> dict[str, ScoreRow]:
    """Metric -> the row over every vertex of every subject and hemisphere."""
    return {row.metric: row for row in scores.rows if row.subject == row.hemisphere == row.roi_class == "all"}


def number(row: ScoreRow) -> str:
    """The value of a row: percent to two decimals, correlations to four."""
    return _shown(row, row.value)


def interval(row: ScoreRow) -> str:
    """``74.10 to 82.31``; "" where none was computed."""
    return "" if row.low is None or row.high is None else f"{_shown(row, row.low)} to {_shown(row, row.high)}"


def _shown(row: ScoreRow, value: float) -> str:
    return f"{value:.2f}" if "noise_normalized" in row.metric else f"{value:.4f}"


def _facts(scores: Scores, totals: dict[str, ScoreRow]) -> Iterator[Fact]:
    names = {
        "noise_normalized_median": "median over vertices",
        "pearson_r_mean": "mean correlation r",
        "scientific_noise_normalized_mean": "scientific score",
    }
    for metric, label in names.items():
        if metric in totals:
            shown = interval(totals[metric])
            yield Fact(label, number(totals[metric]), f"95 %: {shown}" if shown else "")
    total = next(iter(totals.values()))
    if total.chance_low is not None and total.chance_high is not None:
        chance = totals.get("noise_normalized_mean", total)
        assert chance.chance_low is not None and chance.chance_high is not None
        yield Fact("chance", f"{_shown(chance, chance.chance_low)} to {_shown(chance, chance.chance_high)}", _p(chance))
    n_subjects, images = len(scores.n_images), sorted(set(scores.n_images.values()))
    per_subject = f"{images[0]:,} images" if len(images) == 1 else f"{images[0]:,} to {images[-1]:,} images"
    people = f"{n_subjects} {_plural('subject', n_subjects)}, {per_subject}{' each' * (n_subjects > 1)}"
    yield Fact("vertices", f"{scores.n_vertices:,}", people)


def _other_splits(reported: Reported, split: Split) -> Iterator[Fact]:
    for other, scores in reported.scores.items():
        if other != split and scores is not None:
            totals = total_rows(scores)
            row = totals.get("noise_normalized_mean", totals["pearson_r_mean"])
            yield Fact(f"{SPLIT_NAMES[other]}", number(row), f"95 %: {interval(row)}" if interval(row) else "")


def _p(row: ScoreRow) -> str:
    if row.p_value is None:
        return ""
    text = p_text(row.p_value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _plural(noun: str, n: int, several: str = "") -> str:
    return noun if n == 1 else several or noun + "s"


def _unscored(reported: Reported) -> Iterator[str]:
    """What could not be scored, and why."""
    for split, scores in reported.scores.items():
        if scores is None and split == "test":
            yield (
                "The test responses are not in these data, so the test split has no score"
                + (": the number here is that of the validation split." if reported.scores.get("val") else ".")
            )
    if not any(reported.scores.values()):
        yield "Nothing could be scored; the report shows what was predicted and how."


def _sentences(reported: Reported, scores: Scores, row: ScoreRow) -> Iterator[str]:
    people = f"{len(scores.n_images)} {_plural('subject', len(scores.n_images))}"
    shown = interval(row)
    uncertainty = f" (95 % interval {shown})" if shown else ""
    if row.metric == "pearson_r_mean":
        yield (
            f"On the {SPLIT_NAMES[scores.split]}, predictions correlate with measured responses by "
            f"{number(row)}{uncertainty} on average over {scores.n_vertices:,} vertices of {people}. No noise ceilings "
            "are known, so there is no score in percent of them."
        )
    else:
        rule = (
            "the challenge’s official rule"
            if scores.split == "test"
            else "the challenge’s rule on held-out training images"
        )
        yield (
            f"On the {SPLIT_NAMES[scores.split]}, predictions score {number(row)} % of the noise ceiling{uncertainty} "
            f"on average over all {scores.n_vertices:,} vertices of {people}: per vertex the squared correlation "
            f"divided by the ceiling, at most 100 %, by {rule}."
        )
    if row.chance_low is not None and row.chance_high is not None:
        chance = f"{_shown(row, row.chance_low)} to {_shown(row, row.chance_high)}"
        yield f"Predictions of shuffled images score {chance} (95 % of shuffles)."
        yield from _far_chance(scores, row, row.chance_high)
    scientific = total_rows(scores).get("scientific_noise_normalized_mean")
    if scientific is not None and scores.n_zero_ceiling:
        n, noun = scores.n_zero_ceiling, _plural("vertex", scores.n_zero_ceiling, "vertices")
        yield f"Without the {n:,} {noun} whose ceiling is exactly 0 (scientific score) it is {number(scientific)} %."
    yield from _comparison(reported, scores, row)


def _far_chance(scores: Scores, row: ScoreRow, chance_high: float) -> Iterator[str]:
    """Negative correlations count as 0, so chance is above 0, and of few images far above."""
    is_percent = row.metric == "noise_normalized_mean"
    if row.value <= chance_high or (is_percent and (chance_high > FAR_CHANCE or row.value - chance_high < FAR_CHANCE)):
        fewest, most = min(scores.n_images.values()), max(scores.n_images.values())
        images = f"{fewest:,} {_plural('image', fewest)}" if fewest == most else f"{fewest:,} to {most:,} images"
        reached = f"{_shown(row, chance_high)}{' %' * is_percent}"
        yield f"With {images} chance alone reaches {reached}: read the score against that, not against 0."


def _comparison(reported: Reported, scores: Scores, row: ScoreRow) -> Iterator[str]:
    """Only the whole official challenge compares with published numbers."""
    if row.metric != "noise_normalized_mean" or scores.split != "test":
        return
    if not reported.is_official:
        name = challenge_words(reported.challenge)
        yield f"These are data of {name}: the number does not compare with published ones."
    elif not reported.is_whole:
        yield "Not all subjects of the challenge are predicted: the number does not compare with published ones."
    else:
        difference = f"{abs(row.value - BASELINE):.2f} points {'above' if row.value >= BASELINE else 'below'}"
        low, high = IMAGE_ONLY
        beyond = " and ".join(f"{value:.2f}" for value in reversed(BEYOND_IMAGES))
        yield (
            f"That is {difference} the organisers’ AlexNet baseline ({BASELINE}). Strong entries "
            f"that used nothing but the image reached about {low} to {high}; the first two places ({beyond}) also used "
            "behaviour or the order of images."
        )
