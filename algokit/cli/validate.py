"""``algokit validate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import Json, Manifest, MaybeData


def validate(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Submission folders, zips, trees of submissions, or - for a zip on stdin."
        ),
    ],
    data: MaybeData = None,
    manifest: Manifest = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on warnings too.")] = False,
    as_json: Json = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the findings as JUnit XML, one test per file.")
    ] = None,
    sarif: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the findings as SARIF 2.1.0.")] = None,
) -> None:
    """Check submission folders and zips.

    File names, shapes, dtype, values that are not finite, constant, repeated or implausible, the tree of a zip; with
    test responses in --data also whose rows a file holds. Shapes are those of --data, else of --manifest, else those of
    the submission's card, else the official ones. Nothing is unpacked or unpickled. Exits 1 when one has an error.
    """
    from algokit import verbs
    from algokit.console import show_error, show_validation, write_json
    from algokit.errors import DiskError
    from algokit.verbs.validating import write_findings

    stream = None if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer
    reports = verbs.validate(paths, data=data, manifest=manifest, stream=stream)
    if as_json:
        write_json(
            {
                "submissions": [
                    {
                        "path": str(report.path),
                        "valid": report.is_valid(strict=strict),
                        "geometry_source": report.geometry_source,
                        "truth_source": report.truth_source,
                        "n_files": len(report.files),
                        "n_values": report.n_values,
                        "findings": [finding.as_dict() for finding in report.findings],
                    }
                    for report in reports
                ]
            }
        )
    else:
        show_validation(reports, strict=strict)
    try:  # after the findings: a disk that is full must not cost them
        write_findings(reports, strict=strict, junit=junit, sarif=sarif)
    except DiskError as error:  # here, because stdout may hold the one document of --json already
        show_error(error.headline, error.findings)
        raise typer.Exit(error.exit_code) from error
    if not all(report.is_valid(strict=strict) for report in reports):
        raise typer.Exit(1)
