"""Comparisons of cards as plain JSON data, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from algokit.documents import ABSENT
from algokit.reporting.card_diff import CardDiff
from algokit.reporting.card_rerun import Check, Outcome


def diff_document(diff: CardDiff, verdict: Sequence[str]) -> dict[str, Any]:
    """Two cards compared. An input lacks ``old`` or ``new`` where that card has no such entry.

    ``altered`` names the cards ("first", "second") that were changed after they were written.
    """
    return {
        "same": diff.is_same,
        "verdict": list(verdict),
        "scores": [{**asdict(score), "change": score.change} for score in diff.scores],
        "inputs": [
            {name: value for name, value in vars(one).items() if value is not ABSENT and name != "path"}
            for one in diff.inputs
        ],
        "predictions": asdict(diff.predictions),
        "choices": asdict(diff.choices),
        "altered": list(diff.altered),
    }


def rerun_document(checks: Sequence[Check], outcome: Outcome, verdict: Sequence[str]) -> dict[str, Any]:
    """A rerun held against its card."""
    return {"outcome": outcome, "verdict": list(verdict), "checks": [asdict(check) for check in checks]}
