"""Where it is written down what was packed: in the card of the submission, and in a document beside the zip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from algokit.atomic import write_text_atomically
from algokit.errors import DiskError
from algokit.types import Finding

KEY = "packed"


def record_in_card(submission: Path, packed: Mapping[str, Any]) -> Finding | None:
    """Add what was packed to a folder's card, in place of what it said of an earlier zip; nothing else in it changes.

    Returns
    -------
    None, or why it could not be done: the zip is good all the same.
    """
    from algokit.challenge.submission_card import card_data, card_of
    from algokit.reporting.json_files import json_text

    card = card_of(submission)
    try:
        write_text_atomically(card, json_text({**card_data(submission), KEY: packed}))
    except (ValueError, DiskError) as error:
        what, found = "the zip is not recorded in the card", " ".join(str(error).split())[:160]
        return Finding(what, str(card), "", "", found, "", "warning", "card-not-updated")
    return None


def write_provenance(zip_path: Path, packed: Mapping[str, Any], findings: Sequence[Finding], submission: Path) -> Path:
    """Write ``<zip>.provenance.json`` beside the zip: what was packed, by which versions, and a folder's card, if any.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    from algokit.pipeline.surroundings import versions
    from algokit.reporting.json_files import json_text

    document = {
        "versions": versions(("algokit", "numpy")),
        KEY: packed,
        "findings": [finding.as_dict() for finding in findings],
        "card": _card_without_zip(submission) if submission.is_dir() else None,
    }
    beside = zip_path.with_name(zip_path.name + ".provenance.json")
    write_text_atomically(beside, json_text(document))
    return beside


def _card_without_zip(submission: Path) -> dict[str, Any] | None:
    """The card of the run; None where there is none that can be read."""
    from algokit.challenge.submission_card import card_data

    try:
        return {key: value for key, value in card_data(submission).items() if key != KEY}
    except ValueError:
        return None
