"""Where it is written down what was packed: in the card of the submission, and in a document beside the zip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from algokit.atomic import write_text_atomically
from algokit.errors import DiskError
from algokit.types import Finding

KEY = "packed"


def record_in_card(card: Path, packed: Mapping[str, Any]) -> Finding | None:
    """Add what was packed to a card, in place of what it said of an earlier zip; nothing else in it changes.

    Returns
    -------
    None, or why it could not be done: the zip is good all the same.
    """
    from algokit.reporting.json_files import json_text, read_json

    try:
        write_text_atomically(card, json_text({**read_json(card), KEY: packed}))
    except (OSError, ValueError, TypeError, DiskError) as error:
        what, found = "the zip is not recorded in the card", " ".join(str(error).split())[:160]
        return Finding(what, str(card), "", "", found, "", "warning", "card-not-updated")
    return None


def write_provenance(zip_path: Path, packed: Mapping[str, Any], findings: Sequence[Finding], card: Path) -> Path:
    """Write ``<zip>.provenance.json`` beside the zip: what was packed, by which versions, and the card if there is one.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    from algokit.reporting.card import versions
    from algokit.reporting.json_files import json_text

    document = {
        "versions": versions(("algokit", "numpy")),
        KEY: packed,
        "findings": [finding.as_dict() for finding in findings],
        "card": _card_without_zip(card),
    }
    beside = zip_path.with_name(zip_path.name + ".provenance.json")
    write_text_atomically(beside, json_text(document))
    return beside


def _card_without_zip(card: Path) -> dict[str, Any] | None:
    """The card of the run; None where there is none that can be read."""
    from algokit.reporting.json_files import read_json

    try:
        return {key: value for key, value in read_json(card).items() if key != KEY}
    except (OSError, ValueError, AttributeError):
        return None
