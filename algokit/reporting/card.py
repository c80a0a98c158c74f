"""The card of a submission: everything that made it, as plain JSON data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from algokit.types import ScoreRow, Scores, Split

SCHEMA = "algokit-card/1"


def build_card(*, plan: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The card of a run.

    Parameters
    ----------
    plan : the plan as JSON data (`algokit.recipe.plan.Plan`).
    facts : what only the run knows: timings, versions, hardware, files with their digests, `headline_scores`,
        ``warnings``; taken over as they are, but never over what the plan says.

    Returns
    -------
    What `algokit.reporting.card_schema.Card` describes.
    """
    warnings = [*plan["warnings"], *facts.get("warnings", ())]
    return {
        **facts,
        "schema": SCHEMA,
        "algokit_version": plan["algokit_version"],
        "plan_key": plan["key"],
        "recipe": plan["recipe"],
        "recipe_digest": plan["recipe_digest"],
        "challenge": {"name": plan["challenge"], "manifest_digest": plan["manifest_digest"]},
        "geometry": plan["subjects"],
        "data": {name: _digests(plan["steps"], name) for name in ("images", "responses")},
        "weights": {member["name"]: member["weights"] for member in plan["members"]},
        "warnings": list(dict.fromkeys(warnings)),
    }


def headline_scores(scores: Mapping[Split, Scores | None]) -> dict[str, Any]:
    """The card's entry ``scores``: per split the numbers over all vertices, and all that gives them their meaning.

    None for a split without measured responses.
    """
    return {split: _headline(one) if one else None for split, one in scores.items()}


def _headline(scores: Scores) -> dict[str, Any]:
    totals = [row for row in scores.rows if row.subject == row.hemisphere == row.roi_class == "all"]
    return {
        "n_vertices": scores.n_vertices,
        "n_zero_ceiling": scores.n_zero_ceiling,
        "n_images": dict(scores.n_images),
        "ceiling_source": scores.ceiling_source,
        "intervals": scores.intervals,
        "metrics": {row.metric: _number(row) for row in totals},
    }


def _number(row: ScoreRow) -> dict[str, Any]:
    return {
        "value": row.value,
        "version": row.version,
        "n_vertices": row.n_vertices,
        "low": row.low,
        "high": row.high,
    }


def _digests(steps: Iterable[Mapping[str, Any]], name: str) -> dict[str, str]:
    """Subject -> digest of its images or responses, from the steps that read them."""
    return {step["subject"]: step["params"][name] for step in steps if step["params"].get(name)}
