"""How a container ended, and what that means for who started it."""

from __future__ import annotations

from dataclasses import dataclass

from algokit.errors import AlgokitError, MachineError, RunError
from algokit.executors.lines import Listener
from algokit.pipeline.run import Ran
from algokit.types import Finding

NOT_EXECUTABLE, NOT_FOUND, KILLED, TERMINATED = 126, 127, 137, 143
_SHOWN_LINES = 5


class EndedEarlyError(RunError):
    """The container ended before the run did."""


@dataclass(frozen=True)
class Ended:
    """The end of a container.

    Attributes
    ----------
    code : of its process; 128 and more stand for a signal.
    was_out_of_memory : the kernel killed in it for its memory limit.
    was_late : it was killed because its time was up.
    """

    code: int
    was_out_of_memory: bool = False
    was_late: bool = False
    memory_bytes: int | None = None
    timeout_s: float | None = None


def concluded(heard: Listener, ended: Ended) -> Ran:
    """What the run did; an end that is not one is told as what it was.

    Raises
    ------
    MachineError : killed for memory, or the image cannot run algokit.
    RunError : it took too long, or was ended from outside.
    AlgokitError, RuntimeError : what the inside said went wrong.
    """
    if heard.ran is not None and ended.code == 0:
        return heard.ran
    if ended.was_late:
        raise EndedEarlyError("the run was ended", [_late(ended)])
    if ended.was_out_of_memory:
        raise MachineError("the run was killed for its memory", [_killed_for_memory(ended)])
    if heard.error is not None:
        raise heard.error
    raise _unexplained(heard, ended)


def _late(ended: Ended) -> Finding:
    return Finding(
        "it did not end in time",
        where="--timeout",
        expected=f"at most {ended.timeout_s:g} s" if ended.timeout_s else "",
        advice="finished steps are kept: the same command goes on from there, with a longer --timeout or without one",
        code="timeout",
    )


def _killed_for_memory(ended: Ended) -> Finding:
    limit = f"{ended.memory_bytes / 1e9:.2f} GB" if ended.memory_bytes else "the engine's own"
    advice = "a larger --memory, or a smaller --batch-size or --block-vertices; finished steps are kept"
    return Finding(
        "the container took more memory than it may", "--memory", "", limit, advice=advice, code="oom-killed"
    )


def _unexplained(heard: Listener, ended: Ended) -> AlgokitError:
    said = " / ".join(list(heard.others)[-_SHOWN_LINES:])
    found = f"exit code {ended.code}" + (f": {said}" if said else "")
    if ended.code in (NOT_EXECUTABLE, NOT_FOUND) or "exec format error" in said:
        advice = "name an image that was built from algokit's Dockerfile for this kind of processor (--image)"
        finding = Finding("algokit could not be started in this image", found=found, advice=advice, code="wrong-image")
        return MachineError("the image cannot run algokit", [finding])
    if ended.code == 2 and "execute" in said:
        advice = "build the image again from this checkout: docker build . -t algokit"
        finding = Finding("the algokit in this image is another one", found=found, advice=advice, code="other-version")
        return MachineError("the image is of another version", [finding])
    if ended.code in (KILLED, TERMINATED):
        advice = "somebody or something ended it; finished steps are kept: the same command goes on from there"
        finding = Finding("the container was killed from outside", found=found, advice=advice, code="killed")
        return EndedEarlyError("the run was ended", [finding])
    advice = "finished steps are kept: the same command goes on from there"
    finding = Finding("the container ended without a word", found=found, advice=advice, code="ended-early")
    return EndedEarlyError("the run was ended", [finding])
