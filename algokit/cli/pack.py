"""``algokit pack``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from algokit.cli.options import Json, Manifest, MaybeData, Quiet, Submission


def pack(
    path: Submission,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The zip; PATH.zip if not given.")] = None,
    data: MaybeData = None,
    manifest: Manifest = None,
    trim_mantissa: Annotated[
        bool,
        typer.Option(
            "--trim-mantissa",
            help="Round the 8 lowest of 23 mantissa bits away: 237 instead of 295 MB. With test responses in --data, "
            "fewer where that would change a mean score by 1e-4 points.",
        ),
    ] = False,
    trim_bits: Annotated[
        int | None,
        typer.Option(metavar="N", help="Round this many bits away instead, whatever it changes; the change is told."),
    ] = None,
    provenance: Annotated[
        bool, typer.Option("--provenance", help="Write FILE.provenance.json beside the zip: card, digests, findings.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write the zip for upload.

    Subject folders at its root, deflated; the same submission gives the same bytes. Its size is told before it is
    written; it is reopened and checked, and recorded in the submission's card.
    """
    from algokit import verbs
    from algokit.console import show_pack, shown_progress, write_json
    from algokit.console.pack_view import show_forecast

    with shown_progress(quiet=quiet) as progress:
        report = verbs.pack(
            path,
            out=out,
            data=data,
            manifest=manifest,
            trim_mantissa=trim_mantissa,
            trim_bits=trim_bits,
            provenance=provenance,
            announce=(lambda forecast: None) if quiet else show_forecast,
            progress=progress,
        )
    if as_json:
        write_json(_document(report))
    else:
        show_pack(report)


def _document(report: Any) -> dict[str, Any]:
    record = report.record()
    return {
        "path": str(report.path),
        "bytes": report.n_bytes,
        "forecast_bytes": report.forecast_bytes,
        "n_files": report.n_files,
        "sha256": report.sha256,
        "trim": record["trim"],
        "card": str(report.card) if report.card else None,
        "provenance": str(report.provenance) if report.provenance else None,
        "findings": [finding.as_dict() for finding in report.findings],
    }
