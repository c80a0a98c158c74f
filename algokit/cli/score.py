"""``algokit score``."""

from __future__ import annotations

from algokit.cli.options import Data, Json, Manifest, Submissions


def score(paths: Submissions, data: Data, manifest: Manifest = None, as_json: Json = False) -> None:
    """Score submissions as the challenge did.

    Test split, all vertices of all subjects and hemispheres pooled; every ROI beside it. With --json, one submission
    gives one object; several give {"submissions": [...]}.
    """
    from algokit import verbs
    from algokit.console import show_scores, write_json
    from algokit.validation import score_document

    reports = verbs.score(paths, data=data, manifest=manifest)
    if not as_json:
        show_scores(reports)
        return
    documents = [{"path": str(report.path), **score_document(report.scores)} for report in reports]
    write_json(documents[0] if len(documents) == 1 else {"submissions": documents})
