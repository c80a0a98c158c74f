"""Two cards in a few sentences: did the score change, and which input did it? No more is said than cards tell."""

from __future__ import annotations

from collections.abc import Sequence

from algokit.reporting.card_diff import CardDiff, FilesCompared, ScoreCompared
from algokit.reporting.card_inputs import Difference, listed

_MADE_OF = ("recipe", "data", "weights")


def diff_verdict(diff: CardDiff) -> tuple[str, ...]:
    """Whether the cards can be believed, what became of the score of each split, then what can have done it."""
    altered = [
        f"the {which} card was changed after it was written: its recipe is not the one whose digest it states"
        for which in diff.altered
    ]
    scores = [score_sentence(one) for one in diff.scores] or ["neither card has a score"]
    return (*altered, *scores, *(_same_predictions(diff) if diff.predictions.is_same else _other_predictions(diff)))


def score_sentence(score: ScoreCompared) -> str:
    """``test: the score changed by +1.20 points (78.54 -> 79.74)``."""
    old, new = (None if value is None else f"{value:.{score.digits}f}" for value in (score.old, score.new))
    if score.change is None:
        which, value = ("first", old) if new is None else ("second", new)
        return f"{score.split}: only the {which} card has a score ({value})"
    if score.is_same:
        return f"{score.split}: the score is the same ({new})"
    unit = "in r" if score.digits > 2 else "points"
    return f"{score.split}: the score changed by {change_text(score)} {unit} ({old} -> {new})"


def change_text(score: ScoreCompared) -> str:
    """A change with its sign, to the digits that are shown; of a smaller one its first two digits."""
    change = score.change or 0.0
    return f"{change:+.2g}" if score.is_close else f"{change:+.{score.digits}f}"


def _same_predictions(diff: CardDiff) -> list[str]:
    scoring = diff.reaching("score", "both")
    if diff.moved and scoring:
        return [f"the predictions are the same bytes: only the scoring changed, by {_named(scoring)}"]
    if diff.moved:
        return [
            "the predictions are the same bytes, and no recorded input of the scoring differs: the cards cannot say"
        ]
    idle = diff.reaching("predictions", "score", "both")
    if idle:
        return [f"the predictions are the same bytes: what differs made no difference ({_named(idle)})"]
    return ["same inputs, same predictions"]


def _other_predictions(diff: CardDiff) -> list[str]:
    causes = diff.reaching("predictions", "both", "score" if diff.moved else "both")
    if not (diff.predictions.n_same or diff.predictions.differing):
        lines = ["the cards list no prediction files, so they cannot say whether the predictions differ"]
        return [*lines, f"inputs that differ: {_named(causes)}"] if causes else lines
    return [_count(diff.predictions), _blamed(causes)]


def _count(files: FilesCompared) -> str:
    return f"{len(files.differing)} of {files.n_same + len(files.differing)} prediction files differ"


def _blamed(causes: Sequence[Difference]) -> str:
    """Who can have done it; of several causes two cards never tell which."""
    if not causes:
        return (
            "no recorded input differs: the files were changed after the run, or the computation does not repeat itself"
        )
    same = "" if any(one.group in _MADE_OF for one in causes) else "same recipe, data and weights; "
    if len(causes) == 1:
        return f"{same}the one input that differs: {causes[0]}"
    return f"{same}inputs that differ, and two cards cannot tell which of them did it: {_named(causes)}"


def _named(causes: Sequence[Difference]) -> str:
    return listed(map(str, causes), most=6)
