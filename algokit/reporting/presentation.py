"""The files people look at: ``report.html``, ``report.md`` and ``figures/``, made from what a folder holds."""

from __future__ import annotations

from pathlib import Path

from algokit.atomic import write_text_atomically
from algokit.reporting.figures import save
from algokit.reporting.gallery import make_gallery
from algokit.reporting.page import render_page
from algokit.reporting.reported import Reported
from algokit.reporting.tables import report_markdown
from algokit.types import ProgressCallback, no_progress

PAGE = "report.html"
MARKDOWN = "report.md"
FIGURES = "figures"


def write_presentation(folder: Path, reported: Reported, *, progress: ProgressCallback = no_progress) -> None:
    """Write the page, the Markdown and the pictures of a submission into its folder.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    write_markdown(folder / MARKDOWN, reported)
    write_page(folder / PAGE, reported, figures=FIGURES, progress=progress)


def write_page(target: Path, reported: Reported, *, figures: str, progress: ProgressCallback = no_progress) -> None:
    """Write the page, and every picture of it as a file of its own in the folder ``figures`` beside it.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    gallery = make_gallery(reported, progress=progress)
    save(gallery.all(), target.parent / figures)
    write_text_atomically(target, render_page(reported, gallery, figures=figures))


def write_markdown(target: Path, reported: Reported) -> None:
    """Write the tables and warnings alone.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    write_text_atomically(
        target, report_markdown(reported.card or {"recipe": {"name": reported.name}}, reported.scores)
    )
