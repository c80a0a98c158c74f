"""What the page says, as plain values: the template arranges them and computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from algokit.reporting.json_files import json_text
from algokit.reporting.making import MemberView, command_facts, environment_facts, member_views, timing_tables
from algokit.reporting.methods import Methods, methods
from algokit.reporting.reported import Reported, challenge_words
from algokit.reporting.tables import Table, split_facts, split_tables
from algokit.reporting.verdict import SPLIT_NAMES, Fact, Verdict, verdict
from algokit.types import Scores, Severity, Split


@dataclass(frozen=True)
class Notice:
    """One warning, finding or note; ``details`` are labelled words (where, expected, found, advice)."""

    severity: Severity
    what: str
    details: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """Error, Warning or Note: what colour alone must not say."""
        return self.severity.capitalize()


@dataclass(frozen=True)
class SplitView:
    """The scores of one split: sentences, tables that stand open, tables that are folded away."""

    split: Split
    title: str
    facts: tuple[Fact, ...]
    shown: tuple[Table, ...]
    folded: tuple[Table, ...]


@dataclass(frozen=True)
class Page:
    """Everything on the page but the pictures.

    Attributes
    ----------
    checked : what was checked for the findings, as a sentence.
    chosen : what vertices chose, and which members chose nothing.
    card_text, recipe_text : "" where there is no card.
    """

    title: str
    about: str
    challenge: str
    is_official: bool
    has_card: bool
    verdict: Verdict
    notices: tuple[Notice, ...]
    checked: str
    splits: tuple[SplitView, ...]
    members: tuple[MemberView, ...]
    chosen: str
    methods: Methods
    digests: tuple[Table, ...]
    card_text: str
    recipe_text: str
    commands: tuple[Fact, ...]
    environment: tuple[Fact, ...]
    versions: Table | None
    timings: tuple[Table, ...]
    algokit_version: str
    plan_key: str


def page_data(reported: Reported) -> Page:
    """Arrange what is known of a submission."""
    card = reported.card or {}
    return Page(
        title=reported.name,
        about=str(card.get("recipe", {}).get("about", "")),
        challenge=challenge_words(reported.challenge) if reported.challenge else "",
        is_official=reported.is_official,
        has_card=reported.card is not None,
        verdict=verdict(reported),
        notices=tuple(_notices(reported)),
        checked=_checked(reported),
        splits=tuple(_split(split, scores) for split, scores in reported.scores.items() if scores),
        members=member_views(reported.plan),
        chosen=_chosen(reported),
        methods=methods(
            reported.plan, reported.scores, is_official=reported.is_official, versions=_words(card, "versions")
        ),
        digests=tuple(_digests(card)),
        card_text=json_text(_without_steps(card)) if card else "",
        recipe_text=json_text(card["recipe"]) if card else "",
        commands=command_facts(card, is_test_scored=bool(reported.scores.get("test"))) if card else (),
        environment=environment_facts(card, len(reported.plan.steps) if reported.plan else None),
        versions=_table("Software", ("package", "version"), _words(card, "versions")),
        timings=timing_tables(card),
        algokit_version=str(card.get("algokit_version", "")),
        plan_key=str(card.get("plan_key", "")),
    )


def _without_steps(card: Mapping[str, Any]) -> dict[str, Any]:
    """The card without the time of every step, which may be thousands."""
    timings = card.get("timings")
    shortened = (
        {name: value for name, value in timings.items() if name != "steps_s"} if isinstance(timings, dict) else {}
    )
    return {**card, "timings": shortened}


def _words(card: Mapping[str, Any], name: str) -> dict[str, str]:
    """A mapping of the card as strings; empty where the card has none."""
    found = card.get(name)
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _table(title: str, headers: tuple[str, str], rows: Mapping[str, str]) -> Table | None:
    return Table(title, headers, tuple(rows.items()), {}) if rows else None


def _notices(reported: Reported) -> Iterator[Notice]:
    """What a reader has to know before the numbers: errors, then warnings, then notes."""
    card = reported.card or {}
    found = [Notice("warning", str(warning)) for warning in card.get("warnings", [])]
    for finding in (*(reported.findings or ()), *reported.remarks):
        place = ": ".join(part for part in (finding.where, finding.path) if part)
        details = {"where": place, **{name: getattr(finding, name) for name in ("expected", "found", "advice")}}
        found.append(Notice(finding.severity, finding.what, tuple((k, v) for k, v in details.items() if v)))
    for split, scores in reported.scores.items():
        found += [Notice("note", f"{SPLIT_NAMES[split]}: {note}") for note in (scores.notes if scores else ())]
    for step, notes in card.get("notes", {}).items():
        found += [Notice("note", str(note), (("where", str(step)),)) for note in notes]
    order = ("error", "warning", "note")
    yield from sorted(found, key=lambda one: order.index(one.severity))


def _checked(reported: Reported) -> str:
    if reported.findings is None:
        return "The prediction files were not checked for this report; algokit validate does so."
    n_findings = len(reported.findings)
    if not n_findings:
        return "The prediction files were checked: no findings."
    noun = "finding" if n_findings == 1 else "findings"
    return f"The prediction files were checked: {n_findings} {noun}."


def _split(split: Split, scores: Scores) -> SplitView:
    facts = tuple(Fact(label, *words) for label, words in split_facts(scores).items())
    tables = split_tables(scores)
    return SplitView(split, SPLIT_NAMES[split].capitalize(), facts, tables.first, tables.rest)


def _chosen(reported: Reported) -> str:
    """Told from what had more than one candidate, in the order of the recipe."""
    names = {"layer": "the layer", "pooling": "the pooling", "penalty": "the penalty"}
    things = [words for name, words in names.items() if any(name in one.chosen for one in reported.members)]
    if not things:
        return ""
    listed = f"{', '.join(things[:-1])} and {things[-1]}" if len(things) > 1 else things[0]
    text = f"{listed[0].upper()}{listed[1:]} that cross-validation on training images chose for every vertex."
    idle = [one.member for one in reported.members if not one.chosen]
    if idle:
        text += f" {' and '.join(idle)} {'has' if len(idle) == 1 else 'have'} nothing to choose."
    return text


def _digests(card: Mapping[str, Any]) -> Iterator[Table]:
    """SHA-256 of everything that went in and came out."""
    data = card.get("data")
    inputs = {
        f"{subject} {kind}": str(digest)
        for kind, subjects in (data.items() if isinstance(data, dict) else ())
        if isinstance(subjects, dict)
        for subject, digest in subjects.items()
    }
    groups = {
        "Training data": inputs,
        "Test responses, ceilings and ROIs": _words(card, "test_data"),
        "Files of the submission": _words(card, "files"),
    }
    for title, rows in groups.items():
        if table := _table(title, ("file", "SHA-256"), rows):
            yield table
