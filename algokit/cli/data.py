"""``algokit data``: the challenge directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import Json, Manifest, Quiet

app = typer.Typer(help="Check, lock or describe challenge data; make the demo.", no_args_is_help=True)

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The challenge directory.")]


@app.command()
def check(
    directory: Directory,
    manifest: Manifest = None,
    quick: Annotated[bool, typer.Option("--quick", help="Headers and names only: no values, no images.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Report every departure from the manifest at once.

    Exits 2 when one of them is an error.
    """
    from algokit import verbs
    from algokit.console import show_findings, shown_progress, write_json
    from algokit.types import errors_among

    with shown_progress(quiet=quiet) as progress:
        findings = verbs.check_data(directory, manifest=manifest, quick=quick, progress=progress)
    if as_json:
        write_json({"path": str(directory), "findings": [finding.as_dict() for finding in findings]})
    else:
        show_findings(findings, str(directory))
    if errors_among(findings):
        raise typer.Exit(2)


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another challenge.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Write a small made-up challenge in the real layout."""
    from algokit import verbs
    from algokit.console import say, shown_progress

    with shown_progress(quiet=quiet) as progress:
        place = verbs.make_demo(directory, seed=seed, progress=progress)
    say(f"demo challenge: {place}")


@app.command()
def lock(
    directory: Directory,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write the lock.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read every file again, also unchanged ones.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Record size and sha256 of every file.

    One JSON file that says which data these are, to keep and to compare; the same data give the same bytes anywhere.
    """
    from algokit import verbs
    from algokit.console import say, shown_progress, write_json

    with shown_progress(quiet=quiet) as progress:
        locked = verbs.lock_data(directory, out=out, full=full, progress=progress)
    if as_json:
        write_json(locked)
    else:
        say(f"{locked['n_files']:,} files, {locked['n_bytes']:,} bytes, sha256 {locked['sha256'][:12]}")


@app.command()
def manifest(directory: Directory) -> None:
    """Print a manifest of what is in a directory."""
    from algokit import verbs
    from algokit.console import say

    say(verbs.describe_data(directory).rstrip())
