"""The four text files the challenge's old server returned, so that scores of then can be laid beside scores of now."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, TypeAlias

from algokit.atomic import write_text_atomically
from algokit.challenge.manifest import shipped_manifest
from algokit.errors import UsageError
from algokit.scoring.hemisphere import ALL
from algokit.types import HEMISPHERES, Finding, Scores

Statistic: TypeAlias = Literal["mean", "median"]
_Place: TypeAlias = tuple[str, str, str]  # subject, hemisphere, ROI

_HEADING = re.compile(r"[A-Z][A-Za-z, ]+ scores\. Score is the ")
_FIRST = {  # name -> how the first line of such a file begins, of whatever year
    "scores.txt": re.compile(r"All_vertices: [-+.0-9a-z]+$"),
    "scores_roi.txt": _HEADING,
    "scores_subj_hemishphere.txt": _HEADING,
    "scores_subj_hemishphere_roi.txt": _HEADING,
}


def write_server_files(folder: Path, scores: Scores, *, statistic: Statistic = "mean") -> list[Path]:
    """Write ``scores.txt``, ``scores_roi.txt`` and the two ``scores_subj_hemishphere*.txt`` as the server did.

    Names, misspelling, headings, order and digits are the server's, and so are two quirks. **The ROI lines of
    scores_roi.txt hold left hemispheres only**, although its heading says that both are appended; an ROI that is
    empty in every left hemisphere is ``nan`` there even where right ones have it. ``All_vertices`` holds both
    hemispheres in both files. The server's own ``All_vertices`` differs from the pool of its 16 hemispheres by up
    to 0.03 for a reason that is not known; here it is the pool of all vertices.

    Parameters
    ----------
    folder : made if need be; the server's files and ours of these four names are replaced, others are left alone.
    scores : of the test split, with noise ceilings; the subjects and ROIs that it has no row for are left out
        and ``nan`` respectively.
    statistic : ``mean`` is the challenge's final rule, ``median`` what it scored by until the summer of 2023.

    Returns
    -------
    The four paths, in the order above.

    Raises
    ------
    UsageError : the scores are of another split, or without noise ceilings, or a file of these names is another's.
    DiskError : the disk is full or not writable.

    Source: the server's output as participants have published it, of both rules.
    """
    values = _values(scores, statistic)
    if scores.split != "test" or (ALL, ALL, ALL) not in values:
        found = f"the {scores.split} split" if scores.split != "test" else "no noise-normalized scores"
        advice = "give noise ceilings and test responses"
        finding = Finding("the old server scored the noise-normalized test split", "", "", "", found, advice)
        raise UsageError("the old server's files cannot be written", [finding])
    refuse_foreign(folder)
    subjects = list(dict.fromkeys(subject for subject, _, _ in values if subject != ALL))
    sides = [(subject, hemisphere) for subject in sorted(subjects) for hemisphere in HEMISPHERES]
    rois = _rois(scores)
    total = ("All_vertices", (ALL, ALL, ALL))
    contents: dict[str, list[tuple[str, _Place]]] = {
        "scores.txt": [total],
        "scores_roi.txt": [total, *((roi, (ALL, "lh", roi)) for roi in rois)],
        "scores_subj_hemishphere.txt": [(_side(*one), (*one, ALL)) for one in sides],
        "scores_subj_hemishphere_roi.txt": [(f"{_side(*one)} {roi}", (*one, roi)) for one in sides for roi in rois],
    }
    for name, lines in contents.items():
        body = "".join(f"{label}: {values.get(place, float('nan'))}\n" for label, place in lines)
        write_text_atomically(folder / name, _heading(name, statistic) + body)
    return [folder / name for name in contents]


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder where one of the four names is taken by a file that does not begin as the server's do.

    Raises
    ------
    UsageError : every such file.
    """
    findings = []
    for path in (folder / name for name in _FIRST):
        found = _foreign(path) if os.path.lexists(path) else ""
        if found:
            advice = "give a new folder, or move this file away"
            findings.append(Finding("this name is taken", str(path), found=found, advice=advice, code="out-taken"))
    if findings:
        raise UsageError("the old server's files would replace others", findings)


def _foreign(path: Path) -> str:
    """What is there instead of a file of the server; "" where it is one, or empty."""
    if not path.is_file():
        return "not a regular file"
    try:
        with path.open("rb") as file:
            first = file.readline(200).decode("ascii", errors="replace").rstrip()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return "" if not first or _FIRST[path.name].match(first) else f"a file that begins with {first[:40]!r}"


def _values(scores: Scores, statistic: Statistic) -> dict[_Place, float]:
    """The score of every place; an ROI's name is enough, for no two classes share one."""
    rows = [row for row in scores.rows if row.metric == f"noise_normalized_{statistic}"]
    return {(row.subject, row.hemisphere, row.roi): row.value for row in rows if row.roi != ALL or row.roi_class == ALL}


def _rois(scores: Scores) -> list[str]:
    """The official ROIs in the server's order, which is the manifest's; then those that only these data have."""
    official = [name for names in shipped_manifest().roi_classes.values() for _, name in sorted(names.items())]
    return list(dict.fromkeys([*official, *(row.roi for row in scores.rows if row.roi != ALL)]))


def _side(subject: str, hemisphere: str) -> str:
    return f"{subject} {hemisphere.upper()}"


def _heading(name: str, statistic: Statistic) -> str:
    """The line above the scores; scores.txt has none."""
    what = {
        "scores_roi.txt": ("ROI", "ROI from all subjects and hemispheres appended together"),
        "scores_subj_hemishphere.txt": ("Subject and hemishphere", "subject and hemisphere"),
        "scores_subj_hemishphere_roi.txt": ("Subject, hemisphere, and ROI", "subject, hemisphere, and ROI"),
    }.get(name)
    if what is None:
        return ""
    score = f"{statistic} noise-normalized encoding accuracy across all vertices"
    return f"{what[0]} scores. Score is the {score} of each {what[1]}.\n"
