"""``algokit pack``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import Json, Manifest, MaybeData, Submission


def pack(
    path: Submission,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The zip; PATH.zip if not given.")] = None,
    data: MaybeData = None,
    manifest: Manifest = None,
    as_json: Json = False,
) -> None:
    """Write the zip for upload.

    Subject folders at its root, deflated; the same submission gives the same bytes. It is reopened and checked.
    """
    from algokit import verbs
    from algokit.console import show_pack, write_json

    report = verbs.pack(path, out=out, data=data, manifest=manifest)
    if as_json:
        findings = [finding.as_dict() for finding in report.findings]
        write_json(
            {
                "path": str(report.path),
                "bytes": report.n_bytes,
                "n_files": report.n_files,
                "sha256": report.sha256,
                "findings": findings,
            }
        )
    else:
        show_pack(report)
