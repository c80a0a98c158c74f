"""From rows of a table to the points of a fit: filters, one point per model, missing values counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algokit.errors import UsageError
from algokit.studies.observations import Observations
from algokit.studies.table import Filter, ScoreTable, is_missing, kept_rows, raise_all
from algokit.studies.terms import Floats
from algokit.types import Finding

ALL = "all"


@dataclass(frozen=True)
class Selecting:
    """Which rows and columns of a table are meant.

    Attributes
    ----------
    x : the predictors' columns, one or two; ``scales`` what each is divided by.
    y : the scores' column.
    filters : all have to hold.
    point : the column whose rows with one value make one point, by their mean score; "" for a point per row.
    mean_over : the column the mean is taken over; a point may have each of its values once. "" where none is named.
    group_by : the column with a fit of its own per value; "" for one fit.
    resample : the column whose values the bootstrap draws; "" for points.
    extra : further columns of numbers to take along, such as compute.
    """

    x: tuple[str, ...]
    y: str
    scales: tuple[float, ...]
    filters: tuple[Filter, ...] = ()
    point: str = ""
    mean_over: str = ""
    group_by: str = ""
    resample: str = ""
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Points:
    """The points of one group.

    Attributes
    ----------
    extra : further columns, (n_points,) each, NaN where missing.
    """

    group: str
    observations: Observations
    extra: dict[str, Floats]


@dataclass(frozen=True)
class Selection:
    """What was taken from a table, and how much was left out.

    Attributes
    ----------
    n_rows, n_filtered, n_missing : rows of the table, left out by filters, left out for a missing value.
    n_incomplete : points that lack some of the values of ``mean_over`` that others have.
    """

    groups: tuple[Points, ...]
    n_rows: int
    n_filtered: int
    n_missing: int
    n_incomplete: int


def select(table: ScoreTable, asked: Selecting) -> Selection:
    """The points of every group, by name.

    Raises
    ------
    UsageError : a column is not there, or nothing is left.
    DataError : a cell is no number; rows of one point differ in a predictor; a value of ``mean_over`` comes twice.
    """
    kept = kept_rows(table, asked.filters)
    options = dict(zip((*asked.x, asked.y), [*("--x", "--x2")[: len(asked.x)], "--y"], strict=True))
    numbers = {name: table.numbers(name, option, kept) for name, option in options.items()}
    complete = kept & ~np.any([np.isnan(one) for one in numbers.values()], axis=0)
    if not complete.any():
        found = f"{len(kept)} rows, {int(kept.sum())} after the filters, none with all values"
        raise UsageError("nothing is left to fit", [Finding("no rows", str(table.path), found=found, code="no-rows")])
    extra = {name: table.numbers(name, "--compute", complete) for name in asked.extra}
    rows_of = _points(table, asked, complete)
    findings = _unequal(table, asked, rows_of, {name: numbers[name] for name in asked.x}) + _twice(
        table, asked, rows_of
    )
    raise_all("rows of one point do not go together", findings)
    groups: dict[str, list[NDArray[np.int64]]] = {}
    for rows in rows_of:
        groups.setdefault(_label(table, asked.group_by, rows, ALL), []).append(rows)
    levels = [len(rows) for rows in rows_of]
    return Selection(
        groups=tuple(_group(table, asked, name, rows, numbers, extra) for name, rows in groups.items()),
        n_rows=len(kept),
        n_filtered=int((~kept).sum()),
        n_missing=int((kept & ~complete).sum()),
        n_incomplete=sum(n < max(levels) for n in levels) if asked.mean_over else 0,
    )


def _points(table: ScoreTable, asked: Selecting, complete: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The rows of each point, points by name: neither they nor the draws depend on the order of rows."""
    rows = np.flatnonzero(complete)
    if not asked.point:
        return [np.array([row]) for row in rows]
    names = table.column(asked.point, "--point")
    found: dict[str, list[int]] = {}
    findings = []
    for row in rows:
        if is_missing(names[row]):
            findings.append(table.finding(int(row), "a row of no point", asked.point, "a name", names[row]))
        found.setdefault(names[row], []).append(int(row))
    raise_all("rows have no point", findings)
    return [np.array(found[name]) for name in sorted(found)]


def _unequal(
    table: ScoreTable, asked: Selecting, rows_of: Sequence[NDArray[np.int64]], numbers: dict[str, Floats]
) -> list[Finding]:
    """Rows of one point that differ in what a point has once."""
    findings = []
    for rows in rows_of:
        for name, values in numbers.items():
            for row in rows[values[rows] != values[rows[0]]]:
                expected = f"{values[rows[0]]:g} as in line {table.lines[rows[0]]}"
                findings.append(
                    table.finding(int(row), "another value for the same point", name, expected, f"{values[row]:g}")
                )
        for option, column in (("--group-by", asked.group_by), ("--resample", asked.resample)):
            if not column:
                continue
            cells = table.column(column, option)
            for row in (row for row in rows if cells[row] != cells[rows[0]]):
                expected = f"{cells[rows[0]]} as in line {table.lines[rows[0]]}"
                findings.append(
                    table.finding(int(row), "another value for the same point", column, expected, cells[row])
                )
    return findings


def _twice(table: ScoreTable, asked: Selecting, rows_of: Sequence[NDArray[np.int64]]) -> list[Finding]:
    """Rows of one point with the same value of what the mean is taken over."""
    if not asked.mean_over:
        return []
    cells, findings = table.column(asked.mean_over, "--mean-over"), []
    for rows in rows_of:
        seen: dict[str, int] = {}
        for row in rows:
            first = seen.setdefault(cells[row], int(row))
            if first != row:
                found = f"{cells[row]}, also in line {table.lines[first]}"
                findings.append(table.finding(int(row), "twice in one point", asked.mean_over, "once", found))
    return findings


def _group(
    table: ScoreTable,
    asked: Selecting,
    name: str,
    rows_of: Sequence[NDArray[np.int64]],
    numbers: dict[str, Floats],
    extra: dict[str, Floats],
) -> Points:
    first = np.array([rows[0] for rows in rows_of])
    units = [_label(table, asked.resample or asked.point, rows, str(rows[0])) for rows in rows_of]
    observations = Observations(
        predictors=tuple(numbers[column][first] for column in asked.x),
        score=np.array([numbers[asked.y][rows].mean() for rows in rows_of]),
        scales=asked.scales,
        names=asked.x,
        units=tuple(units),
    )
    return Points(name, observations, {column: values[first] for column, values in extra.items()})


def _label(table: ScoreTable, column: str, rows: NDArray[np.int64], otherwise: str) -> str:
    return table.columns[column][rows[0]] if column else otherwise
