"""Study recipes: cost them, run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algokit.errors import RecipeError
from algokit.types import HEMISPHERES, ProgressCallback, Split, no_progress
from algokit.verbs.opening import opened, wanted_subjects
from algokit.verbs.preparing import RunOptions, default_store, fetch_command

if TYPE_CHECKING:
    from algokit.challenge import Challenge
    from algokit.pipeline.inputs import SubjectInputs
    from algokit.recipe.study_plan import StudiedData, StudyPlan
    from algokit.recipe.study_schema import StudyRecipe
    from algokit.studies.results import GroupStudy
    from algokit.studies.tidy import StudyRow


@dataclass(frozen=True)
class StudyRunReport:
    """What a study did, and what came out.

    Attributes
    ----------
    folder : with the results; ``files`` are all of them.
    rows : the tidy results.
    groups : the law of every ROI, "all" for all vertices; none where the recipe asks for no law.
    n_made : points that were made now; the others were in the store.
    """

    folder: Path
    study: StudyRecipe
    plan: StudyPlan
    rows: tuple[StudyRow, ...] = field(repr=False)
    groups: tuple[GroupStudy, ...]
    n_made: int
    files: tuple[Path, ...]
    warnings: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every law that was asked for is given."""
        return not any(group.findings for group in self.groups)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON; the rows are in results.csv."""
        from algokit.reporting.study_run_page import study_run_document

        found = study_run_document(self.plan, self.study, self.rows, self.groups)
        return {**found, "folder": str(self.folder), "n_made": self.n_made, "files": [str(one) for one in self.files]}


def study_plan(
    recipe: Path,
    *,
    data: Path | None = None,
    manifest: Path | None = None,
    nsd: Path | None = None,
    overrides: Sequence[str] = (),
    store: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> StudyPlan:
    """Resolve and cost a study, against a challenge directory or (without keys) against a manifest alone.

    Raises
    ------
    RecipeError, DataError : every problem at once.
    """
    from algokit.challenge import load_manifest, shipped_manifest
    from algokit.recipe.plan import PlannedData
    from algokit.recipe.study_load import load_study
    from algokit.recipe.study_plan import StudiedData

    study = load_study(recipe, overrides)
    if data is not None:
        return _read(study, recipe, overrides, opened(data, manifest, nsd), store or default_store(), progress)[0]
    stated = load_manifest(manifest) if manifest else shipped_manifest()
    geometry = tuple(stated.geometry(subject) for subject in stated.subjects)
    planned = PlannedData(stated.name, stated.digest(), geometry)
    return _plan_at(recipe, overrides, study, StudiedData(planned, tuple(stated.roi_classes)))


def study_run(
    recipe: Path,
    *,
    data: Path,
    manifest: Path | None = None,
    out: Path | None = None,
    store: Path | None = None,
    nsd: Path | None = None,
    overrides: Sequence[str] = (),
    options: RunOptions | None = None,
    progress: ProgressCallback = no_progress,
) -> StudyRunReport:
    """Run a study; what the store already holds, features and finished curves, is not made again.

    Parameters
    ----------
    out : the folder of results; ``studies/<name>-<key>`` where None.
    nsd : the Natural Scenes Dataset's own files, for noise ceilings; looked for in ``data`` where None.

    Raises
    ------
    AlgokitError : see `algokit.errors`; finished curves are kept and the next call resumes.
    """
    from algokit.pipeline.settings import RunSettings
    from algokit.pipeline.weights.needed import refuse_missing_weights
    from algokit.recipe.study_load import load_study
    from algokit.reporting.study_run_page import refuse_foreign_study, write_study_run
    from algokit.store import in_use
    from algokit.studies.pooling import law_points
    from algokit.studies.running import StudyJob, run_study

    study = load_study(recipe, overrides)
    refuse_missing_weights(study.recipe, fetch_command(recipe, overrides))
    root = store or default_store()
    if out is not None:
        refuse_foreign_study(out)
    challenge = opened(data, manifest, nsd)
    plan, inputs = _read(study, recipe, overrides, challenge, root, progress)
    folder = out or Path("studies") / f"{study.name}-{plan.digest[:12]}"
    refuse_foreign_study(folder)
    settings = RunSettings(**asdict(options or RunOptions()))
    with in_use(root):
        rows, n_made = run_study(StudyJob(plan, study, inputs, challenge, root, settings), progress)
    groups: tuple[GroupStudy, ...] = ()
    if study.law is not None:
        points = law_points(rows, study.scores.metric, study.law, study.predictors)
        groups = _laws(study, points, progress)
    files = write_study_run(folder, plan, study, rows, groups)
    return StudyRunReport(folder, study, plan, tuple(rows), groups, n_made, files, plan.warnings)


def _laws(study: StudyRecipe, points: Sequence[Any], progress: ProgressCallback) -> tuple[GroupStudy, ...]:
    from algokit.studies.groups import LawOptions, study_group
    from algokit.types import Progress

    law = study.law
    assert law is not None
    options = LawOptions(
        law=law.form,
        compute="flops" if law.form == "joint" else "",
        n_resamples=law.n_resamples,
        seed=law.seed,
        at=law.at,
        compare=law.form != "joint",
    )
    found = []
    for done, one in enumerate(points):
        progress(Progress("laws", done, len(points), "ROIs", one.group))
        found.append(study_group(one, options))
    progress(Progress("laws", len(points), len(points), "ROIs"))
    return tuple(found)


def _read(
    study: StudyRecipe,
    path: Path,
    overrides: Sequence[str],
    challenge: Challenge,
    store: Path,
    progress: ProgressCallback,
) -> tuple[StudyPlan, Mapping[str, SubjectInputs]]:
    """The plan against the data, and the inputs it is of."""
    from algokit.challenge import DigestCache
    from algokit.pipeline.inputs import read_inputs
    from algokit.recipe.study_plan import StudiedData

    subjects = wanted_subjects(challenge, study.subjects)
    digests = DigestCache(store / "digests.json")
    planned, inputs = read_inputs(challenge, subjects, digests, progress)
    split: Split = "test" if study.val is None else "val"
    has_truth = split == "val" or all(challenge.has_responses(subject, "test") for subject in subjects)
    truth = _truth_digests(challenge, subjects, digests) if split == "test" and has_truth else None
    has_ceilings = has_truth and all(
        challenge.ceilings(subject, hemisphere, split) is not None for subject in subjects for hemisphere in HEMISPHERES
    )
    data = StudiedData(planned, tuple(challenge.manifest.roi_classes), truth, has_truth, has_ceilings)
    return _plan_at(path, overrides, study, data), inputs


def _truth_digests(challenge: Challenge, subjects: Sequence[str], digests: Any) -> dict[str, str]:
    from algokit.store import digest_of

    paths = {one: [challenge.response_path(one, hemisphere, "test") for hemisphere in HEMISPHERES] for one in subjects}
    known = digests.many([path for both in paths.values() for path in both])
    return {one: digest_of([known[path] for path in both]) for one, both in paths.items()}


def _plan_at(path: Path, overrides: Sequence[str], study: StudyRecipe, data: StudiedData) -> StudyPlan:
    """Make the plan; what it refuses is told with the line of the recipe."""
    from algokit.recipe.load import placed_in
    from algokit.recipe.study_load import study_document
    from algokit.recipe.study_plan import make_study_plan

    try:
        return make_study_plan(study, data, version("algokit"))
    except RecipeError as error:
        raise placed_in(error, study_document(path, overrides)) from error
