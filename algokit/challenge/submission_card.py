"""The card in a submission, or beside its zip: what a run, or a stranger, says of the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from algokit.documents import read_json_document
from algokit.errors import SubmissionError


def card_of(path: Path) -> Path:
    """Where the card of a submission lies: in its folder; for a zip in the folder of its name beside it."""
    return (path if path.is_dir() else path.with_suffix("")) / "card.json"


def has_card(path: Path) -> bool:
    """Whether a submission has a card that can be opened: a pipe or a device of that name may never answer."""
    try:
        return card_of(path).is_file()
    except OSError:  # the folder beside a zip may be somebody else's
        return False


def card_data(path: Path) -> dict[str, Any]:
    """The card of a submission as plain data, read in bounded time and memory whatever it is.

    Raises
    ------
    ValueError : there is none, or it is no document; in words for a person.
    """
    if not has_card(path):
        raise ValueError("no card, or not a regular file")
    try:
        data: dict[str, Any] = read_json_document(card_of(path), SubmissionError).data
    except SubmissionError as error:
        raise ValueError(error.findings[0].what) from error
    return data
