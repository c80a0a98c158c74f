"""Cards: run again what one says, and say what two of them disagree on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from algokit.errors import RecipeError, UsageError
from algokit.types import Finding, ProgressCallback, no_progress
from algokit.verbs.opening import opened
from algokit.verbs.preparing import Places, RunOptions, default_store
from algokit.verbs.running import RunReport, run_recipe

if TYPE_CHECKING:
    from algokit.challenge import Challenge
    from algokit.documents import Document
    from algokit.executors import ContainerOptions
    from algokit.recipe.plan import Plan, PlannedData
    from algokit.recipe.schema import Recipe
    from algokit.reporting.card_diff import CardDiff
    from algokit.reporting.card_reading import CardFile
    from algokit.reporting.card_rerun import Check, Outcome
    from algokit.reporting.card_schema import Card

_INPUTS = ("data", "geometry", "challenge", "weights", "plan_key")  # of a card; what a rerun must share


@dataclass(frozen=True)
class DiffReport:
    """Two cards compared, and the verdict in a few sentences."""

    old: Path
    new: Path
    diff: CardDiff
    verdict: tuple[str, ...]


@dataclass(frozen=True)
class RerunReport:
    """A rerun held against its card.

    Attributes
    ----------
    card : the card that was rerun.
    outcome : "same bytes", "same scores" (to the digits that are shown), "same predictions" (with other scores) or
        "other".
    """

    card: Path
    run: RunReport
    checks: tuple[Check, ...]
    outcome: Outcome
    verdict: tuple[str, ...]


def diff(old: Path, new: Path) -> DiffReport:
    """Which inputs, predictions and scores two cards disagree on.

    Parameters
    ----------
    old, new : card.json, a submission folder, or the provenance file beside a zip.

    Raises
    ------
    UsageError : one of them is no card that can be read.
    """
    from algokit.reporting.card_diff import diff_cards
    from algokit.reporting.card_reading import read_card
    from algokit.reporting.card_verdict import diff_verdict

    cards = [read_card(path) for path in (old, new)]
    found = diff_cards(cards[0].card, cards[1].card)
    return DiffReport(cards[0].path, cards[1].path, found, diff_verdict(found))


def rerun(
    card: Path,
    *,
    data: Path,
    manifest: Path | None = None,
    nsd: Path | None = None,
    out: Path | None = None,
    store: Path | None = None,
    overrides: Sequence[str] = (),
    machine_file: Path | None = None,
    executor: str = "local",
    options: RunOptions | None = None,
    container: ContainerOptions | None = None,
    anyway: bool = False,
    progress: ProgressCallback = no_progress,
) -> RerunReport:
    """Run the recipe of a card again, on the same data and weights, and compare what comes out.

    Parameters
    ----------
    card : card.json, a submission folder, or the provenance file beside a zip.
    out : the new submission folder; ``submissions/<recipe>-<key>-rerun`` where None. Never that of the card.
    overrides : where weights lie on this machine (``members.0.backbone.checkpoint=FILE``), and nothing else.
    machine_file : see `run`.
    anyway : run even where the data (those behind the scores too), the weights or the plan are not those of the card.

    Raises
    ------
    UsageError : the card cannot be read or does not agree with itself, or (without ``anyway``) the inputs are others.
    AlgokitError : see `run`.
    """
    from algokit.reporting.card_diff import diff_cards
    from algokit.reporting.card_reading import read_card
    from algokit.reporting.card_rerun import rerun_checks, rerun_outcome, rerun_verdict

    given = read_card(card)
    recipe, document = _recipe(given, overrides)

    def make(planned: PlannedData) -> Plan:
        plan = _planned(recipe, document, planned)
        if not anyway:
            _refuse_other_inputs(given, plan, _test_data(given, opened(data, manifest, nsd), places.store))
        return plan

    target = out or Path("submissions") / f"{recipe.name}-{given.card.plan_key[:12]}-rerun"
    _refuse_original(given, target)
    places = Places(data, store or default_store(), manifest, target, nsd, machine_file)
    report = run_recipe(
        recipe, places, make, executor=executor, options=options, container=container, progress=progress
    )
    now = read_card(report.submission).card
    found = diff_cards(given.card, now)
    n_made = sum(one.made for one in report.outcomes)
    return RerunReport(
        card=given.path,
        run=report,
        checks=rerun_checks(given.card, now, found),
        outcome=rerun_outcome(found),
        verdict=rerun_verdict(found, n_made, len(report.outcomes) - n_made),
    )


def _recipe(given: CardFile, overrides: Sequence[str]) -> tuple[Recipe, Document]:
    """The recipe of a card, and its document with the place of every value in the card's file."""
    from algokit.documents import validated
    from algokit.recipe.load import with_overrides
    from algokit.recipe.schema import Recipe

    document = with_overrides(given.document.part(("recipe",)), overrides)
    recipe = validated(document, Recipe, RecipeError)
    if findings := [*_other_recipe(given, recipe, has_overrides=bool(overrides)), *_other_names(given, recipe)]:
        raise UsageError(f"{given.path} cannot be rerun", findings)
    _refuse_missing_checkpoints(given, recipe, document)
    return recipe, document


def _other_recipe(given: CardFile, recipe: Recipe, *, has_overrides: bool) -> Iterator[Finding]:
    from algokit.recipe.load import recipe_digest

    stated, found = given.card.recipe_digest, recipe_digest(recipe)
    if stated != found:
        what = "the recipe is not the one whose digest the card states"
        advice = "the card was edited; run a recipe of your own with algokit run"
        if has_overrides:
            what = "--set may only say where weights lie (members.0.backbone.checkpoint=FILE)"
            advice = "to change a recipe, use algokit run"
        where = given.document.place(("recipe_digest",))[1]
        yield Finding(what, where, "recipe_digest", stated[:12], found[:12], advice, code="other-recipe")


def _other_names(given: CardFile, recipe: Recipe) -> Iterator[Finding]:
    """A card that leaves out a digest would let any data or weights pass."""
    card = given.card
    subjects = set(card.geometry)
    expected = {"weights": {member.name for member in recipe.members}, "images": subjects, "responses": subjects}
    found = {"weights": set(card.weights), "images": set(card.data.images), "responses": set(card.data.responses)}
    for name, wanted in expected.items():
        if found[name] != wanted:
            path = ("weights",) if name == "weights" else ("data", name)
            what, where = "one digest for each should stand here, and no other", given.document.place(path)[1]
            wants, has = (", ".join(sorted(names)) or "none" for names in (wanted, found[name]))
            yield Finding(what, where, ".".join(path), wants, has, code="bad-card")


def _refuse_missing_checkpoints(given: CardFile, recipe: Recipe, document: Document) -> None:
    """A card names weights files without saying where they lay."""
    findings = []
    for index, member in enumerate(recipe.members):
        checkpoint: Path | None = getattr(member.backbone, "checkpoint", None)
        if checkpoint is None or checkpoint.is_file():
            continue
        weights, place = given.card.weights.get(member.name), f"members[{index}].backbone.checkpoint"
        findings.append(
            Finding(
                "the card names a weights file, but not where it lies on this machine",
                where=document.place(("members", index, "backbone", "checkpoint"))[1],
                path=place,
                expected=f"sha256 {weights.sha256}" if weights else "",
                found=f"no file {checkpoint}",
                advice=f"--set members.{index}.backbone.checkpoint=FILE",
                code="checkpoint-place",
            )
        )
    if findings:
        raise UsageError(f"{given.path} needs weights files", findings)


def _planned(recipe: Recipe, document: Document, data: PlannedData) -> Plan:
    from algokit.recipe.load import placed_in
    from algokit.recipe.planning import make_plan

    try:
        return make_plan(recipe, data, version("algokit"))
    except RecipeError as error:
        raise placed_in(error, document) from error


def _test_data(given: CardFile, challenge: Challenge, store: Path) -> dict[str, str]:
    """The digests of today's files by the names that the card states; what it does not state cannot be another."""
    from algokit.challenge import DigestCache
    from algokit.reporting.card_diff import SPLITS

    files: dict[str, Path] = {}
    for subject in sorted(set(given.card.geometry) & set(challenge.subjects)):
        here = challenge.files(subject)
        for split in SPLITS:
            here |= challenge.ceiling_files(subject, split)
        files |= {f"{subject}/{role}": path for role, path in here.items()}
    stated = {name: path for name, path in files.items() if name in given.card.test_data}
    known = DigestCache(store / "digests.json").many(list(stated.values()))
    return {name: known[path] for name, path in stated.items()}


def _refuse_other_inputs(given: CardFile, plan: Plan, test_data: Mapping[str, str]) -> None:
    """Before anything is computed: the same data, weights and steps, or every difference with its place in the card."""
    from algokit.documents import path_text
    from algokit.reporting.card_inputs import input_differences, plain

    findings = [
        Finding(
            "the same inputs are planned into other steps" if one.path == ("plan_key",) else f"other {one.what}",
            where=given.document.place(one.path)[1],
            path=path_text(one.path),
            expected=plain(one.old),
            found=plain(one.new),
            advice="--anyway runs it all the same, and says what came of it",
            code="other-inputs",
        )
        for one in input_differences(given.card, _would_be(given, plan, test_data))
        if one.path == ("test_data",) or (one.path[0] in _INPUTS and one.reach != "nothing")
    ]
    if findings:
        raise UsageError("these are not the inputs of the card", findings)


def _would_be(given: CardFile, plan: Plan, test_data: Mapping[str, str]) -> Card:
    """The card with all that is known before a run; weights that are not here are the run's own to refuse."""
    from algokit.reporting.card import build_card
    from algokit.reporting.card_schema import Card

    document = plan.model_dump(mode="json")
    for member in document["members"]:
        member["weights"] = member["weights"] or given.document.data["weights"][member["name"]]
    document["key"] = document["key"] or given.card.plan_key
    return Card.model_validate(build_card(plan=document, facts={**given.document.data, "test_data": test_data}))


def _refuse_original(given: CardFile, out: Path) -> None:
    if out.resolve() == given.path.parent.resolve():
        finding = Finding(
            "it would replace what it is compared with", str(out), advice="give another --out", code="out-taken"
        )
        raise UsageError("a rerun needs a folder of its own", [finding])
