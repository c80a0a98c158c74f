"""The files of a study: constants, everything as JSON, one page that needs nothing else, and its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from algokit.atomic import replacing
from algokit.reporting.figures.frontier import frontier_pictures
from algokit.reporting.figures.law import law_picture
from algokit.reporting.figures.picture import save
from algokit.reporting.json_files import json_text
from algokit.reporting.page import render_study
from algokit.reporting.study_documents import constants_csv
from algokit.reporting.study_words import LawWords
from algokit.studies.results import GroupStudy


def write_study(
    folder: Path, document: dict[str, Any], groups: Sequence[GroupStudy], words: LawWords
) -> tuple[Path, ...]:
    """Write constants.csv, study.json, report.html and figures/; each whole or not at all.

    Parameters
    ----------
    words : what pictures call the columns.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    pictures = {group.group: law_picture(group.fit, group.group, words) for group in groups if group.fit}
    frontiers = frontier_pictures(groups, words)
    texts = {
        "constants.csv": constants_csv(groups),
        "study.json": json_text(document),
        "report.html": render_study(document, pictures, frontiers),
    }
    for name, content in texts.items():
        with replacing(folder / name) as aside:
            aside.write_text(content, encoding="utf-8")
    return (*(folder / name for name in texts), *save([*pictures.values(), *frontiers.values()], folder / "figures"))
