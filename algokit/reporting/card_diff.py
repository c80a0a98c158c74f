"""What two cards disagree on: their inputs, their predictions, their scores."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from algokit.reporting.card_inputs import Difference, Reach, input_differences, stated_recipe_digest
from algokit.reporting.card_schema import Card

Scored: TypeAlias = Literal["test", "val"]

SPLITS: tuple[Scored, ...] = ("test", "val")
_METRICS = ("noise_normalized_mean", "pearson_r_mean")  # what a split is scored by, where its ceilings are known or not
_PREDICTIONS = re.compile(r"(val/)?subj\d\d/([lr]h_pred_(test|val)|image_ids)\.npy")
_CHOICES = re.compile(r"fits/.+")
_ROUNDING = 1e-9  # share of a score: another processor adds in another order


@dataclass(frozen=True)
class FilesCompared:
    """Files of one kind that both cards give digests of.

    Attributes
    ----------
    n_same : files with the same digest.
    differing : names with another digest, or in one card only.
    """

    n_same: int
    differing: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether there are such files, and all have the same bytes."""
        return bool(self.n_same) and not self.differing


@dataclass(frozen=True)
class ScoreCompared:
    """The score of one split by both cards; None where a card has none."""

    split: Scored
    metric: str
    old: float | None
    new: float | None

    @property
    def change(self) -> float | None:
        """New minus old, in the metric's own unit; None where either is missing."""
        return None if self.old is None or self.new is None else self.new - self.old

    @property
    def is_same(self) -> bool:
        """Whether both cards have the same score, but for the rounding of sums."""
        return self.old is not None and self.new is not None and math.isclose(self.old, self.new, rel_tol=_ROUNDING)

    @property
    def digits(self) -> int:
        """Decimals to show: two of points (0..100), four of r."""
        return 4 if self.metric.startswith("pearson") else 2

    @property
    def is_close(self) -> bool:
        """Whether the two are the same to the digits that are shown."""
        return self.change is not None and abs(self.change) < 0.5 * 10**-self.digits


@dataclass(frozen=True)
class CardDiff:
    """Two cards compared.

    Attributes
    ----------
    inputs : what went in and differs.
    predictions, choices : what came out, by file.
    scores : splits that at least one card has a score of.
    altered : "first", "second": the cards whose recipe is not the one whose digest they state.
    """

    inputs: tuple[Difference, ...]
    predictions: FilesCompared
    choices: FilesCompared
    scores: tuple[ScoreCompared, ...]
    altered: tuple[str, ...] = ()

    @property
    def moved(self) -> tuple[ScoreCompared, ...]:
        """The scores that are in both cards and not the same."""
        return tuple(score for score in self.scores if score.change is not None and not score.is_same)

    @property
    def is_same(self) -> bool:
        """The same predictions and no other score, whatever else differs: then it made no difference.

        Never of a card that was changed after it was written: it may say anything.
        """
        return self.predictions.is_same and not self.moved and not self.altered

    def reaching(self, *reaches: Reach) -> list[Difference]:
        """The inputs that differ and can change that."""
        return [one for one in self.inputs if one.reach in reaches]


def diff_cards(old: Card, new: Card) -> CardDiff:
    """Compare two cards."""
    return CardDiff(
        inputs=tuple(input_differences(old, new)),
        predictions=_files(old, new, _PREDICTIONS),
        choices=_files(old, new, _CHOICES),
        scores=tuple(_scores(old, new)),
        altered=tuple(
            which
            for which, card in (("first", old), ("second", new))
            if stated_recipe_digest(card.recipe) != card.recipe_digest
        ),
    )


def _files(old: Card, new: Card, kind: re.Pattern[str]) -> FilesCompared:
    names = sorted(name for name in old.files.keys() | new.files.keys() if kind.fullmatch(name))
    differing = tuple(name for name in names if old.files.get(name) != new.files.get(name))
    return FilesCompared(len(names) - len(differing), differing)


def _scores(old: Card, new: Card) -> Iterator[ScoreCompared]:
    for split in SPLITS:
        sides = [card.scores.get(split) for card in (old, new)]
        values = [{name: one.value for name, one in side.metrics.items()} if side else {} for side in sides]
        known = [metric for metric in _METRICS if any(metric in one for one in values)]
        shared = [metric for metric in known if all(metric in one for one in values)]
        for metric in (shared or known)[:1]:
            yield ScoreCompared(split, metric, *(one.get(metric) for one in values))
