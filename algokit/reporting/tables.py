"""Scores as plain tables: headers, rows of values, and how they are written. The console and the report render them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from algokit.scoring import Comparison, ComparisonRow
from algokit.types import HEMISPHERES, ScoreRow, Scores, Split

Mode: TypeAlias = Literal["official", "scientific"]
_ALL = "all"
_Place: TypeAlias = tuple[str, str, str, str]
# mode -> row metric -> header
_METRICS: dict[Mode, dict[str, str]] = {
    "official": {
        "noise_normalized_mean": "noise-normalized mean",
        "noise_normalized_median": "noise-normalized median",
        "pearson_r_mean": "raw r",
    },
    "scientific": {
        "scientific_noise_normalized_mean": "scientific mean",
        "scientific_noise_normalized_median": "scientific median",
        "pearson_r_mean": "raw r",
    },
}
_DIGITS = {"raw r": 4, "r2": 4, "p": 3, "p (Holm)": 3}


@dataclass(frozen=True)
class Estimate:
    """A number with its interval: written ``70.72 [69.10, 72.24]``."""

    value: float
    low: float
    high: float


Cell: TypeAlias = str | int | float | Estimate | None


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
        digits = self.digits.get(name, 2)
        if cell is None:
            return "n/a"
        if name in ("p", "p (Holm)") and isinstance(cell, float):
            return p_text(cell)
        if isinstance(cell, Estimate):
            return f"{cell.value:.{digits}f} [{cell.low:.{digits}f}, {cell.high:.{digits}f}]"
        return f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell)


def p_text(p_value: float) -> str:
    """``0.005``; ``< 0.001`` only where the rounded number would be 0, which no p of a resampling is."""
    return "< 0.001" if p_value < 0.0005 else f"{p_value:.3f}"


def subject_table(scores: Scores, *, mode: Mode = "official", full: bool = False) -> Table:
    """All vertices, per subject and hemisphere and pooled over either.

    Parameters
    ----------
    mode : ``scientific`` leaves out the vertices whose ceiling is 0; the vertices it counts then stand beside it.
    full : with r2 and chance, for a page that is wider than a terminal.
    """
    rows = (row for row in scores.rows if row.roi_class == _ALL)
    return _score_table(
        "Subjects and hemispheres", ("subject", "hemisphere"), rows, lambda place: place[:2], mode, full
    )


def roi_table(
    scores: Scores, subject: str = _ALL, hemisphere: str = _ALL, *, mode: Mode = "official", full: bool = False
) -> Table:
    """ROI classes and ROIs, by default bilateral and over all subjects; an ROI without vertices has no row."""
    place = (subject, hemisphere)
    rows = (row for row in scores.rows if (row.subject, row.hemisphere) == place and row.roi_class != _ALL)
    title = " ".join(["ROIs", *(word for word in place if word != _ALL)])
    return _score_table(title, ("ROI class", "ROI"), rows, lambda place: place[2:], mode, full)


def comparison_table(submissions: Mapping[str, Scores], *, mode: Mode = "official") -> Table:
    """Submissions by their score over all vertices, best first; those without noise ceilings last, by raw r."""
    rows: list[tuple[Cell, ...]] = []
    for name, scores in submissions.items():
        total = _pivot(row for row in scores.rows if row.roi_class == _ALL)[_ALL, _ALL, _ALL, _ALL]
        numbers = [_estimate(total.get(metric), position == 0) for position, metric in enumerate(_METRICS[mode])]
        n_flat = scores.n_constant + scores.n_nonfinite
        rows.append((name, scores.split, *numbers, _n_vertices(total, mode), n_flat, ", ".join(scores.n_images)))
    headers = ("submission", "split", *_METRICS[mode].values(), "vertices", "flat", "subjects")
    rows.sort(key=lambda row: [(cell is not None, _number(cell)) for cell in (row[2], row[4])], reverse=True)
    return Table("Scores", headers, tuple(rows), _DIGITS)


def paired_tables(comparison: Comparison, *, mode: Mode = "official") -> list[Table]:
    """What sets two submissions apart, by the mean of the mode's metric: subjects and hemispheres, then ROIs."""
    rows = [row for row in comparison.rows if row.metric == next(iter(_METRICS[mode]))]
    rows = rows or [row for row in comparison.rows if row.metric == "pearson_r_mean"]
    whole = [row for row in rows if row.roi_class == _ALL]
    parts = [row for row in rows if row.roi_class != _ALL and row.subject == row.hemisphere == _ALL]
    tables = [
        _paired_table("Subjects and hemispheres", whole, lambda row: f"{row.subject} {row.hemisphere}"),
        _paired_table("ROIs", parts, lambda row: row.roi_class if row.roi == _ALL else f"  {row.roi}", holm=True),
    ]
    return [table for table in tables if table.rows]


def _paired_table(
    title: str, rows: Iterable[ComparisonRow], label: Callable[[ComparisonRow], str], *, holm: bool = False
) -> Table:
    cells: list[tuple[Cell, ...]] = []
    digits = 2
    for row in rows:
        digits = 4 if row.metric.startswith(("pearson", "r2")) else 2
        difference = Estimate(row.difference, row.low, row.high)
        p_value = "" if holm and row.roi == _ALL else row.p_holm if holm else row.p_value
        cells.append((label(row), row.value_a, row.value_b, difference, p_value, row.verdict))
    headers = ("place", "A", "B", "B - A", "p (Holm)" if holm else "p", "verdict")
    return Table(title, headers, tuple(cells), {**_DIGITS, **dict.fromkeys(("A", "B", "B - A"), digits)})


def _pivot(rows: Iterable[ScoreRow]) -> dict[_Place, dict[str, ScoreRow]]:
    """Place -> metric -> row, in order of first appearance."""
    places: dict[_Place, dict[str, ScoreRow]] = {}
    for row in rows:
        places.setdefault((row.subject, row.hemisphere, row.roi_class, row.roi), {})[row.metric] = row
    return places


def _estimate(row: ScoreRow | None, interval: bool = True) -> float | Estimate | None:
    if row is None:
        return None
    if not interval or row.low is None or row.high is None:
        return row.value
    return Estimate(row.value, row.low, row.high)


def _number(cell: Cell) -> float:
    return cell.value if isinstance(cell, Estimate) else float(cell or 0)


def _n_vertices(row: Mapping[str, ScoreRow], mode: Mode) -> int:
    """What the first metric of the mode counts, or else any does."""
    first = row.get(next(iter(_METRICS[mode]))) or row["pearson_r_mean"]
    return first.n_vertices


def _score_table(
    title: str,
    names: tuple[str, str],
    rows: Iterable[ScoreRow],
    label: Callable[[_Place], tuple[str, ...]],
    mode: Mode,
    full: bool,
) -> Table:
    places, shown = _pivot(rows), _METRICS[mode]
    first = next(iter(shown))
    chance = full and any(first in row and row[first].chance_low is not None for row in places.values())
    headers = (*names, "vertices", *shown.values(), *("r2",) * full, *("chance", "p") * chance)
    cells = []
    for place, row in places.items():
        # in a terminal there is room for one interval: that of the score
        numbers = [_estimate(row.get(metric), full or metric == first) for metric in shown]
        extra = [*[_estimate(row.get("r2_mean"))] * full, *_chance(row.get(first)) * chance]
        cells.append((*label(place), _n_vertices(row, mode), *numbers, *extra))
    return Table(title, headers, tuple(cells), _DIGITS)


def _chance(row: ScoreRow | None) -> list[Cell]:
    if row is None or row.chance_low is None or row.chance_high is None:
        return [None, None]
    return [f"{row.chance_low:.2f} to {row.chance_high:.2f}", row.p_value]


def to_markdown(table: Table) -> str:
    """A Markdown table, numbers flush right, without its title; names in it are text and nothing else."""
    columns = range(len(table.headers))
    numeric = [any(not isinstance(row[column], str) for row in table.rows) for column in columns]
    lines = [list(map(plain_markdown, table.headers)), ["---:" if right else "---" for right in numeric]]
    for row, texts in zip(table.rows, table.text(), strict=True):
        pairs = zip(row, texts, strict=True)
        lines.append([plain_markdown(text) if isinstance(cell, str) else text for cell, text in pairs])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def plain_markdown(text: str) -> str:
    """Words from elsewhere as Markdown that shows them and does nothing: one line, no markup, no HTML."""
    escaped = re.sub(r"([\\`*_\[\]|~])", r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True)
class SplitTables:
    """The tables of one split that have rows: those to read first, then the rest."""

    first: tuple[Table, ...]
    rest: tuple[Table, ...]


def split_tables(scores: Scores) -> SplitTables:
    """Every table of a split, for a page or a file that is wider than a terminal."""
    several = list(scores.n_images) if len(scores.n_images) > 1 else []
    has_scientific = any(row.metric == "scientific_noise_normalized_mean" for row in scores.rows)
    rest = [
        *([_scientific(scores)] if has_scientific and scores.n_zero_ceiling else []),
        _counts(scores),
        *(roi_table(scores, hemisphere=hemisphere, full=True) for hemisphere in HEMISPHERES),
        *(roi_table(scores, subject, full=True) for subject in several),
        *(roi_table(scores, subject, hemisphere, full=True) for subject in several for hemisphere in HEMISPHERES),
    ]
    first = (subject_table(scores, full=True), roi_table(scores, full=True))
    return SplitTables(*(tuple(table for table in tables if table.rows) for tables in (first, rest)))


def _scientific(scores: Scores) -> Table:
    title = "Without the vertices whose ceiling is 0 (scientific; not the challenge score)"
    return replace(subject_table(scores, mode="scientific", full=True), title=title)


def _counts(scores: Scores) -> Table:
    """What kinds of vertices each number stands on; scores.json has these for every row."""
    rows = [row for row in scores.rows if row.metric == "pearson_r_mean"]
    whole = [row for row in rows if row.roi_class == _ALL]
    parts = [row for row in rows if row.roi_class != _ALL and row.subject == row.hemisphere == _ALL]
    kinds = ("vertices", "ceiling 0", "at the cap", "constant", "not finite")
    cells = tuple(
        (
            *(row.subject, row.hemisphere, row.roi_class, row.roi),
            *(row.n_vertices, row.n_zero_ceiling, row.n_clipped, row.n_constant, row.n_nonfinite),
        )
        for row in (*whole, *parts)
    )
    return Table("Counts of vertices", ("subject", "hemisphere", "ROI class", "ROI", *kinds), cells, {})


def split_facts(scores: Scores) -> dict[str, tuple[str, str]]:
    """What the numbers of a split stand on: label -> words, and what qualifies them."""
    counts = {
        "with a ceiling of exactly 0": scores.n_zero_ceiling,
        "at the cap of 100": scores.n_clipped,
        "with a constant prediction": scores.n_constant,
        "with a prediction that is not finite": scores.n_nonfinite,
    }
    facts = {
        "vertices": (f"{scores.n_vertices:,}", "; ".join(f"{n:,} {words}" for words, n in counts.items())),
        "images": (", ".join(f"{subject} {n_images:,}" for subject, n_images in scores.n_images.items()), ""),
        "noise ceilings": (ceiling_words(scores.ceiling_source) or "none known", ""),
    }
    if scores.intervals:
        facts["intervals"] = (scores.intervals, "")
    if any(row.p_value is not None for row in scores.rows):
        facts["chance and p"] = (
            "of shuffled images; every p is that of its row alone",
            "not corrected for the number of rows: of many ROIs some have a small p by chance",
        )
    return facts


def ceiling_words(source: str) -> str:
    """Where ceilings come from, the words that all subjects share told once.

    ``repeats (a; t = 1); repeats (b; t = 2)`` becomes ``repeats (a; t = 1 · b; t = 2)``.
    """
    parts = re.split(r"; (?![^()]*\))", source)
    shared = {tuple(re.split(r"\([^()]*\)", part)) for part in parts}
    if len(parts) == 1 or len(shared) > 1:
        return source
    start, *rest = shared.pop()
    own = zip(*(re.findall(r"\(([^()]*)\)", part) for part in parts), strict=True)
    joined = [words[0] if len(set(words)) == 1 else " · ".join(words) for words in own]
    return start + "".join(f"({words}){after}" for words, after in zip(joined, rest, strict=True))


def report_markdown(card: Mapping[str, Any], scores: Mapping[Split, Scores | None]) -> str:
    """The report of one submission: warnings first, then the scores of each split and their tables."""
    parts = [f"# {plain_markdown(str(card.get('recipe', {}).get('name', 'submission')))}\n"]
    parts += [f"> **Warning:** {plain_markdown(str(warning))}\n" for warning in card.get("warnings", [])]
    for split, one in scores.items():
        parts.append(f"## Split: {split}\n")
        parts += _split_report(one) if one else ["No measured responses for this split; nothing to score.\n"]
    return "\n".join(parts)


def _split_report(scores: Scores) -> list[str]:
    brackets = "; in brackets 95 % intervals" if scores.intervals else ""
    lines = [f"Noise-normalized scores are percent of the noise ceiling{brackets}.", ""]
    for label, words in split_facts(scores).items():
        said = "; ".join(plain_markdown(one) for one in words if one)
        lines.append(f"- {label}: {said}")
    lines += [f"- note: {plain_markdown(note)}" for note in scores.notes]
    tables = split_tables(scores)
    return [
        "\n".join(lines) + "\n",
        *(f"### {plain_markdown(table.title)}\n\n{to_markdown(table)}" for table in (*tables.first, *tables.rest)),
    ]
