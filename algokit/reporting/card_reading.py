"""A card from a file that anybody may have written: every problem is a finding at its place."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algokit.documents import Document, read_json_document, short_text, validated
from algokit.errors import UsageError
from algokit.reporting.card import SCHEMA
from algokit.reporting.card_schema import Card
from algokit.types import Finding

CARD = "card.json"
_MOST_FINDINGS = 50


@dataclass(frozen=True)
class CardFile:
    """A card and where it was read from.

    Attributes
    ----------
    path : the file.
    document : the card as plain data; findings about it get their place from here.
    """

    path: Path
    card: Card
    document: Document


def read_card(path: Path) -> CardFile:
    """Read a card from a ``card.json``, a submission folder, or the provenance file beside a zip.

    Raises
    ------
    UsageError : there is no card there, it is damaged, or of a version that is not known here.
    """
    document = _card_document(_file(path))
    _refuse_other_version(document)
    try:
        return CardFile(Path(document.name), validated(document, Card, UsageError), document)
    except UsageError as error:
        hidden = len(error.findings) - _MOST_FINDINGS
        more = [Finding(f"and {hidden} more problems", document.name, code="more")] if hidden > 0 else []
        raise UsageError(error.headline, [*error.findings[:_MOST_FINDINGS], *more]) from error


def _file(path: Path) -> Path:
    if path.is_dir():
        return _file_in(path)
    if path.suffix == ".zip":
        advice = f"give {path.name}.provenance.json (algokit pack --provenance) or the folder it was packed from"
        raise UsageError(
            f"{path} has no card", [Finding("a zip holds no card", str(path), advice=advice, code="no-card")]
        )
    return path


def _file_in(folder: Path) -> Path:
    path, advice = folder / CARD, "give the folder that algokit run wrote, or a card"
    if path.is_file():
        return path
    if os.path.lexists(path):  # a pipe would be waited for
        finding = Finding("not a regular file", str(path), advice=advice, code="special-file")
        raise UsageError(f"{path} cannot be read", [finding])
    raise UsageError(f"{folder} has no card", [Finding(f"no {CARD}", str(folder), advice=advice, code="no-card")])


def _card_document(path: Path) -> Document:
    document = read_json_document(path, UsageError)
    is_provenance = not _is_card(document.data) and isinstance(document.data.get("card"), dict)
    return document.part(("card",)) if is_provenance else document


def _is_card(data: dict[str, Any]) -> bool:
    return str(data.get("schema", "")).startswith("algokit-card/")


def _refuse_other_version(document: Document) -> None:
    """Say in one sentence that this is no card, or another version's, before it is held to this version's keys."""
    stated = document.data.get("schema")
    if stated == SCHEMA:
        return
    where, name = document.place(("schema",))[1], document.name
    if re.fullmatch("algokit-card/[0-9]{1,9}", str(stated)):
        advice = "read it with the algokit that wrote it, or a newer one"
        wrote = short_text(document.data.get("algokit_version"))
        finding = Finding(
            "a card of a version that is not known here",
            where,
            "schema",
            SCHEMA,
            f"{stated}, by algokit {wrote}",
            advice,
        )
        raise UsageError(f"{name} is a card of another version", [finding])
    found = "" if stated is None else short_text(stated)
    if "packed" in document.data and "card" in document.data:  # a zip of files that no run wrote
        found = "the provenance of a zip whose submission had no card"
    advice = "give the card.json of a submission, its folder, or the provenance file beside its zip"
    raise UsageError(f"{name} is not a card", [Finding("not a card", where, "schema", SCHEMA, found, advice)])
