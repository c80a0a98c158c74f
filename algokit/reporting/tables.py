"""Scores as plain tables: headers, rows of values, and how they are written. The console and the report render them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from algokit.types import HEMISPHERES, ScoreRow, Scores, Split

Cell: TypeAlias = str | int | float | None
_ALL = "all"
_METRICS = {
    "noise_normalized_mean": "noise-normalized mean",
    "noise_normalized_median": "noise-normalized median",
    "pearson_r_mean": "raw r",
}


@dataclass(frozen=True)
class Table:
    """A table without any look.

    Attributes
    ----------
    rows : one tuple of values per row, None where there is no value.
    digits : column -> decimals of its floats; 2 where not given.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    digits: Mapping[str, int]

    def text(self) -> list[list[str]]:
        """The rows as strings, in the order of the headers."""
        return [[self._cell(name, cell) for name, cell in zip(self.headers, row, strict=True)] for row in self.rows]

    def _cell(self, name: str, cell: Cell) -> str:
        if cell is None:
            return "n/a"
        return f"{cell:.{self.digits.get(name, 2)}f}" if isinstance(cell, float) else str(cell)


def subject_table(scores: Scores) -> Table:
    """All vertices, per subject and hemisphere and pooled over either."""
    rows = _pivot(row for row in scores.rows if row.roi_class == _ALL)
    return _score_table("Subjects and hemispheres", ("subject", "hemisphere"), rows, lambda place: place[:2])


def roi_table(scores: Scores, subject: str = _ALL, hemisphere: str = _ALL) -> Table:
    """ROI classes and ROIs, by default bilateral and over all subjects; an ROI without vertices has no row."""
    place = (subject, hemisphere)
    rows = _pivot(row for row in scores.rows if (row.subject, row.hemisphere) == place and row.roi_class != _ALL)
    title = " ".join(["ROIs", *(word for word in place if word != _ALL)])
    return _score_table(title, ("ROI class", "ROI"), rows, lambda place: place[2:])


def comparison_table(submissions: Mapping[str, Scores]) -> Table:
    """Submissions by their score over all vertices, best first; those without noise ceilings last, by raw r."""
    rows: list[tuple[Cell, ...]] = []
    for name, scores in submissions.items():
        values, n_vertices = _pivot(row for row in scores.rows if row.roi_class == _ALL)[_ALL, _ALL, _ALL, _ALL]
        numbers = [values.get(metric) for metric in _METRICS]
        rows.append(
            (
                name,
                scores.split,
                *numbers,
                n_vertices,
                scores.n_constant + scores.n_nonfinite,
                ", ".join(scores.n_images),
            )
        )
    headers = ("submission", "split", *_METRICS.values(), "vertices", "flat", "subjects")
    rows.sort(key=lambda row: [(value is not None, value or 0.0) for value in (row[2], row[4])], reverse=True)
    return Table("Scores", headers, tuple(rows), {"raw r": 4})


def _pivot(rows: Iterable[ScoreRow]) -> dict[tuple[str, str, str, str], tuple[dict[str, float], int]]:
    """Place -> metric values and number of vertices, in order of first appearance."""
    places: dict[tuple[str, str, str, str], tuple[dict[str, float], int]] = {}
    for row in rows:
        place = (row.subject, row.hemisphere, row.roi_class, row.roi)
        places.setdefault(place, ({}, row.n_vertices))[0][row.metric] = row.value
    return places


def _score_table(
    title: str,
    names: tuple[str, str],
    places: Mapping[tuple[str, str, str, str], tuple[dict[str, float], int]],
    label: Callable[[tuple[str, ...]], tuple[str, ...]],
) -> Table:
    rows = tuple(
        (*label(place), n_vertices, *(values.get(metric) for metric in _METRICS))
        for place, (values, n_vertices) in places.items()
    )
    return Table(title, (*names, "vertices", *_METRICS.values()), rows, {"raw r": 4})


def to_markdown(table: Table) -> str:
    """A Markdown table, numbers flush right, without its title."""
    columns = range(len(table.headers))
    numeric = [any(not isinstance(row[column], str) for row in table.rows) for column in columns]
    lines = [table.headers, ["---:" if right else "---" for right in numeric], *table.text()]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def report_markdown(card: Mapping[str, Any], scores: Mapping[Split, Scores | None]) -> str:
    """The report of one submission: warnings first, then the scores of each split and their tables."""
    parts = [f"# {card.get('recipe', {}).get('name', 'submission')}\n"]
    parts += [f"> **Warning:** {warning}\n" for warning in card.get("warnings", [])]
    for split, one in scores.items():
        parts.append(f"## Split: {split}\n")
        parts += _split_report(one) if one else ["No measured responses for this split; nothing to score.\n"]
    return "\n".join(parts)


def _split_report(scores: Scores) -> list[str]:
    images = ", ".join(f"{subject} {n_images}" for subject, n_images in scores.n_images.items())
    facts = [
        f"Noise-normalized scores are percent of the noise ceiling ({scores.ceiling_source or 'none known'}).",
        f"Vertices: {scores.n_vertices}; with a ceiling of 0: {scores.n_zero_ceiling}; at the cap of 100: "
        f"{scores.n_clipped}; constant prediction: {scores.n_constant}; "
        f"not finite: {scores.n_nonfinite}. Images: {images}.",
        *(f"Note: {note}." for note in scores.notes),
    ]
    subjects = list(scores.n_images) if len(scores.n_images) > 1 else []
    tables = [
        subject_table(scores),
        roi_table(scores),
        *(roi_table(scores, hemisphere=hemisphere) for hemisphere in HEMISPHERES),
        *(roi_table(scores, subject) for subject in subjects),
    ]
    return [
        "\n".join(facts) + "\n",
        *(f"### {table.title}\n\n{to_markdown(table)}" for table in tables if table.rows),
    ]
