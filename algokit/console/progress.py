"""Progress on stderr: a bar for the step that runs, and a line for every step that has finished."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from rich import progress as bars
from rich.console import Console
from rich.text import Text

from algokit.console.quantities import duration, size
from algokit.console.streams import messages
from algokit.types import Progress, ProgressCallback, no_progress

BYTES = "bytes"  # a unit that is told in kB, MB, GB
INSTANT_S = 0.1  # nobody waited for it, so nobody is told
_SILENCE_S = 60.0


@contextlib.contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[ProgressCallback]:
    """A callback that shows progress on stderr while the block runs; without a terminal, lines and no bars."""
    stream = messages()
    if quiet:
        yield no_progress
    elif stream.is_terminal:
        with _bars(stream) as display:
            yield _Bar(display)
    else:
        yield _Lines(stream)


def _bars(stream: Console) -> bars.Progress:
    return bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(bar_width=24),
        bars.TextColumn("{task.fields[count]}"),
        bars.TimeRemainingColumn(compact=True),
        bars.TextColumn("{task.fields[note]}", style="dim"),
        console=stream,
        transient=True,
    )


class _Steps:
    """Steps come one after the other: a message of another step means that the last one is over."""

    def __init__(self) -> None:
        self._step = ""
        self._started = 0.0
        self._first = 0

    def __call__(self, progress: Progress) -> None:
        if progress.step != self._step:
            self._step, self._started, self._first = progress.step, time.monotonic(), progress.done
            self.begin(progress)
        self.advance(progress)
        if progress.done >= progress.total:
            seconds = time.monotonic() - self._started
            self.end(_line(progress, seconds) if seconds >= INSTANT_S else None)
            self._step = ""

    def begin(self, progress: Progress) -> None:
        """The first message of a step."""

    def advance(self, progress: Progress) -> None:
        """Every message."""

    def end(self, line: Text | None) -> None:
        """A step is complete; ``line`` says so."""


class _Bar(_Steps):
    def __init__(self, display: bars.Progress) -> None:
        super().__init__()
        self._display = display

    def begin(self, progress: Progress) -> None:
        for task in self._display.task_ids:
            self._display.remove_task(task)
        self._display.add_task(progress.step, total=progress.total, count="", note="")

    def advance(self, progress: Progress) -> None:
        task = self._display.task_ids[-1]
        count, note = _count(progress), progress.note
        self._display.update(task, completed=progress.done, total=progress.total, count=count, note=note)

    def end(self, line: Text | None) -> None:
        self._display.remove_task(self._display.task_ids[-1])
        if line:
            self._display.console.print(line)


class _Lines(_Steps):
    """For log files: finished steps, and a sign of life from a step that takes long."""

    def __init__(self, stream: Console) -> None:
        super().__init__()
        self._stream = stream
        self._spoke = time.monotonic()

    def advance(self, progress: Progress) -> None:
        if progress.done < progress.total and time.monotonic() - self._spoke > _SILENCE_S:
            words = [f"{progress.step}: {_count(progress)}", progress.note, self._left(progress)]
            self._print(Text(f"  ... {', '.join(word for word in words if word)}"))

    def _left(self, progress: Progress) -> str:
        """How long it will take at the rate so far; "" where nothing says."""
        done = progress.done - self._first
        seconds = time.monotonic() - self._started
        return f"{duration(seconds / done * (progress.total - progress.done))} left" if done else ""

    def end(self, line: Text | None) -> None:
        if line:
            self._print(line)

    def _print(self, line: Text) -> None:
        self._stream.print(line, soft_wrap=True)
        self._spoke = time.monotonic()


def _count(progress: Progress) -> str:
    if progress.unit == BYTES:
        return f"{size(progress.done)} of {size(progress.total)}"
    return f"{progress.done:,}/{progress.total:,} {progress.unit}"


def _line(progress: Progress, seconds: float) -> Text:
    total = size(progress.total) if progress.unit == BYTES else f"{progress.total:,} {progress.unit}"
    return Text.assemble(("  done ", "green"), progress.step, (f"  {total}, {duration(seconds)}", "dim"))
