"""The first words in a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from algokit.console.findings import print_finding
from algokit.console.quantities import size
from algokit.console.streams import results

if TYPE_CHECKING:
    from algokit.executors.inside import Folder
    from algokit.verbs import Welcome


def show_welcome(welcome: Welcome) -> None:
    """Print what was found, what is wrong with it, and what to type next."""
    stream = results()
    stream.print(Text.assemble(("algokit ", "bold"), f"{welcome.version}: from a recipe to a scored submission"))
    stream.print()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan")
    grid.add_column(overflow="fold")
    for check in welcome.checks:
        grid.add_row(check.what, check.found)
    grid.add_row("user", welcome.around.user)
    grid.add_row("network", "there is one" if welcome.around.has_network else "none, and none is needed")
    for folder in welcome.around.folders:
        grid.add_row(f"folder {folder.path}", _folder_words(folder, welcome.challenges.get(str(folder.path), "")))
    if not welcome.around.folders:
        grid.add_row("folders", "none of the host's: give some with -v HOST:INSIDE")
    stream.print(grid)
    for finding in welcome.findings:
        stream.print()
        print_finding(stream, finding, with_severity=True)
    stream.print()
    stream.print("Next, with DATA and OUT folders of the host:")
    for command in welcome.next:
        stream.print(f"  {command}", soft_wrap=True)
    stream.print("Everything else: docker run --rm algokit --help")


def _folder_words(folder: Folder, challenge: str) -> str:
    state = "can be written to" if folder.is_writable else "to read"
    return ", ".join(word for word in (challenge, state, f"{size(folder.free_bytes)} free") if word)
