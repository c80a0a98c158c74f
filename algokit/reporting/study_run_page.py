"""The folder of a study: tidy results, laws, plan, one page that needs nothing else, and its pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from algokit.atomic import written_aside
from algokit.recipe.study_plan import StudyPlan
from algokit.recipe.study_schema import StudyRecipe
from algokit.reporting.figures.frontier import frontier_pictures
from algokit.reporting.figures.law import law_picture
from algokit.reporting.figures.picture import Picture
from algokit.reporting.json_files import json_text
from algokit.reporting.page import render_study_run
from algokit.reporting.study_charts import study_charts
from algokit.reporting.study_documents import FORMULAS, constants_csv, group_document
from algokit.reporting.study_tables import ceilings_table, law_tables, scores_table
from algokit.reporting.study_words import words_of_study
from algokit.reporting.taken import refuse_taken
from algokit.studies.fit import CONFIDENCE
from algokit.studies.parquet import rows_parquet
from algokit.studies.results import GroupStudy
from algokit.studies.tidy import StudyRow, rows_csv

_OURS = re.compile(
    r"results\.(csv|parquet)|constants\.csv|(study|plan)\.json|report\.html|figures/[a-z0-9-]+\.(svg|png)"
)


def refuse_foreign_study(folder: Path) -> None:
    """A folder that holds anything but a study of ours, or what a killed run left of it, is never replaced.

    Raises
    ------
    UsageError : it does; what is not ours is named.
    """
    refuse_taken(folder, _OURS, ("study.json",), "the results of a study need a folder of their own")


def write_study_run(
    folder: Path, plan: StudyPlan, study: StudyRecipe, rows: Sequence[StudyRow], groups: Sequence[GroupStudy]
) -> tuple[Path, ...]:
    """Write the folder as a whole; an older study there is replaced only at the end, and not where it is the same.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    files = _files(plan, study, rows, groups)
    if not _holds(folder, files):
        with written_aside(folder) as aside:
            (aside / "figures").mkdir()
            for name, content in files.items():
                (aside / name).write_bytes(content)
    return tuple(folder / name for name in files)


def _files(
    plan: StudyPlan, study: StudyRecipe, rows: Sequence[StudyRow], groups: Sequence[GroupStudy]
) -> dict[str, bytes]:
    """Name -> bytes of everything in the folder; nothing in them tells the time."""
    charts = study_charts(study, rows)
    words = words_of_study(study)
    laws = {one.group: law_picture(one.fit, one.group, words) for one in groups if one.fit}
    laws |= {f"frontier {name}": one for name, one in frontier_pictures(groups, words).items()}
    document = study_run_document(plan, study, rows, groups)
    texts = {
        "results.csv": rows_csv(rows),
        "constants.csv": constants_csv(groups),
        "study.json": json_text(document),
        "plan.json": json_text(plan.model_dump(mode="json")),
        "report.html": _page(plan, study, rows, document, charts, laws, groups),
    }
    return {
        **{name: text.encode() for name, text in texts.items()},
        "results.parquet": rows_parquet(rows),
        **{f"figures/{picture.file}": picture.data for picture in (*charts, *laws.values())},
    }


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Whether a folder has these files with these bytes, and nothing else."""
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    try:
        return there.keys() == files.keys() and all(there[name].read_bytes() == files[name] for name in files)
    except OSError:  # what cannot be read is replaced
        return False


def study_run_document(
    plan: StudyPlan, study: StudyRecipe, rows: Sequence[StudyRow], groups: Sequence[GroupStudy]
) -> dict[str, Any]:
    """What a study found, as plain values; the rows themselves are in results.csv."""
    law = study.law.form if study.law else None
    return {
        "study": plan.study,
        "digest": plan.digest,
        "challenge": plan.plan.challenge,
        "split": rows[0].split,
        "n_points": plan.n_points,
        "n_rows": len(rows),
        "metric": study.scores.metric,
        "metric_version": next(row.version for row in rows if row.metric == study.scores.metric),
        "predictors": list(study.predictors),
        "law": law,
        "formula": FORMULAS[law] if law else None,
        "confidence": CONFIDENCE,
        "groups": [group_document(one) for one in groups],
        "warnings": list(plan.warnings),
    }


def _page(
    plan: StudyPlan,
    study: StudyRecipe,
    rows: Sequence[StudyRow],
    document: Mapping[str, Any],
    charts: Sequence[Picture],
    laws: Mapping[str, Picture],
    groups: Sequence[GroupStudy],
) -> str:
    return render_study_run(
        name=study.name,
        about=study.about,
        summary=_summary(plan, rows),
        warnings=plan.warnings,
        charts=charts,
        tables=[scores_table(study, rows), *ceilings_table(rows)],
        study=document,
        pictures=list(laws.values()),
        laws=law_tables(groups),
        law_words=_law_words(study, groups),
    )


def _summary(plan: StudyPlan, rows: Sequence[StudyRow]) -> str:
    subjects, first = list(dict.fromkeys(row.subject for row in rows)), rows[0]
    sizes, n_draws = sorted({row.n_images for row in rows}), len({row.draw for row in rows})
    images = f"{sizes[0]:,} images" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,} images ({len(sizes)} sizes)"
    scored = "held-out training images" if first.split == "val" else "test images"
    counts = sorted({row.n_scored for row in rows})
    n_scored = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"{plan.n_points:,} fits: {_count(len(plan.series), 'series', 'series')} of feature spaces, "
        f"{_count(len(subjects), 'subject')}, {images}, {_count(n_draws, 'draw')}. "
        f"Scored on {n_scored} {scored} per subject that no fit has seen."
    )


def _count(n: int, noun: str, plural: str = "") -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {plural or noun + 's'}"


def _law_words(study: StudyRecipe, groups: Sequence[GroupStudy]) -> str:
    if study.law is None:
        return ""
    called = words_of_study(study)
    over = {
        "points": "Intervals are over points.",
        "draws": "Intervals are over draws of the images.",
        "subjects": "Intervals are over subjects.",
        "models": "Intervals are over models.",
    }
    fits = [one.fit.observations for one in groups if one.fit]
    scaled = zip(called.predictors, fits[0].scales, strict=True) if fits else ()
    of = " and ".join(one.axis if scale == 1 else f"{one.axis} / {scale:g}" for one, scale in scaled)
    predictors = f" Predictors: {of}." if of else ""
    return f"S is {called.score.axis}.{predictors} {over[study.law.resample]}"
