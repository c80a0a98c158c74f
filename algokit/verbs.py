"""The public verbs: one function per command, no printing. The command line parses, calls one of these and renders."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algokit.errors import RecipeError, SubmissionError, UsageError
from algokit.listing import list_members as list_members
from algokit.types import Finding, FitRecord, ProgressCallback, Scores, Split, no_progress

if TYPE_CHECKING:
    from algokit.challenge import Challenge
    from algokit.pipeline.inputs import SubjectInputs
    from algokit.pipeline.run import Ran, StepOutcome
    from algokit.recipe.plan import Plan, PlannedData
    from algokit.recipe.schema import Recipe


@dataclass(frozen=True)
class RunOptions:
    """Where and how to run; nothing in here changes a prediction beyond float tolerance.

    Attributes
    ----------
    device : "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N".
    batch_size : images per forward pass.
    n_workers : threads that decode images.
    """

    device: str = "auto"
    batch_size: int = 32
    n_workers: int = 4


@dataclass(frozen=True)
class RunReport:
    """What a run did: where the submission is, what was made and why, and the scores by split."""

    submission: Path
    plan: Plan
    outcomes: tuple[StepOutcome, ...]
    scores: dict[Split, Scores | None]
    warnings: tuple[str, ...]
    reused: bool


@dataclass(frozen=True)
class ValidationReport:
    """Findings of one submission, and where its expected shapes were taken from."""

    path: Path
    findings: tuple[Finding, ...]
    geometry_source: str


@dataclass(frozen=True)
class ScoreReport:
    """Scores of one submission on the test split; None, with findings, where it cannot be scored."""

    path: Path
    scores: Scores | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class PackReport:
    """The zip that was written, reopened and checked."""

    path: Path
    n_bytes: int
    n_files: int
    sha256: str
    findings: tuple[Finding, ...]


def default_store() -> Path:
    """Where artefacts go when nobody says: ``.algokit/store`` in the current directory."""
    return Path(".algokit") / "store"


def plan(
    recipe: Path,
    *,
    data: Path | None = None,
    manifest: Path | None = None,
    overrides: Sequence[str] = (),
    store: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> Plan:
    """Resolve a recipe, against a challenge directory or (without keys) against a manifest alone.

    Raises
    ------
    RecipeError, DataError : every problem at once.
    """
    from algokit.challenge import load_manifest, shipped_manifest
    from algokit.recipe.load import load_recipe
    from algokit.recipe.plan import PlannedData

    loaded = load_recipe(recipe, overrides)
    if data is not None:
        planned, _, _ = _read_data(loaded, data, manifest, store or default_store(), progress)
    else:
        stated = load_manifest(manifest) if manifest else shipped_manifest()
        geometry = tuple(stated.geometry(subject) for subject in stated.subjects)
        planned = PlannedData(stated.name, stated.digest(), geometry)
    return _plan_at(recipe, overrides, loaded, planned)


def _plan_at(path: Path, overrides: Sequence[str], recipe: Recipe, data: PlannedData) -> Plan:
    """Make the plan; what it refuses is told with the line of the recipe."""
    from algokit.recipe.load import placed
    from algokit.recipe.plan import make_plan

    try:
        return make_plan(recipe, data, version("algokit"))
    except RecipeError as error:
        raise placed(error, path, overrides) from error


def _read_data(
    recipe: Recipe, data: Path, manifest: Path | None, store: Path, progress: ProgressCallback
) -> tuple[PlannedData, Challenge, dict[str, SubjectInputs]]:
    from algokit.challenge import DigestCache
    from algokit.pipeline.inputs import read_inputs

    challenge = _open_challenge(data, manifest)
    wanted = challenge.subjects if recipe.subjects == "all" else recipe.subjects
    subjects = [subject for subject in challenge.subjects if subject in wanted]
    planned, inputs = read_inputs(challenge, subjects, DigestCache(store / "digests.json"), progress)
    return planned, challenge, inputs


def _open_challenge(data: Path, manifest: Path | None) -> Challenge:
    from algokit.challenge import load_manifest, open_challenge

    return open_challenge(data, load_manifest(manifest) if manifest else None)


def run(
    recipe: Path,
    *,
    data: Path,
    manifest: Path | None = None,
    out: Path | None = None,
    store: Path | None = None,
    overrides: Sequence[str] = (),
    executor: str = "local",
    options: RunOptions | None = None,
    progress: ProgressCallback = no_progress,
) -> RunReport:
    """Run a recipe to a submission folder; what the store already holds is not made again.

    Parameters
    ----------
    out : the submission folder; ``submissions/<recipe>-<key>`` where None.

    Raises
    ------
    AlgokitError : see `algokit.errors`; finished steps are kept and the next call resumes.
    """
    from algokit.executors import CATALOGUE, Job
    from algokit.pipeline.settings import RunSettings
    from algokit.recipe.load import load_recipe
    from algokit.reporting.folder import Finished, is_current, refuse_foreign, scores_of, write_submission
    from algokit.store import Store

    started = time.monotonic()
    options = options or RunOptions()
    store_root = store or default_store()
    loaded = load_recipe(recipe, overrides)
    if out is not None:
        refuse_foreign(out)
    planned, challenge, inputs = _read_data(loaded, data, manifest, store_root, progress)
    resolved = _plan_at(recipe, overrides, loaded, planned)
    settings = RunSettings(options.device, options.batch_size, options.n_workers)
    ran: Ran = CATALOGUE.load(executor)(Job(resolved, loaded, inputs, store_root, settings), progress)
    submission = out or Path("submissions") / f"{loaded.name}-{str(resolved.key)[:12]}"
    refuse_foreign(submission)
    facts = {**_run_facts(ran, time.monotonic() - started), "test_data": _test_digests(challenge, inputs, store_root)}
    finished = Finished(resolved, inputs, Store(store_root), challenge, facts)
    scores = scores_of(finished)
    reused = is_current(submission, finished, scores) and not any(one.made for one in ran.outcomes)
    if not reused:
        write_submission(submission, finished, scores)
    return RunReport(submission, resolved, ran.outcomes, scores, resolved.warnings, reused)


def _run_facts(ran: Ran, seconds: float) -> dict[str, Any]:
    """What the card says beyond the plan: timings of the steps made, versions, hardware."""
    from algokit.reporting.card import hardware, versions

    steps_s = {one.id: round(one.seconds, 3) for one in ran.outcomes if one.made}
    return {
        "timings": {"total_s": round(seconds, 3), "steps_s": steps_s},
        "versions": versions(),
        "hardware": hardware(ran.accelerator),
        "device": ran.device or None,
    }


def _test_digests(challenge: Challenge, subjects: Iterable[str], store: Path) -> dict[str, str]:
    """sha256 of the test responses, ceilings and ROIs behind the scores; of those that are there."""
    from algokit.challenge import DigestCache

    roles = ("test_fmri", "noise_ceiling", "roi_challenge_space")
    paths = {
        f"{subject}/{role}": path
        for subject in subjects
        for role, path in challenge.files(subject).items()
        if role.startswith(roles)
    }
    known = DigestCache(store / "digests.json").many(list(paths.values()))
    return {name: known[path] for name, path in paths.items()}


def validate(
    paths: Sequence[Path], *, data: Path | None = None, manifest: Path | None = None
) -> list[ValidationReport]:
    """Check submissions: folders, folders of submissions, zips.

    Raises
    ------
    UsageError : nothing that looks like a submission is at a path.
    """
    from algokit.challenge import load_manifest
    from algokit.challenge.submission import find_submissions
    from algokit.validation import submission_geometry, validate_submission

    challenge = _open_challenge(data, manifest) if data else None
    stated = load_manifest(manifest) if manifest else None
    reports = []
    for path in [found for given in paths for found in find_submissions(given)]:
        try:
            geometry, source = submission_geometry(path, challenge, stated)
        except SubmissionError as error:
            reports.append(ValidationReport(path, error.findings, "its card, which cannot be read"))
            continue
        reports.append(ValidationReport(path, tuple(validate_submission(path, geometry)), source))
    return reports


def score(paths: Sequence[Path], *, data: Path, manifest: Path | None = None) -> list[ScoreReport]:
    """Score submissions on the test split; of several, those that can be scored.

    Raises
    ------
    SubmissionError : none can be scored: files are missing, unreadable or misshapen; all findings.
    DataError : the data hold no test responses or no ceilings.
    """
    from algokit.challenge.submission import find_submissions

    challenge = _open_challenge(data, manifest)
    reports = [_scored(path, challenge) for given in paths for path in find_submissions(given)]
    if not any(report.scores for report in reports):
        names = ", ".join(str(report.path) for report in reports)
        raise SubmissionError(f"{names} cannot be scored", [one for report in reports for one in report.findings])
    return reports


def _scored(path: Path, challenge: Challenge) -> ScoreReport:
    from algokit.validation import score_submission

    subjects = _predicted_subjects(path, challenge)
    try:
        scores = score_submission(path, challenge, subjects=subjects)
    except SubmissionError as error:
        return ScoreReport(path, None, error.findings)
    if len(subjects) < len(challenge.subjects):
        note = f"{len(subjects)} of {len(challenge.subjects)} subjects, by the recipe: not the challenge score"
        scores = replace(scores, notes=(*scores.notes, note))
    return ScoreReport(path, scores)


def _predicted_subjects(path: Path, challenge: Challenge) -> list[str]:
    """The subjects a submission has to hold: all of the challenge, or those its own card says the recipe chose."""
    from algokit.validation import submission_geometry

    try:
        stated, _ = submission_geometry(path, None, None)
    except SubmissionError:  # a broken card says nothing; the data do
        return list(challenge.subjects)
    return [subject for subject in challenge.subjects if subject in stated] or list(challenge.subjects)


def pack(path: Path, *, out: Path | None = None, data: Path | None = None, manifest: Path | None = None) -> PackReport:
    """Write the zip for upload: subject folders at its root, deterministic, reopened and checked.

    Raises
    ------
    SubmissionError : the submission has errors.
    """
    from algokit.challenge import load_manifest
    from algokit.challenge.packing import pack_submission
    from algokit.store import file_sha256
    from algokit.validation import submission_geometry, validate_submission

    challenge = _open_challenge(data, manifest) if data else None
    geometry, _ = submission_geometry(path, challenge, load_manifest(manifest) if manifest else None)
    here = path if path.name else path.resolve()  # "." has no name to put .zip behind
    target = pack_submission(path, out or here.with_name(here.name + ".zip"), geometry)
    findings = tuple(validate_submission(target, geometry))
    return PackReport(target, target.stat().st_size, 2 * len(geometry), file_sha256(target), findings)


def report(path: Path, *, data: Path | None = None, manifest: Path | None = None, out: Path | None = None) -> Path:
    """Write the report tables (Markdown; ``report.md`` in the folder by default) of a folder that `run` wrote.

    Parameters
    ----------
    data : where given, the test split is scored again; else every score is the one that `run` stored.

    Raises
    ------
    UsageError : the folder has no card or no scores.
    """
    import json

    from algokit.atomic import write_text_atomically
    from algokit.reporting.tables import report_markdown
    from algokit.validation import scores_from_document

    try:
        card = json.loads((path / "card.json").read_text(encoding="utf-8"))
        stored = json.loads((path / "scores.json").read_text(encoding="utf-8"))
        scores = {split: scores_from_document(one) if one else None for split, one in stored.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        advice = "a report needs the folder that algokit run wrote; algokit score works on any submission"
        finding = Finding("no readable card.json and scores.json", str(path), advice=advice, code="no-card")
        raise UsageError("there is nothing to report on", [finding]) from error
    if data is not None:
        scores["test"] = score([path], data=data, manifest=manifest)[0].scores
    target = out or path / "report.md"
    write_text_atomically(target, report_markdown(card, scores))
    return target


def choices(path: Path) -> list[FitRecord]:
    """Feature space, alpha and cross-validated score of every vertex, per member, subject and hemisphere.

    Raises
    ------
    UsageError : this is not a folder that `run` wrote.
    """
    from algokit.reporting.folder import read_choices

    return read_choices(path)


def check_data(
    root: Path, *, manifest: Path | None = None, quick: bool = False, progress: ProgressCallback = no_progress
) -> list[Finding]:
    """Every departure of a challenge directory from its manifest; ``quick`` reads names and headers only."""
    from algokit.challenge import check_data as check
    from algokit.challenge import load_manifest

    return check(root, load_manifest(manifest) if manifest else None, quick=quick, progress=progress)


def lock_data(
    root: Path, *, out: Path | None = None, full: bool = False, progress: ProgressCallback = no_progress
) -> dict[str, Any]:
    """Record size and sha256 of every file of the challenge; ``data_lock.json`` in it where ``out`` is None."""
    from algokit.challenge import lock_data as lock

    return lock(_open_challenge(root, None), out, full=full, progress=progress)


def describe_data(root: Path) -> str:
    """The manifest (YAML) that a directory itself implies, for a challenge that is not the official one."""
    from algokit.challenge import describe_directory, manifest_to_yaml

    return manifest_to_yaml(describe_directory(root))


def make_demo(root: Path, *, seed: int = 0, progress: ProgressCallback = no_progress) -> Path:
    """Write the embedded demo challenge; does nothing where the same one is there already."""
    from algokit.challenge.synthetic import write_demo

    write_demo(root, seed=seed, progress=progress)
    return root


def schema() -> dict[str, Any]:
    """The JSON schema of a recipe, for editors."""
    from algokit.recipe.load import recipe_schema

    return recipe_schema()
