"""A table of the repeats of one subject's images, where NSD's design is not at hand."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from algokit.challenge.manifest import Side
from algokit.errors import DataError
from algokit.types import Finding

_COLUMNS = ("split", "row", "nsd_id", "repeats")
_SIDES: Mapping[str, Side] = {"train": "train", "test": "test"}
_SHOWN = 5  # problems that are told one by one
_MOST_DIGITS = 9


def table_trials(path: Path) -> dict[Side, dict[int, int]]:
    """Split -> 0-based NSD id -> trials within the split, from a CSV with the columns split, row, nsd_id, repeats.

    Raises
    ------
    DataError : the file cannot be read, or has other columns or rows.
    """
    trials: dict[Side, dict[int, int]] = {"train": {}, "test": {}}
    problems: list[Finding] = []
    for line, row in _rows(path):
        side, image_id, n = _SIDES.get(row["split"] or ""), _whole(row["nsd_id"]), _whole(row["repeats"])
        if side is None or image_id is None or n is None:
            expected, found = "train or test, and whole numbers", ",".join(str(row[name]) for name in _COLUMNS)
            problems.append(Finding("not a row", f"{path}:{line}", "", expected, found[:160], code="bad-repeats"))
        elif image_id in trials[side]:
            found = f"nsd-{image_id:05d} of {side}"
            problems.append(Finding("an image twice in one split", f"{path}:{line}", found=found, code="bad-repeats"))
        else:
            trials[side][image_id] = n
    if problems:
        more = f"; the first {_SHOWN} of {len(problems)}" if len(problems) > _SHOWN else ""
        raise DataError(f"{path} is not a table of repeats{more}", problems[:_SHOWN])
    return trials


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            header = tuple(reader.fieldnames or ())
            if not {*_COLUMNS} <= {*header}:
                expected, found = ",".join(_COLUMNS), ",".join(header)[:160] or "nothing"
                finding = Finding("other columns", f"{path}:1", "", expected, found, code="bad-repeats")
                raise DataError(f"{path} is not a table of repeats", [finding])
            for row in reader:
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        finding = Finding("not a readable table", str(path), found=str(error), code="bad-repeats")
        raise DataError(f"{path} cannot be read", [finding]) from error


def _whole(text: str | None) -> int | None:
    return int(text) if text and len(text) <= _MOST_DIGITS and text.isascii() and text.isdigit() else None
