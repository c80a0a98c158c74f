"""What a run in a container tells the outside: one JSON object a line on its stdout.

The inside says (`Speaker`), the outside listens (`Listener`): progress as it comes, then what was done, or what went
wrong in the words in which it would have been told here.
"""

from __future__ import annotations

import json
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TextIO

from algokit import errors
from algokit.atomic import writer
from algokit.errors import AlgokitError, InputError, MachineError, RunError
from algokit.pipeline.run import Ran, StepOutcome
from algokit.types import Finding, Progress, ProgressCallback

_PAUSE_S = 0.1  # between two messages of one step: people cannot follow more
_KEPT_LINES = 20


class Speaker:
    """The inside.

    Parameters
    ----------
    stream : where the lines go.
    clock : seconds that only grow.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._step, self._spoke_s = "", 0.0
        self._say({"writer": writer()})

    def progress(self, progress: Progress) -> None:
        """Pass a message on, unless the last one of its step was said just now; first and last ones always."""
        now = self._clock()
        is_last = progress.done >= progress.total
        if progress.step == self._step and not is_last and now - self._spoke_s < _PAUSE_S:
            return
        self._step, self._spoke_s = ("" if is_last else progress.step), now
        self._say({"progress": asdict(progress)})

    def ran(self, ran: Ran) -> None:
        """The end of a run that went well."""
        self._say({"ran": asdict(ran)})

    def failed(self, error: Exception) -> None:
        """The end of a run that did not; a bug keeps its traceback, for the report."""
        if not isinstance(error, AlgokitError):
            self._say({"bug": "".join(traceback.format_exception(error))})
            return
        findings = [finding.as_dict() for finding in error.findings]
        said = {"error": type(error).__name__, "exit_code": error.exit_code, "headline": error.headline}
        self._say({"failed": {**said, "findings": findings}})

    def _say(self, document: Any) -> None:
        self._stream.write(json.dumps(document) + "\n")
        self._stream.flush()


class Listener:
    """The outside.

    Parameters
    ----------
    progress : gets what the inside says of its progress.

    Attributes
    ----------
    ran : what was done; None until it is said.
    error : what went wrong, as an error of this side; None where nothing did.
    writer : by what name the inside marks what is half-written; "" until it is said.
    others : the last lines that were not of this kind: what an engine or a library printed.
    """

    def __init__(self, progress: ProgressCallback) -> None:
        self._progress = progress
        self._rest = b""
        self.ran: Ran | None = None
        self.error: Exception | None = None
        self.writer = ""
        self.others: deque[str] = deque(maxlen=_KEPT_LINES)

    def hear(self, chunk: bytes) -> None:
        """Some bytes of stdout: any number of lines, and parts of lines."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._line(line.decode(errors="replace"))

    def hear_aside(self, chunk: bytes) -> None:
        """Some bytes of stderr."""
        self.others += [line for line in chunk.decode(errors="replace").splitlines() if line.strip()]

    def end(self) -> None:
        """There is no more: a last line without its end is none of ours."""
        self.hear_aside(self._rest)
        self._rest = b""

    def _line(self, text: str) -> None:
        try:
            ((name, value),) = json.loads(text).items()
            said = _MEANINGS[name](value)
        except (ValueError, KeyError, TypeError, AttributeError):  # somebody else's line
            self.others.append(text)
            return
        if isinstance(said, Progress):
            self._progress(said)
        else:
            setattr(self, _PLACES[name], said)


def _ran(value: Any) -> Ran:
    return Ran(**{**value, "outcomes": tuple(StepOutcome(**one) for one in value["outcomes"])})


def _failed(value: Any) -> AlgokitError:
    kind = _error_class(value["error"], value["exit_code"])
    return kind(value["headline"], [Finding(**finding) for finding in value["findings"]])


def _bug(value: Any) -> RuntimeError:
    return RuntimeError(f"inside of the container:\n{value}")


def _error_class(name: str, exit_code: int) -> type[AlgokitError]:
    """The error of that name; of one that only the other side knows, what its exit code stands for."""
    known = getattr(errors, name, None)
    if isinstance(known, type) and issubclass(known, AlgokitError):
        return known
    return {InputError.exit_code: InputError, MachineError.exit_code: MachineError}.get(exit_code, RunError)


_MEANINGS: dict[str, Callable[[Any], Any]] = {
    "progress": lambda value: Progress(**value),
    "ran": _ran,
    "failed": _failed,
    "bug": _bug,
    "writer": str,
}
_PLACES = {"ran": "ran", "failed": "error", "bug": "error", "writer": "writer"}
