"""A finished run -> its submission folder: the predictions, the plan, the card, the scores and the report table."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from algokit.atomic import sweep_beside, written_aside
from algokit.challenge import Challenge
from algokit.challenge.submission import write_predictions
from algokit.errors import UsageError
from algokit.pipeline.inputs import SubjectInputs
from algokit.recipe.plan import Plan
from algokit.reporting.card import build_card
from algokit.reporting.tables import report_markdown
from algokit.scoring import ScoredHemisphere, score, score_document
from algokit.store import Store, file_sha256
from algokit.types import HEMISPHERES, Finding, FitRecord, Hemisphere, Predictions, Responses, Scores, Split

_OURS = re.compile(
    r"(plan|card|scores)\.json|report\.md"
    r"|(val/)?subj\d\d/(lh_pred_(test|val)|rh_pred_(test|val)|image_ids)\.npy"
    r"|fits/[^/]+/(spaces\.json|subj\d\d/[lr]h_(space_index|alpha|cv_score)\.npy)"
)
CHOICES = ("space_index", "alpha", "cv_score")  # in the order of FitRecord


@dataclass(frozen=True)
class Finished:
    """What a submission folder is made from; every artefact of ``plan`` is in ``store``."""

    plan: Plan
    inputs: Mapping[str, SubjectInputs]
    store: Store
    challenge: Challenge
    facts: Mapping[str, Any]


def refuse_foreign(out: Path) -> None:
    """A folder that holds anything but a submission of ours, or what a killed run left of it, is never replaced.

    Raises
    ------
    UsageError : it does; the files that are not ours are named.
    """
    sweep_beside(out)
    foreign = _foreign_files(out)
    if foreign:
        finding = Finding(
            "this place holds what algokit did not write",
            where=str(out),
            found=", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""),
            advice="give --out a new folder, or move these files away",
            code="out-taken",
        )
        raise UsageError("--out would replace files that are not a submission's", [finding])


def _foreign_files(out: Path) -> list[str]:
    if not out.exists():
        return []
    if not out.is_dir():
        return [out.name]
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir())
    is_ours = any((out / name).is_file() for name in ("plan.json", "card.json"))
    return [name for name in found if not (is_ours and _OURS.fullmatch(name))]


def is_current(out: Path, finished: Finished, scores: Mapping[Split, Scores | None]) -> bool:
    """Whether ``out`` already is this submission with these scores, every file with its card's digest."""
    plan = finished.plan
    try:
        card = json.loads((out / "card.json").read_text(encoding="utf-8"))
        stated = [card["plan_key"], card["algokit_version"], card["challenge"]["manifest_digest"], card["test_data"]]
        if stated != [plan.key, plan.algokit_version, plan.manifest_digest, finished.facts["test_data"]]:
            return False
        if json.loads((out / "scores.json").read_text(encoding="utf-8")) != _score_documents(scores):
            return False
        return all(file_sha256(out / name) == digest for name, digest in card["files"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def scores_of(finished: Finished) -> dict[Split, Scores | None]:
    """The scores of the test split (None where the test responses are absent) and of val (None without one)."""
    return {"test": _test_scores(finished), "val": _val_scores(finished)}


def _score_documents(scores: Mapping[Split, Scores | None]) -> dict[str, Any]:
    return {split: score_document(one) if one else None for split, one in scores.items()}


def write_submission(out: Path, finished: Finished, scores: Mapping[Split, Scores | None]) -> None:
    """Write the folder as a whole; an older submission there is replaced only at the end.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    with written_aside(out) as folder:
        for subject in finished.plan.subjects:
            write_predictions(folder, predictions(finished, subject, "test"))
            _write_val(folder, finished, subject)
        _write_choices(folder, finished)
        _write_json(folder / "plan.json", finished.plan.model_dump(mode="json"))
        _write_json(folder / "scores.json", _score_documents(scores))
        files = {
            path.relative_to(folder).as_posix(): file_sha256(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        facts = {**finished.facts, "files": files, "notes": _fit_notes(finished)}
        card = build_card(plan=finished.plan.model_dump(mode="json"), facts=facts)
        _write_json(folder / "card.json", card)
        (folder / "report.md").write_text(report_markdown(card, scores), encoding="utf-8")


def predictions(finished: Finished, subject: str, split: Split) -> list[Predictions]:
    """The ensemble's predictions of one subject and split (test or val), per hemisphere."""
    step = next(one for one in finished.plan.of_kind("ensemble") if one.subject == subject)
    artefact = finished.store.open("ensemble", str(step.key))
    rows = finished.store.array(artefact, "val_rows")
    inputs = finished.inputs[subject]
    ids = inputs.test_ids if split == "test" else inputs.responses["lh"].image_ids[rows]
    return [
        Predictions(finished.store.array(artefact, f"{hemisphere}_{split}"), ids, subject, hemisphere, split)
        for hemisphere in HEMISPHERES
    ]


def _fit_notes(finished: Finished) -> dict[str, list[str]]:
    """What was out of the ordinary in a fit (constant features, a near-singular space), by step id."""
    metas = (finished.store.open("fit", str(step.key)).meta for step in finished.plan.of_kind("fit"))
    return {str(meta["id"]): list(meta["notes"]) for meta in metas if meta["notes"]}


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def _write_val(folder: Path, finished: Finished, subject: str) -> None:
    """``val/subjNN/{lh,rh}_pred_val.npy`` and ``image_ids.npy``; nothing without a val split."""
    for one in predictions(finished, subject, "val"):
        if len(one.image_ids):
            place = folder / "val" / subject
            place.mkdir(parents=True, exist_ok=True)
            np.save(place / f"{one.hemisphere}_pred_val.npy", one.values)
            np.save(place / "image_ids.npy", one.image_ids)


def _write_choices(folder: Path, finished: Finished) -> None:
    """``fits/<member>/spaces.json`` and, per subject, what every vertex chose."""
    for member in finished.plan.members:
        place = folder / "fits" / member.name
        place.mkdir(parents=True)
        spaces = [{"name": one.name, "layer": one.layer.name, "pooling": one.pooling} for one in member.spaces]
        _write_json(place / "spaces.json", spaces)
        for step in [one for one in finished.plan.of_kind("fit") if one.member == member.name]:
            artefact = finished.store.open("fit", str(step.key))
            (place / step.subject).mkdir()
            for hemisphere in HEMISPHERES:
                for name in CHOICES:
                    file = f"{hemisphere}_{name}.npy"
                    shutil.copyfile(artefact.path / file, place / step.subject / file)


def read_choices(submission: Path) -> list[FitRecord]:
    """What every member chose, read back from a folder that a run wrote.

    Raises
    ------
    UsageError : there are no choices in it.
    """
    records = []
    try:
        for spaces in sorted((submission / "fits").glob("*/spaces.json")):
            names = tuple(space["name"] for space in json.loads(spaces.read_text(encoding="utf-8")))
            for subject in sorted(path.name for path in spaces.parent.iterdir() if path.is_dir()):
                for hemisphere in HEMISPHERES:
                    arrays = (
                        np.load(spaces.parent / subject / f"{hemisphere}_{name}.npy", allow_pickle=False)
                        for name in CHOICES
                    )
                    records.append(FitRecord(spaces.parent.name, subject, hemisphere, names, *arrays))
    except (OSError, ValueError, KeyError, TypeError) as error:
        finding = Finding("its choices cannot be read", str(submission), found=str(error), code="bad-choices")
        raise UsageError(f"{submission} is damaged", [finding]) from error
    if not records:
        finding = Finding(
            "no folder fits/", str(submission), advice="give a folder that algokit run wrote", code="no-choices"
        )
        raise UsageError("nothing was chosen here", [finding])
    return records


def _scored(
    finished: Finished, subject: str, split: Split, responses: Mapping[Hemisphere, Responses]
) -> Iterator[ScoredHemisphere]:
    for one in predictions(finished, subject, split):
        yield ScoredHemisphere(
            predictions=one,
            responses=responses[one.hemisphere],
            ceilings=finished.challenge.ceilings(subject, one.hemisphere, split),
            roi_masks=finished.challenge.roi_masks(subject, one.hemisphere),
        )


def _test_scores(finished: Finished) -> Scores | None:
    subjects = [one for one in finished.plan.subjects if finished.challenge.has_responses(one, "test")]
    if len(subjects) < len(finished.plan.subjects):
        return None
    return score(_test_items(finished, subjects))


def _test_items(finished: Finished, subjects: Iterable[str]) -> Iterator[ScoredHemisphere]:
    for subject in subjects:
        responses = {hemi: finished.challenge.responses(subject, hemi, "test") for hemi in HEMISPHERES}
        yield from _scored(finished, subject, "test", responses)


def _val_scores(finished: Finished) -> Scores | None:
    if finished.plan.recipe["val"] is None:
        return None
    return score(_val_items(finished))


def _val_items(finished: Finished) -> Iterator[ScoredHemisphere]:
    for subject, inputs in finished.inputs.items():
        step = next(one for one in finished.plan.of_kind("ensemble") if one.subject == subject)
        rows = finished.store.array(finished.store.open("ensemble", str(step.key)), "val_rows")
        responses = {
            hemisphere: Responses(
                np.ascontiguousarray(train.values[rows]), train.image_ids[rows], subject, hemisphere, "val"
            )
            for hemisphere, train in inputs.responses.items()
        }
        yield from _scored(finished, subject, "val", responses)
