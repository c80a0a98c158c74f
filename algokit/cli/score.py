"""``algokit score``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from algokit.cli.options import Data, Json, Manifest, Nsd, Quiet, Submissions

if TYPE_CHECKING:
    from algokit.scoring import Comparison
    from algokit.verbs import ScoreReport


def score(
    paths: Submissions,
    data: Data,
    manifest: Manifest = None,
    nsd: Nsd = None,
    intervals: Annotated[
        bool | None,
        typer.Option(
            "--intervals/--no-intervals",
            help="Resample images: 95 % intervals and chance for every score, slower; a paired comparison of two "
            "submissions, made unless turned off.",
            show_default=False,
        ),
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, metavar="N", help="Bootstrap resamples.")] = 1000,
    shuffles: Annotated[int, typer.Option(min=0, metavar="N", help="Shuffles for chance; 0 for none.")] = 200,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="What images are drawn by.")] = 0,
    mode: Annotated[
        Literal["official", "scientific"],
        typer.Option(help="Which score the tables show; scientific leaves out vertices with a ceiling of 0."),
    ] = "official",
    per_vertex: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the numbers of every vertex there, as .npy.")
    ] = None,
    server_files: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the four text files of the challenge's old server there.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Score submissions as the challenge did.

    Test split, all vertices of all subjects and hemispheres pooled; every ROI beside it. Two submissions are compared:
    is the second better than the first, or is it noise? With --json, one submission gives one object; several give
    {"submissions": [...]}, two a "comparison" too.
    """
    from algokit import verbs
    from algokit.console import show_comparison, show_error, show_scores, shown_progress, write_json
    from algokit.errors import UsageError
    from algokit.scoring import Intervals
    from algokit.scoring.server_files import refuse_foreign

    if server_files:
        refuse_foreign(server_files)
    asked = Intervals(n_resamples=resamples, n_permutations=shuffles, seed=seed)
    place: dict[str, Any] = {"data": data, "manifest": manifest, "nsd": nsd}
    comparison, refused = None, None
    with shown_progress(quiet=quiet) as progress:
        reports = verbs.score(paths, **place, intervals=asked if intervals else None, progress=progress)
        _write(reports, per_vertex, server_files)
        if len(reports) == 2 and all(one.scores for one in reports) and intervals is not False:
            try:
                a, b = (report.path for report in reports)
                comparison = verbs.compare(a, b, **place, intervals=asked, progress=progress)
            except UsageError as error:  # two that cannot be compared can still be ranked
                refused = error
    failed = [report for report in reports if report.scores is None]
    if as_json:
        write_json(_document(reports, comparison))
    else:
        show_scores({str(report.path): report.scores for report in reports if report.scores}, mode)
        if comparison:
            show_comparison(comparison, str(reports[0].path), str(reports[1].path), mode)
    if refused:
        show_error(refused.headline, refused.findings)
    for report in failed:
        show_error(f"{report.path} cannot be scored", report.findings)
    if failed:
        raise typer.Exit(1)


def _write(reports: list[ScoreReport], per_vertex: Path | None, server_files: Path | None) -> None:
    """The files that are asked for, of one submission.

    Raises
    ------
    UsageError : there are several submissions.
    """
    from algokit.errors import UsageError
    from algokit.scoring import write_vertices
    from algokit.scoring.server_files import write_server_files
    from algokit.types import Finding

    options = [name for name, given in (("--per-vertex", per_vertex), ("--server-files", server_files)) if given]
    if options and len(reports) > 1:
        findings = [Finding("one folder for several submissions", path=name, code="one-at-a-time") for name in options]
        raise UsageError("files are written of one submission at a time", findings)
    for scores in (report.scores for report in reports if report.scores):
        if per_vertex:
            write_vertices(per_vertex, scores)
        if server_files:
            write_server_files(server_files, scores)


def _document(reports: list[ScoreReport], comparison: Comparison | None) -> dict[str, Any]:
    from algokit.scoring import comparison_document, score_document

    documents = [{"path": str(one.path), **score_document(one.scores)} for one in reports if one.scores]
    documents += [
        {"path": str(one.path), "findings": [each.as_dict() for each in one.findings]}
        for one in reports
        if one.scores is None
    ]
    if len(documents) == 1:
        return documents[0]
    paired = {"comparison": comparison_document(comparison)} if comparison else {}
    return {"submissions": documents, **paired}
