"""The report of a submission, and what its vertices chose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from algokit.errors import DataError, SubmissionError, UsageError
from algokit.types import Finding, FitRecord, ProgressCallback, no_progress
from algokit.verbs.judging import scored
from algokit.verbs.opening import opened
from algokit.verbs.validating import validated

if TYPE_CHECKING:
    from algokit.challenge import Challenge
    from algokit.reporting.reported import Reported
    from algokit.scoring import Intervals

_WITHHELD = ("no-responses", "no-ceilings")  # what the released data may lack


def report(
    path: Path,
    *,
    data: Path | None = None,
    manifest: Path | None = None,
    nsd: Path | None = None,
    out: Path | None = None,
    markdown: bool = False,
    intervals: Intervals | None = None,
    progress: ProgressCallback = no_progress,
) -> Path:
    """Write the report of a submission: one HTML page and its pictures, or Markdown.

    Parameters
    ----------
    path : a folder that `run` wrote; with ``data`` any submission folder or zip.
    data : where given, the test split is scored again; else every score is the one that `run` stored. Data without
        test responses leave the stored scores of a folder that `run` wrote as they are, and the report says so.
    out : the report; in the folder that `run` wrote where None, else ``<name>.report.html`` beside the submission.
        The pictures go into a folder beside it.
    intervals : how the intervals of a new score are made; `algokit.scoring.Intervals()` where None.

    Returns
    -------
    Where the report is.

    Raises
    ------
    UsageError : the submission is not one that `run` wrote and there are no data, or its documents are damaged.
    SubmissionError : it cannot be scored; all findings.
    DataError : it is not one that `run` wrote, and the data hold no test responses or no ceilings.
    """
    from algokit.challenge import load_manifest
    from algokit.reporting.presentation import FIGURES, MARKDOWN, PAGE, write_markdown, write_page
    from algokit.reporting.reported import is_ours, placed_inside, read_reported

    ours = is_ours(path)
    reported = read_reported(path) if ours else _stranger(path)
    if not ours and data is None:
        advice = "a report needs the folder that algokit run wrote; with --data any submission has one"
        finding = Finding("no card.json and scores.json", str(path), advice=advice, code="no-card")
        raise UsageError("there is nothing to report on", [finding])
    challenge = opened(data, manifest, nsd) if data is not None else None
    if challenge is not None:
        reported = _judged(reported, path, challenge, intervals, progress)
    checked = validated(path, challenge, load_manifest(manifest) if manifest else None)
    reported = replace(reported, findings=placed_inside(checked.findings, path))
    name = MARKDOWN if markdown else PAGE
    target = out or (path / name if ours else _beside(path, name))
    if markdown:
        write_markdown(target, reported)
    else:
        is_home = target.resolve() == (path / PAGE).resolve()
        write_page(target, reported, figures=FIGURES if is_home else f"{target.stem}-{FIGURES}", progress=progress)
    return target


def _beside(path: Path, name: str) -> Path:
    """``<submission>.report.html`` beside a folder or zip that is not ours to write into."""
    here = path if path.name else path.resolve()  # "." has no name to put anything behind
    return here.with_name(f"{here.name.removesuffix('.zip')}.{name}")


def _stranger(path: Path) -> Reported:
    """A submission that algokit did not write: nothing is known but its predictions."""
    from algokit.challenge.submission import find_submissions
    from algokit.reporting.reported import Reported

    found = find_submissions(path)
    if found != [path]:
        names = ", ".join(str(one) for one in found[:3])
        finding = Finding("several submissions", str(path), found=names, advice="give one", code="several-submissions")
        raise UsageError("a report is of one submission", [finding])
    return Reported(name=path.resolve().name, scores={}, challenge="")


def _judged(
    reported: Reported, path: Path, challenge: Challenge, intervals: Intervals | None, progress: ProgressCallback
) -> Reported:
    """The same with the test split scored again."""
    from algokit.challenge import shipped_manifest
    from algokit.scoring import Intervals

    try:
        result = scored(path, challenge, intervals or Intervals(), progress)
    except DataError as error:
        if reported.card is None or any(one.code not in _WITHHELD for one in error.findings):
            raise
        return replace(reported, remarks=[*reported.remarks, _withheld(error)])
    if result.scores is None:
        raise SubmissionError(f"{path} cannot be scored", result.findings)
    return replace(
        reported,
        scores={**reported.scores, "test": result.scores},
        challenge=challenge.manifest.name,
        is_official=challenge.is_official,
        is_whole=set(result.scores.n_images) == set(shipped_manifest().subjects),
    )


def _withheld(error: DataError) -> Finding:
    """A note and no error: a recipe's val split is there to be reported on without the test responses."""
    found = ", ".join(dict.fromkeys(one.what for one in error.findings))
    what = "the test split was not scored again for this report; every score is the one that the run stored"
    return Finding(what, found=f"{found} in the data", severity="note", code="not-scored-again")


def choices(path: Path) -> list[FitRecord]:
    """Feature space, alpha and cross-validated score of every vertex, per member, subject and hemisphere.

    Raises
    ------
    UsageError : this is not a folder that `run` wrote.
    """
    from algokit.reporting.choices import read_choices

    return [record for member in read_choices(path) for record in member.records]
