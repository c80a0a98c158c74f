"""The weights of a recipe: here or missing, how large, under which licence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from algokit.console.quantities import plural, size
from algokit.console.streams import results

if TYPE_CHECKING:
    from algokit.pipeline.weights.fetch import WeightsState
    from algokit.verbs import FetchReport


def show_weights(report: FetchReport) -> None:
    """Print a row per weights file, and what to type for those that are missing."""
    stream = results()
    if not report.weights:
        stream.print("this recipe needs no published weights")
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name in ("weights", "tag", "state", "size", "licence"):
        table.add_column(name, justify="right" if name == "size" else "left", overflow="fold")
    for state in report.weights:
        wanted = state.needed.published
        table.add_row(f"{wanted.kind} {wanted.name}", wanted.tag, _state(state), _size(state), wanted.licence)
    stream.print(table)
    missing = [state for state in report.weights if state.path is None]
    if any(state.n_bytes is None for state in missing):
        about = "~ is the network's own parameters in float32; the file may hold a text tower too, or half precision."
        stream.print(Text(about, "dim"))
    if missing:
        stream.print(f"{plural(len(missing), 'file')} missing: algokit fetch downloads and checks them.")
    if report.lock:
        stream.print(Text.assemble("digests: ", (str(report.lock), "bold")), soft_wrap=True)


def _state(state: WeightsState) -> Text:
    if state.path is None:
        return Text("missing", "yellow")
    words = "fetched" if state.is_new else "present"
    return Text(words + (", locked" if state.is_locked else ""), "green")


def _size(state: WeightsState) -> str:
    if state.n_bytes is not None:
        return size(state.n_bytes)
    return f"~{size(4 * state.needed.published.n_parameters)}"
