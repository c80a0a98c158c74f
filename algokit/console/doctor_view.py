"""A machine: what was looked at, what is not as it should be, how fast it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from algokit.console.findings import show_findings
from algokit.console.quantities import scaled
from algokit.console.streams import results
from algokit.console.tables import number_table

if TYPE_CHECKING:
    from algokit.recipe.forecast import Rates
    from algokit.verbs import DoctorReport

_RATES = {
    "forward pass, convolutional": ("map_flops", "FLOP"),
    "forward pass, transformer": ("token_flops", "FLOP"),
    "matrix product": ("product_flops", "FLOP"),
    "images decoded": ("images", "images"),
    "memory copied": ("memory_bytes", "B"),
    "disk written": ("disk_write_bytes", "B"),
    "disk read": ("disk_read_bytes", "B"),
}


def show_doctor(report: DoctorReport) -> None:
    """Print the checks, the rates of every device that was measured, and the findings."""
    stream = results()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan")
    grid.add_column(overflow="fold")
    for check in report.checks:
        grid.add_row(check.what, check.found)
    stream.print(grid)
    rates = [device.rates for _, device in sorted(report.machine.devices.items())]
    if rates:
        stream.print()
        stream.print(number_table(["per second", *map(_device, rates)], _rows(rates)))
        stream.print(Text.assemble("kept in ", (str(report.machine_file), "bold")), soft_wrap=True)
    stream.print()
    show_findings(report.findings, "this machine")


def _device(rates: Rates) -> str:
    return f"{rates.device} ({rates.accelerator})" if rates.accelerator else rates.device


def _rows(rates: list[Rates]) -> list[list[str]]:
    return [[words, *(scaled(getattr(one, name), unit) for one in rates)] for words, (name, unit) in _RATES.items()]
