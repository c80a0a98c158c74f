"""A table of scores from a CSV file, whoever made it, and which of its rows are meant."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algokit.errors import DataError, UsageError
from algokit.registry import did_you_mean
from algokit.types import Finding

_COMPARISON = re.compile(r"^\s*(?P<column>[^<>=!]+?)\s*(?P<operator>>=|<=|!=|=|>|<)\s*(?P<values>.*)$", re.DOTALL)
_MOST_FINDINGS = 20
MISSING = ("", "na", "nan", "n/a", "null", "none")


@dataclass(frozen=True)
class ScoreTable:
    """The cells of a CSV file.

    Attributes
    ----------
    columns : header -> its cells as text, row after row.
    lines : (n_rows,) the line of the file each row starts on.
    """

    path: Path
    columns: dict[str, tuple[str, ...]]
    lines: tuple[int, ...]

    def column(self, name: str, option: str) -> tuple[str, ...]:
        """The cells of one column.

        Raises
        ------
        UsageError : there is no such column.
        """
        if name not in self.columns:
            advice = did_you_mean(name, self.columns)
            finding = Finding(
                "no such column", str(self.path), option, found=name, advice=advice, code="no-such-column"
            )
            raise UsageError("the table has other columns", [finding])
        return self.columns[name]

    def numbers(self, name: str, option: str, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(n_rows,) float64 of a column; NaN where a cell is missing, and in rows that are not asked for.

        Raises
        ------
        UsageError : there is no such column.
        DataError : a cell of these rows is no number; every one with its line.
        """
        cells = self.column(name, option)
        found, findings = np.full(len(cells), np.nan), []
        for row in np.flatnonzero(rows):
            if is_missing(cells[row]):
                continue
            number = as_number(cells[row])
            if number is None or not math.isfinite(number):
                findings.append(self.finding(int(row), "not a number", name, "a finite number", cells[row]))
            else:
                found[row] = number
        raise_all("a column of numbers holds something else", findings)
        return found

    def finding(self, row: int, what: str, column: str, expected: str, found: str) -> Finding:
        """Something wrong with one cell, with file and line."""
        return Finding(what, f"{self.path}:{self.lines[row]}", column, expected, found or "nothing", code="table-cell")


@dataclass(frozen=True)
class Comparison:
    """``column operator values``: ``dataset=imagenet,ecoset``, ``n_params>=1e6``, ``arch!=cornet_s``."""

    column: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Filter:
    """Rows where any of the comparisons holds; several filters all have to hold."""

    comparisons: tuple[Comparison, ...]


def is_missing(cell: str) -> bool:
    """An empty cell, or one of the usual words for none."""
    return cell.strip().lower() in MISSING


def as_number(cell: str) -> float | None:
    """The number a cell says, or None."""
    try:
        return float(cell)
    except ValueError:
        return None


def read_table(path: Path) -> ScoreTable:
    """Read a CSV file with a header line; UTF-8, with or without a byte order mark.

    Raises
    ------
    DataError : the file cannot be read, has no rows, a header twice, or rows of another length; with the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows, lines, last = [], [], reader.line_num
            for row in reader:
                if row:
                    rows.append(row)
                    lines.append(last + 1)
                last = reader.line_num
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        found = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise DataError("this table cannot be read", [Finding("not a CSV file", str(path), found=found)]) from error
    raise_all("this table cannot be read", _shape_findings(path, header, rows, lines))
    cells = {name: tuple(row[index] for row in rows) for index, name in enumerate(header)}
    return ScoreTable(path, cells, tuple(lines))


def _shape_findings(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int]
) -> list[Finding]:
    findings = [
        Finding("a column is there twice", f"{path}:1", found=name, code="table-header")
        for name in sorted({name for name in header if header.count(name) > 1})
    ]
    findings += [
        Finding(
            "a row of another length", f"{path}:{line}", "", f"{len(header)} cells", f"{len(row)}", code="table-row"
        )
        for row, line in zip(rows, lines, strict=True)
        if len(row) != len(header)
    ]
    if not rows:
        findings.append(Finding("no rows", str(path), expected="a header line and rows", code="table-empty"))
    return findings


def parse_filter(text: str) -> Filter:
    """``column=a,b``, ``!=``, ``>=``, ``<=``, ``>``, ``<``; several joined by ``|`` where one of them is enough.

    Raises
    ------
    UsageError : it is not written like that.
    """
    comparisons = []
    for part in text.split("|"):
        match = _COMPARISON.match(part)
        if match is None:
            expected = "column=value[,value], column!=value or column>=number, joined by | for either"
            raise UsageError("this filter is not understood", [Finding("not a filter", "--where", "", expected, part)])
        values = tuple(value.strip() for value in match["values"].split(","))
        if match["operator"] in (">", "<", ">=", "<=") and (len(values) != 1 or as_number(values[0]) is None):
            finding = Finding("not a number to compare with", "--where", part.strip(), "one number", match["values"])
            raise UsageError("this filter is not understood", [finding])
        comparisons.append(Comparison(match["column"], match["operator"], values))
    return Filter(tuple(comparisons))


def kept_rows(table: ScoreTable, filters: Iterable[Filter]) -> NDArray[np.bool_]:
    """(n_rows,) where all filters hold.

    Raises
    ------
    UsageError : a filter names a column that is not there.
    DataError : a cell that is compared with a number is none.
    """
    kept = np.ones(len(table.lines), bool)
    for one in filters:
        kept &= np.any([_holds(table, comparison, kept) for comparison in one.comparisons], axis=0)
    return kept


def _holds(table: ScoreTable, asked: Comparison, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if asked.operator in ("=", "!="):
        equal = np.array(
            [any(same(cell, value) for value in asked.values) for cell in table.column(asked.column, "--where")]
        )
        return equal if asked.operator == "=" else ~equal
    numbers = table.numbers(asked.column, "--where", rows)
    limit = float(asked.values[0])
    with np.errstate(invalid="ignore"):
        held: NDArray[np.bool_] = {
            ">=": numbers >= limit,
            "<=": numbers <= limit,
            ">": numbers > limit,
            "<": numbers < limit,
        }[asked.operator]
    return held


def same(cell: str, value: str) -> bool:
    """The same text, the same number (``300`` and ``300.0``), or the same truth value (``False`` and ``false``)."""
    cell, value = cell.strip(), value.strip()
    if cell == value or (is_missing(cell) and is_missing(value)):
        return True
    if cell.lower() == value.lower() and cell.lower() in ("true", "false"):
        return True
    one, other = as_number(cell), as_number(value)
    return one is not None and one == other


def raise_all(headline: str, findings: Sequence[Finding]) -> None:
    """Raise a `DataError` with all findings, at most so many as can be read; nothing for none."""
    if findings:
        rest = len(findings) - _MOST_FINDINGS
        more = [Finding(f"and {rest} more of them", code="more")] if rest > 0 else []
        raise DataError(headline, [*findings[:_MOST_FINDINGS], *more])
