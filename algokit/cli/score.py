"""``algokit score``."""

from __future__ import annotations

import typer

from algokit.cli.options import Data, Json, Manifest, Submissions


def score(paths: Submissions, data: Data, manifest: Manifest = None, as_json: Json = False) -> None:
    """Score submissions as the challenge did.

    Test split, all vertices of all subjects and hemispheres pooled; every ROI beside it. With --json, one submission
    gives one object; several give {"submissions": [...]}.
    """
    from algokit import verbs
    from algokit.console import show_error, show_scores, write_json
    from algokit.scoring import score_document

    reports = verbs.score(paths, data=data, manifest=manifest)
    failed = [report for report in reports if report.scores is None]
    if as_json:
        documents = [{"path": str(one.path), **score_document(one.scores)} for one in reports if one.scores]
        documents += [{"path": str(one.path), "findings": [each.as_dict() for each in one.findings]} for one in failed]
        write_json(documents[0] if len(documents) == 1 else {"submissions": documents})
    else:
        show_scores({str(report.path): report.scores for report in reports if report.scores})
    for report in failed:
        show_error(f"{report.path} cannot be scored", report.findings)
    if failed:
        raise typer.Exit(1)
