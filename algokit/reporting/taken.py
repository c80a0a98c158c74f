"""A place that is replaced as a whole may hold a folder of ours and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from algokit.atomic import is_partial, sweep_beside, sweep_partial
from algokit.errors import UsageError
from algokit.types import Finding


def refuse_taken(out: Path, ours: re.Pattern[str], marks: Sequence[str], headline: str) -> None:
    """A place that holds anything but a folder of ours is never replaced; what a killed run left of one is removed.

    Parameters
    ----------
    ours : matches the path, from ``out`` on, of every file that such a folder may hold.
    marks : files that nobody else writes; a folder with none of them is not ours, whatever its files are called.
    headline : of the error.

    Raises
    ------
    UsageError : it does; the files that are not ours are named.
    """
    sweep_beside(out)
    foreign = _foreign_files(out, ours, marks)
    if foreign:
        finding = Finding(
            "this place holds what algokit did not write",
            where=str(out),
            found=", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""),
            advice="give --out a new folder, or move these files away",
            code="out-taken",
        )
        raise UsageError(headline, [finding])
    sweep_partial(out)  # of a single file that was being replaced in it


def _foreign_files(out: Path, ours: re.Pattern[str], marks: Sequence[str]) -> list[str]:
    if not out.exists():
        return []
    if not out.is_dir():
        return [out.name]
    inside = (path for path in out.rglob("*") if not path.is_dir() and not is_partial(path))
    found = sorted(path.relative_to(out).as_posix() for path in inside)
    is_ours = any((out / name).is_file() for name in marks)
    return [name for name in found if not (is_ours and ours.fullmatch(name))]
