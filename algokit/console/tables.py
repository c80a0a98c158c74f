"""Plain listings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from algokit.console.streams import results
from algokit.reporting import tables as plain


def show_members(listing: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Print families and their members: the word for the recipe, and a line about it."""
    stream = results()
    for position, (family, rows) in enumerate(listing.items()):
        if position:
            stream.print()
        stream.print(Text(family, "bold"))
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="cyan", overflow="fold")
        grid.add_column(overflow="fold")
        for kind, about in rows:
            grid.add_row(f"  {kind}", about)
        stream.print(grid)


def number_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, total: bool = False) -> Table:
    """A table of words in the first column and numbers in the others; ``total`` sets the last row apart."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for position, name in enumerate(header):
        table.add_column(name, justify="right" if position else "left")
    for position, row in enumerate(rows):
        table.add_row(*row, end_section=total and position == len(rows) - 2)
    return table


def table_view(table: plain.Table) -> Table:
    """A plain table of the reporting layer: words to the left, numbers to the right, a rule where the group changes."""
    view = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, header_style="bold")
    for position, name in enumerate(table.headers):
        is_number = any(not isinstance(row[position], str) for row in table.rows)
        header = name.replace("noise-normalized ", "noise-\nnormalized\n")
        view.add_column(header, justify="right" if is_number else "left", overflow="fold")
    groups = [row[0] for row in table.rows]
    for row, group, following in zip(table.text(), groups, [*groups[1:], None], strict=True):
        view.add_row(*row, end_section=group != following and groups.count(group) > 1)
    return view
