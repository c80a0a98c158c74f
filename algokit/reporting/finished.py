"""What a run leaves to be written down: its plan, its inputs, and the store that holds every artefact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from algokit.challenge import Challenge
from algokit.pipeline.inputs import SubjectInputs
from algokit.recipe.plan import Plan
from algokit.store import Store
from algokit.types import HEMISPHERES, Ints, Predictions, Split


@dataclass(frozen=True)
class Finished:
    """What a submission folder is made from; every artefact of ``plan`` is in ``store``."""

    plan: Plan
    inputs: Mapping[str, SubjectInputs]
    store: Store
    challenge: Challenge
    facts: Mapping[str, Any]


def predictions(finished: Finished, subject: str, split: Split) -> list[Predictions]:
    """The ensemble's predictions of one subject and split (test or val), per hemisphere."""
    step = next(one for one in finished.plan.of_kind("ensemble") if one.subject == subject)
    artefact = finished.store.open("ensemble", str(step.key))
    inputs = finished.inputs[subject]
    ids = inputs.test_ids if split == "test" else inputs.responses["lh"].image_ids[val_rows(finished, subject)]
    return [
        Predictions(finished.store.array(artefact, f"{hemisphere}_{split}"), ids, subject, hemisphere, split)
        for hemisphere in HEMISPHERES
    ]


def val_rows(finished: Finished, subject: str) -> Ints:
    """The training rows that were held out, ascending; none without a val split."""
    step = next(one for one in finished.plan.of_kind("ensemble") if one.subject == subject)
    rows: Ints = finished.store.array(finished.store.open("ensemble", str(step.key)), "val_rows")
    return rows
