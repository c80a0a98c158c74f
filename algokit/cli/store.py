"""``algokit store``: what runs keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from algokit.cli.options import Json, Manifest, MaybeData, Nsd, Quiet, Store, store_root

if TYPE_CHECKING:
    from algokit.store import Entry, Garbage

app = typer.Typer(help="See, check or clear what runs keep.", no_args_is_help=True)

Steps: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="STEP",
        help="The id of a step, the start of ids (features/gabor), or a pattern in quotes ('fit/*/subj01').",
        show_default=False,
    ),
]


@app.command("ls")
def list_artefacts(steps: Steps = "", store: Store = None, as_json: Json = False) -> None:
    """List artefacts.

    Step, size, age, the start of the key, and what is missing or has another size than was written; verify reads the
    bytes too.
    """
    from algokit import verbs
    from algokit.console import show_artefacts, write_json

    found = verbs.store_contents(store_root(store), steps=steps)
    if as_json:
        write_json({"store": str(store_root(store)), "artefacts": [_entry(one) for one in found]})
    else:
        show_artefacts(found)


@app.command()
def du(store: Store = None, as_json: Json = False) -> None:
    """Show what the store takes on disk.

    By kind of step, member and subject, and what lies there beside the artefacts.
    """
    from algokit import verbs
    from algokit.console import show_usage, write_json

    usage = verbs.store_usage(store_root(store))
    if as_json:
        sums = {
            name: {value: {"n_artefacts": n, "n_bytes": n_bytes} for value, (n, n_bytes) in usage.by(name).items()}
            for name in ("kind", "member", "subject")
        }
        document = {"store": str(usage.root), "n_artefacts": len(usage.artefacts), **sums, "others": usage.others}
        write_json({**document, "free_bytes": usage.free_bytes})
    else:
        show_usage(usage)


@app.command()
def gc(
    keep: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Keep what this is made of: the folder of a submission or a study, its plan.json, or its recipe (with "
            "--data); may be given several times.",
        ),
    ] = None,
    older_than: Annotated[
        float | None, typer.Option(min=0, metavar="DAYS", help="Remove only what was made longer ago.")
    ] = None,
    data: MaybeData = None,
    manifest: Manifest = None,
    nsd: Nsd = None,
    store: Store = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without, only say what would go.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Remove what nothing refers to.

    Artefacts that no --keep is made of and that are older than --older-than; what killed runs left half-written; jobs
    of containers; what failed its check. Folders that are not the store's own are left alone. Refused while a run uses
    the store.
    """
    from algokit import verbs
    from algokit.console import show_garbage, shown_progress, write_json

    with shown_progress(quiet=quiet) as progress:
        garbage = verbs.collect_store(
            store_root(store),
            keep=keep or (),
            older_than_days=older_than,
            data=data,
            manifest=manifest,
            nsd=nsd,
            remove=yes,
            progress=progress,
        )
    if as_json:
        write_json({"store": str(store_root(store)), "removed": yes, **_garbage(garbage)})
    else:
        show_garbage(garbage, removed=yes)


@app.command()
def verify(steps: Steps = "", store: Store = None, quiet: Quiet = False, as_json: Json = False) -> None:
    """Check every byte against its digest.

    What changed since it was written is named, moved to corrupt/ and made again by the next run. Exits 1 when there is
    any.
    """
    from algokit import verbs
    from algokit.console import show_checked, shown_progress, write_json

    with shown_progress(quiet=quiet) as progress:
        checked = verbs.verify_store(store_root(store), steps=steps, progress=progress)
    if as_json:
        counts = {"n_artefacts": checked.n_artefacts, "n_bytes": checked.n_bytes}
        findings = [finding.as_dict() for finding in checked.findings]
        write_json({"store": str(store_root(store)), **counts, "findings": findings})
    else:
        show_checked(checked)
    if checked.findings:
        raise typer.Exit(1)


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "kind": entry.kind,
        "member": entry.member,
        "subject": entry.subject,
        "key": entry.key,
        "path": str(entry.path),
        "n_bytes": entry.n_bytes,
        "made_s": round(entry.made_s, 3),
        "problem": entry.problem,
    }


def _garbage(garbage: Garbage) -> dict[str, Any]:
    return {
        "unreferenced": [_entry(one) for one in garbage.unreferenced],
        "damaged": [str(path) for path in garbage.damaged],
        "half_written": [str(path) for path in garbage.half_written],
        "jobs": [str(path) for path in garbage.jobs],
        "n_kept": len(garbage.kept),
        "left_alone": [str(path) for path in garbage.strangers],
    }
