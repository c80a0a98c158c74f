"""What a store holds, what it takes, what can go, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from algokit.console.findings import print_finding
from algokit.console.quantities import age, plural, size
from algokit.console.streams import results
from algokit.console.tables import number_table

if TYPE_CHECKING:
    from algokit.store import Checked, Entry, Garbage
    from algokit.verbs import StoreUsage

_KEY = 8
_SHARED = {"images": "images: digests of one set", "shards": "shard of an unfinished extraction"}  # of no one step
_SHOWN = 8


def show_artefacts(found: Sequence[Entry]) -> None:
    """Print one row per artefact, and how many and how large they are together."""
    stream = results()
    if found:
        stream.print(_artefacts(found))
    broken = sum(bool(entry.problem) for entry in found)
    whole = Text(f"{broken:,} not whole", "bold red") if broken else Text("all whole", "bold green")
    total = f"{plural(len(found), 'artefact')}, {size(sum(entry.n_bytes for entry in found))}"
    stream.print(Text.assemble((total, "bold"), ", ", whole) if found else Text("no artefacts"))


def _artefacts(found: Iterable[Entry]) -> Table:
    """One row each; what is wrong with one stands below its step."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("step", overflow="fold")
    for name in ("size", "age"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("key", no_wrap=True)
    for entry in found:
        step = Text(entry.id or _SHARED.get(entry.kind, f"{entry.kind}, of an unknown step"))
        if entry.problem:
            step.append(f"\n  {entry.problem}", "bold red")
        table.add_row(step, size(entry.n_bytes), age(entry.made_s), entry.key[:_KEY])
    return table


def show_usage(usage: StoreUsage) -> None:
    """Print one table per way to group the artefacts, what lies beside them, and the sum."""
    stream = results()
    for name in ("kind", "member", "subject"):
        if rows := [[value, f"{n:,}", size(n_bytes)] for value, (n, n_bytes) in usage.by(name).items()]:
            stream.print(number_table([name, "artefacts", "on disk"], rows))
            stream.print()
    if usage.others:
        stream.print(number_table(["beside them", "on disk"], [[what, size(n)] for what, n in usage.others.items()]))
        stream.print()
    total = sum(entry.n_bytes for entry in usage.artefacts) + sum(usage.others.values())
    stream.print(Text(f"{size(total)}, {size(usage.free_bytes)} free on the disk of {usage.root}", "bold"))


def show_garbage(garbage: Garbage, *, removed: bool) -> None:
    """Print what goes, what stays, and how to let it go."""
    stream = results()
    gone = sorted(garbage.unreferenced, key=lambda entry: -entry.n_bytes)
    if gone:
        stream.print(_artefacts(gone[:_SHOWN]))
        if len(gone) > _SHOWN:
            stream.print(Text(f"and {len(gone) - _SHOWN:,} smaller ones", "dim"))
    verb = "removed" if removed else "would be removed"
    total = size(sum(entry.n_bytes for entry in gone))
    counts = {"artefact": len(gone), "damaged one": len(garbage.damaged), "half-written one": len(garbage.half_written)}
    counts["job"] = len(garbage.jobs)
    said = [plural(n, noun) + (f" ({total})" if noun == "artefact" else "") for noun, n in counts.items() if n]
    stream.print(Text(f"{verb}: {', '.join(said)}" if said else f"nothing {verb}", "bold"))
    kept = size(sum(entry.n_bytes for entry in garbage.kept))
    stream.print(f"kept: {plural(len(garbage.kept), 'artefact')}, {kept}")
    for path in garbage.strangers:
        stream.print(Text(f"left alone, not the store's own: {path}", "dim"), soft_wrap=True)
    if said and not removed:
        stream.print(Text("nothing is removed without --yes", "yellow"))


def show_checked(checked: Checked) -> None:
    """Print every damaged artefact, and how much was read."""
    stream = results()
    for finding in checked.findings:
        print_finding(stream, finding, with_severity=True)
    n_damaged = len(checked.findings)
    read = f"{plural(checked.n_artefacts, 'artefact')}, {size(checked.n_bytes)}: "
    verdict = Text(f"{n_damaged} damaged", "bold red") if n_damaged else Text("all as written", "bold green")
    stream.print(Text.assemble(read, verdict))
