"""The sizes a submission should have: from the data, a manifest, its own card, or the official challenge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from algokit.challenge.directory import Challenge
from algokit.challenge.manifest import Manifest, shipped_manifest
from algokit.challenge.submission_card import card_data, card_of, has_card
from algokit.challenge.untrusted_npy import shown
from algokit.errors import SubmissionError
from algokit.types import HEMISPHERES, Finding, SubjectGeometry


def submission_geometry(
    path: Path | None, challenge: Challenge | None, manifest: Manifest | None
) -> tuple[dict[str, SubjectGeometry], str]:
    """The sizes a submission should have, and where they were taken from.

    In this order: the challenge directory, the manifest, the card beside the files (for a zip: in the folder of its
    name beside it; for a stream, which lies nowhere: none), the official challenge.

    Raises
    ------
    SubmissionError : the card cannot be read.
    """
    if challenge is not None:
        return {one: challenge.geometry(one) for one in challenge.subjects}, f"the data in {challenge.root}"
    if manifest is not None:
        return {one: manifest.geometry(one) for one in manifest.subjects}, f"the manifest of {manifest.name}"
    if path and has_card(path):
        return _card_geometry(path), str(card_of(path))
    official = shipped_manifest()
    return {one: official.geometry(one) for one in official.subjects}, f"the manifest of {official.name}"


def _card_geometry(path: Path) -> dict[str, SubjectGeometry]:
    card = card_of(path)
    try:
        entries = card_data(path)["geometry"]
        return {_subject(name): _entry_geometry(name, entry) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        advice = "give --data or --manifest, or make the submission again"
        found = shown(str(error) if isinstance(error, ValueError) else repr(error))
        finding = Finding("its geometry cannot be read", str(card), found=found, advice=advice, code="bad-card")
        raise SubmissionError(f"{card} is not a card", [finding]) from error


def _subject(name: str) -> str:
    if not re.fullmatch(r"subj\d\d", name):
        raise ValueError(f"{name!r} is no subject")
    return name


def _entry_geometry(subject: str, entry: Mapping[str, Any]) -> SubjectGeometry:
    n_vertices = {hemisphere: int(entry["n_vertices"][hemisphere]) for hemisphere in HEMISPHERES}
    geometry = SubjectGeometry(subject, int(entry["n_train"]), int(entry["n_test"]), n_vertices)
    if min(geometry.n_test, *n_vertices.values()) < 1:
        raise ValueError(f"sizes of {subject} below 1")
    return geometry
