"""The report of a submission, and what its vertices chose."""

from __future__ import annotations

from pathlib import Path

from algokit.errors import UsageError
from algokit.types import Finding, FitRecord
from algokit.verbs.judging import score


def report(path: Path, *, data: Path | None = None, manifest: Path | None = None, out: Path | None = None) -> Path:
    """Write the report tables (Markdown; ``report.md`` in the folder by default) of a folder that `run` wrote.

    Parameters
    ----------
    data : where given, the test split is scored again; else every score is the one that `run` stored.

    Raises
    ------
    UsageError : the folder has no card or no scores.
    """
    import json

    from algokit.atomic import write_text_atomically
    from algokit.reporting.tables import report_markdown
    from algokit.scoring import scores_from_document

    try:
        card = json.loads((path / "card.json").read_text(encoding="utf-8"))
        stored = json.loads((path / "scores.json").read_text(encoding="utf-8"))
        scores = {split: scores_from_document(one) if one else None for split, one in stored.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        advice = "a report needs the folder that algokit run wrote; algokit score works on any submission"
        finding = Finding("no readable card.json and scores.json", str(path), advice=advice, code="no-card")
        raise UsageError("there is nothing to report on", [finding]) from error
    if data is not None:
        scores["test"] = score([path], data=data, manifest=manifest)[0].scores
    target = out or path / "report.md"
    write_text_atomically(target, report_markdown(card, scores))
    return target


def choices(path: Path) -> list[FitRecord]:
    """Feature space, alpha and cross-validated score of every vertex, per member, subject and hemisphere.

    Raises
    ------
    UsageError : this is not a folder that `run` wrote.
    """
    from algokit.reporting.folder import read_choices

    return read_choices(path)
