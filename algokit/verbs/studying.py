"""Studies: laws fitted to a table of scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algokit.errors import UsageError
from algokit.studies.results import GroupStudy
from algokit.types import Finding, Progress, ProgressCallback, no_progress

if TYPE_CHECKING:
    from algokit.studies.groups import LawOptions
    from algokit.studies.laws import LawName
    from algokit.studies.selection import Selecting, Selection


@dataclass(frozen=True)
class StudyOptions:
    """What is fitted to which rows of a table.

    Attributes
    ----------
    x, scales : the predictors' columns, and what each is divided by.
    y : the scores' column; a law is of ``1 - y``.
    where : filters, such as ``dataset=imagenet,ecoset``; all have to hold.
    point, mean_over : rows of one ``point`` are one point, by their mean; ``mean_over`` has each value once in it.
    group_by : a fit of its own per value of this column.
    resample : the bootstrap draws values of this column; points where it is "".
    compute : the column of training compute, for an allocation from a joint law.
    n_resamples, seed : of the bootstrap; 0 resamples for no intervals.
    at : places to predict at, in the predictors' own units.
    compare : also fit other laws to the small, and test them on the large.
    anyway : give fits that are refused too, beside the reasons.
    """

    x: tuple[str, ...]
    y: str
    law: LawName
    scales: tuple[float, ...] = ()
    where: tuple[str, ...] = ()
    point: str = ""
    mean_over: str = ""
    group_by: str = ""
    resample: str = ""
    compute: str = ""
    n_resamples: int = 1000
    seed: int = 42
    at: tuple[tuple[float, ...], ...] = ()
    compare: bool = False
    anyway: bool = False

    @property
    def of_rows(self) -> Selecting:
        """Those that say which rows of a table are the points.

        Raises
        ------
        UsageError : a filter cannot be read.
        """
        from algokit.studies.selection import Selecting
        from algokit.studies.table import parse_filter

        return Selecting(
            x=self.x,
            y=self.y,
            scales=self.divisors,
            filters=tuple(parse_filter(text) for text in self.where),
            point=self.point,
            mean_over=self.mean_over,
            group_by=self.group_by,
            resample=self.resample,
            extra=(self.compute,) if self.compute else (),
        )

    @property
    def divisors(self) -> tuple[float, ...]:
        """One scale per predictor, 1 where none was given."""
        return self.scales or (1.0,) * len(self.x)

    @property
    def of_law(self) -> LawOptions:
        """Those that a group of points is fitted by."""
        from algokit.studies.groups import LawOptions

        return LawOptions(
            self.law, self.compute, self.n_resamples, self.seed, self.at, compare=self.compare, anyway=self.anyway
        )


@dataclass(frozen=True)
class StudyReport:
    """A table, what was taken from it, and what came out.

    Attributes
    ----------
    files : what was written.
    """

    table: Path
    options: StudyOptions
    selection: Selection
    groups: tuple[GroupStudy, ...]
    files: tuple[Path, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every fit and every prediction asked for is given."""
        given = all(one.score is not None for group in self.groups for one in group.predictions)
        return given and not any(group.findings for group in self.groups)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        from algokit.reporting.study_documents import study_document

        return study_document(self.table, self.options.law, self.selection, self.groups)


def study_fit(
    table: Path, options: StudyOptions, *, out: Path | None = None, progress: ProgressCallback = no_progress
) -> StudyReport:
    """Fit a law to a table of scores, group by group.

    Parameters
    ----------
    out : a folder for constants.csv, study.json, report.html and the pictures; made where it is not there.

    Raises
    ------
    UsageError : a column, a filter, or the number of predictors or scales is wrong.
    DataError : the table cannot be read, or cells are not what they should be; with file and line.
    DiskError : ``out`` cannot be written.
    """
    from dataclasses import replace

    from algokit.studies.groups import study_group
    from algokit.studies.selection import select
    from algokit.studies.table import read_table

    _check(options)
    read, asked = read_table(table), options.of_rows
    selection = select(read, asked)
    groups = []
    for done, points in enumerate(selection.groups):
        progress(Progress("fit", done, len(selection.groups), "groups", points.group))
        groups.append(study_group(points, options.of_law))
    progress(Progress("fit", len(groups), len(groups), "groups"))
    report = StudyReport(table, options, selection, tuple(groups))
    if out is None:
        return report
    from algokit.reporting.study_page import write_study
    from algokit.reporting.study_words import words_of_table

    return replace(report, files=write_study(out, report.as_dict(), report.groups, words_of_table(read, asked)))


def _check(options: StudyOptions) -> None:
    from algokit.studies.laws import N_PREDICTORS

    findings = []
    wanted = N_PREDICTORS[options.law]
    if len(options.x) != wanted:
        what = f"the law '{options.law}' has another number of predictors"
        findings.append(Finding(what, "--x", expected=str(wanted), found=str(len(options.x)), code="n-predictors"))
    if len(options.divisors) != len(options.x) or any(not scale > 0 for scale in options.divisors):
        found = ", ".join(f"{scale:g}" for scale in options.divisors)
        findings.append(Finding("scales do not fit", "--scale", expected="one above 0 per predictor", found=found))
    if options.compute and options.law != "joint":
        findings.append(Finding("an allocation needs a joint law", "--compute", found=options.law))
    for place in options.at:
        if len(place) != wanted:
            found = ",".join(f"{value:g}" for value in place)
            findings.append(Finding("not a place", "--at", expected=f"{wanted} values, one per predictor", found=found))
    if findings:
        raise UsageError("this study does not add up", findings)
