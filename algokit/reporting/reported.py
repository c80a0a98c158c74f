"""What a report is made from: a submission's card, plan, scores, choices and findings, read back from its folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from algokit.challenge import shipped_manifest
from algokit.errors import UsageError
from algokit.recipe.plan import Plan
from algokit.reporting.card_reading import read_card
from algokit.reporting.choices import MemberChoices, members_of, read_choices
from algokit.reporting.json_files import read_json
from algokit.reporting.places import VertexPlaces, read_places
from algokit.scoring import read_vertices, scores_from_document
from algokit.types import Finding, Scores, Split

UNNAMED = "custom"  # what `algokit.challenge.describe` calls data without a manifest
SPLITS: tuple[Split, ...] = ("test", "val")


@dataclass(frozen=True)
class Reported:
    """Everything a report says.

    Attributes
    ----------
    name : what the submission is called: its recipe's name, or that of its folder or zip.
    scores : by split; None where there are no measured responses.
    findings : what a check of the predictions found; None where nobody checked.
    remarks : what else there is to say of the submission in this report; no findings about its files.
    card, plan, members : None or empty for a submission that algokit did not write; members as the recipe has them.
    places : where the vertices lie, for a submission without any scored split; the scores know it otherwise.
    challenge : the name of the challenge it answers.
    is_official, is_whole : whether that is the challenge of 2023, and whether all of its subjects are predicted.
    """

    name: str
    scores: Mapping[Split, Scores | None]
    challenge: str
    findings: Sequence[Finding] | None = None
    remarks: Sequence[Finding] = ()
    card: Mapping[str, Any] | None = None
    plan: Plan | None = None
    members: tuple[MemberChoices, ...] = ()
    places: tuple[VertexPlaces, ...] = ()
    is_official: bool = False
    is_whole: bool = False


def challenge_words(name: str) -> str:
    """How a challenge is called in a sentence; data whose manifest nobody wrote are called ``custom``."""
    return f"the challenge “{name}”" if name != UNNAMED else "a challenge without a name"


def is_ours(path: Path) -> bool:
    """Whether a run wrote this folder, or began to."""
    return any((path / name).exists() for name in ("card.json", "scores.json"))


def placed_inside(findings: Iterable[Finding], submission: Path) -> list[Finding]:
    """The findings with their places told from inside the submission: where it lies is not the reader's."""
    here = str(submission)
    return [replace(one, where=one.where.removeprefix(here).strip("/\\: ")) for one in findings]


def read_reported(folder: Path, *, findings: Sequence[Finding] | None = None) -> Reported:
    """Read what a run wrote.

    Raises
    ------
    UsageError : its card, plan, scores or choices are missing or damaged.
    """
    card = read_card(folder).document.data
    plan = _read_plan(folder)
    shipped = shipped_manifest()
    return Reported(
        name=str(card["recipe"].get("name", folder.name)),
        scores=read_scores(folder),
        challenge=card["challenge"]["name"],
        findings=findings,
        card=card,
        plan=plan,
        members=tuple(members_of(plan, read_choices(folder))),
        places=read_places(folder),
        is_official=card["challenge"]["manifest_digest"] == shipped.digest(),
        is_whole=set(card["geometry"]) == set(shipped.subjects),
    )


def read_scores(folder: Path) -> dict[Split, Scores | None]:
    """The scores of every split the document has, with the numbers of the vertices where these are there.

    Raises
    ------
    UsageError : they are missing or damaged.
    """
    found: dict[Split, Scores | None] = {}
    try:
        stored = dict(read_json(folder / "scores.json"))
        # a val split is always measured: None says that the recipe has none, as an older run wrote it
        for split in [one for one in SPLITS if one in stored and not (one == "val" and stored[one] is None)]:
            found[split] = scores_from_document(stored[split]) if stored[split] else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(folder / "scores.json", error) from error
    for split, scores in found.items():
        if scores is not None and (folder / "vertices" / split).is_dir():
            found[split] = replace(scores, vertices=read_vertices(folder / "vertices", split))
    return found


def _read_plan(folder: Path) -> Plan:
    try:
        return Plan.model_validate(read_json(folder / "plan.json"))
    except (OSError, ValueError) as error:
        raise _damaged(folder / "plan.json", error) from error


def _damaged(path: Path, error: Exception) -> UsageError:
    advice = "run the recipe again; finished steps are kept and the folder is written anew"
    found = f"no entry {error}" if isinstance(error, KeyError) else str(error)
    finding = Finding(f"{path.name} cannot be read", str(path), found=found, advice=advice, code="bad-document")
    return UsageError(f"{path.parent} is damaged", [finding])
