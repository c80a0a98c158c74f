"""A finished run -> its submission folder: predictions, plan, scores, card, and the report made from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from algokit.atomic import written_aside
from algokit.challenge.submission import write_predictions
from algokit.challenge.submission_check import validate_submission
from algokit.errors import UsageError
from algokit.reporting.card import build_card, headline_scores
from algokit.reporting.choices import write_choices
from algokit.reporting.finished import Finished, predictions
from algokit.reporting.json_files import read_json, write_json
from algokit.reporting.places import write_places
from algokit.reporting.presentation import MARKDOWN, PAGE, write_presentation
from algokit.reporting.reported import placed_inside, read_reported, read_scores
from algokit.reporting.taken import refuse_taken
from algokit.scoring import Intervals, score_document, write_vertices
from algokit.store import file_sha256
from algokit.types import ProgressCallback, ScoreRow, Scores, Split, no_progress

_OURS = re.compile(
    r"(plan|card|scores)\.json|report\.(md|html)"
    r"|(val/)?subj\d\d/(lh_pred_(test|val)|rh_pred_(test|val)|image_ids)\.npy"
    r"|fits/[^/]+/(spaces\.json|subj\d\d/[lr]h_(space_index|alpha|cv_score)\.npy)"
    r"|vertices/(test|val)/subj\d\d/[lr]h_([a-z_]+\.npy|vertices\.json)"
    r"|vertices/places/subj\d\d/[lr]h_(rois\.json|(roi_labels|fsaverage_index)\.npy)"
    r"|figures/[a-z0-9-]+\.(svg|png)"
)


def refuse_foreign(out: Path) -> None:
    """A folder that holds anything but a submission of ours, or what a killed run left of it, is never replaced.

    Raises
    ------
    UsageError : it does; the files that are not ours are named.
    """
    refuse_taken(out, _OURS, ("plan.json", "card.json"), "--out would replace files that are not a submission's")


def is_current(out: Path, finished: Finished, scores: Mapping[Split, Scores | None]) -> bool:
    """Whether ``out`` already is this submission with these scores, every file with its card's digest.

    The reports and figures are made from those files and have no digests; they only have to be there.

    Parameters
    ----------
    scores : without intervals, which follow from predictions, responses and `Intervals`.
    """
    plan = finished.plan
    try:
        card = read_json(out / "card.json")
        stated = [card["plan_key"], card["algokit_version"], card["challenge"]["manifest_digest"], card["test_data"]]
        if stated != [plan.key, plan.algokit_version, plan.manifest_digest, finished.facts["test_data"]]:
            return False
        if not _same_scores(read_scores(out), scores):
            return False
        if not all((out / name).is_file() for name in (PAGE, MARKDOWN)):
            return False
        return all(file_sha256(out / name) == digest for name, digest in card["files"].items())
    except (OSError, ValueError, KeyError, TypeError, UsageError):
        return False


def _same_scores(stored: Mapping[Split, Scores | None], plain: Mapping[Split, Scores | None]) -> bool:
    """Whether what is stored are these scores with the intervals a run makes."""
    if stored.keys() != plain.keys():
        return False
    pairs = [(stored[split], plain[split]) for split in plain]
    return all(
        before is now is None
        or (before and now and before.intervals == Intervals().words() and _bare(before) == _bare(now))
        for before, now in pairs
    )


def _bare(scores: Scores) -> tuple[str, list[ScoreRow]]:
    """Rows without what resampling added."""
    rows = [replace(row, low=None, high=None, chance_low=None, chance_high=None, p_value=None) for row in scores.rows]
    return scores.ceiling_source, rows


def _score_documents(scores: Mapping[Split, Scores | None]) -> dict[str, Any]:
    return {split: score_document(one) if one else None for split, one in scores.items()}


def write_submission(
    out: Path,
    finished: Finished,
    scores: Mapping[Split, Scores | None],
    *,
    progress: ProgressCallback = no_progress,
) -> None:
    """Write the folder as a whole; an older submission there is replaced only at the end.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    plan = finished.plan.model_dump(mode="json")
    with written_aside(out) as folder:
        for subject in finished.plan.subjects:
            write_predictions(folder, predictions(finished, subject, "test"))
            _write_val(folder, finished, subject)
        write_choices(folder, finished)
        known = [one for one in scores.values() if one is not None]
        for one in known:
            write_vertices(folder / "vertices", one)
        if not known:  # what is scored has its places beside its scores
            write_places(folder, finished)
        write_json(folder / "plan.json", plan)
        write_json(folder / "scores.json", _score_documents(scores))
        made = {"files": _digests(folder), "notes": _notes(finished), "scores": headline_scores(scores)}
        write_json(folder / "card.json", build_card(plan=plan, facts={**finished.facts, **made}))
        geometry = {subject: finished.challenge.geometry(subject) for subject in finished.plan.subjects}
        findings = validate_submission(folder, geometry)
        reported = read_reported(folder, findings=placed_inside(findings, folder))
        write_presentation(folder, reported, progress=progress)


def _digests(folder: Path) -> dict[str, str]:
    """sha256 of everything written so far: what the card vouches for."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


def _notes(finished: Finished) -> dict[str, list[str]]:
    """By step id: what was out of the ordinary in a fit (constant features, a near-singular space), and what learned
    weights are worth beside the plain mean."""
    steps = [*finished.plan.of_kind("fit"), *finished.plan.of_kind("ensemble")]
    metas = (finished.store.open(step.kind, str(step.key)).meta for step in steps)
    return {str(meta["id"]): list(meta["notes"]) for meta in metas if meta.get("notes")}


def _write_val(folder: Path, finished: Finished, subject: str) -> None:
    """``val/subjNN/{lh,rh}_pred_val.npy`` and ``image_ids.npy``; nothing without a val split."""
    for one in predictions(finished, subject, "val"):
        if len(one.image_ids):
            place = folder / "val" / subject
            place.mkdir(parents=True, exist_ok=True)
            np.save(place / f"{one.hemisphere}_pred_val.npy", one.values)
            np.save(place / "image_ids.npy", one.image_ids)
