"""``algokit validate``."""

from __future__ import annotations

import typer

from algokit.cli.options import Json, Manifest, MaybeData, Submissions


def validate(
    paths: Submissions,
    data: MaybeData = None,
    manifest: Manifest = None,
    as_json: Json = False,
) -> None:
    """Check submission folders and zips.

    File names, shapes, dtype, non-finite and constant columns, the tree of a zip. Shapes are those of --data, else of
    --manifest, else those of the submission's card, else the official ones. Exits 1 when one has an error.
    """
    from algokit import verbs
    from algokit.console import show_validation, write_json
    from algokit.types import errors_among

    reports = verbs.validate(paths, data=data, manifest=manifest)
    if as_json:
        write_json(
            {
                "submissions": [
                    {
                        "path": str(report.path),
                        "valid": not errors_among(report.findings),
                        "geometry_source": report.geometry_source,
                        "findings": [finding.as_dict() for finding in report.findings],
                    }
                    for report in reports
                ]
            }
        )
    else:
        show_validation(reports)
    if any(errors_among(report.findings) for report in reports):
        raise typer.Exit(1)
