"""What is said inside of a container is heard outside, whole, and nothing else is taken for it."""

from __future__ import annotations

import io
import json

import pytest

from algokit.errors import DeviceError, DiskError, MachineError, RecipeError, RunError
from algokit.executors.lines import Listener, Speaker
from algokit.executors.outcomes import Ended, EndedEarlyError, concluded
from algokit.pipeline.run import Ran, StepOutcome
from algokit.store import CorruptArtefactError
from algokit.types import Finding, Progress, no_progress

RAN = Ran((StepOutcome("a/b", True, "new", 1.5), StepOutcome("c", False, "", 0.0)), "cpu", "", {"numpy": "2"}, {"n": 1})


def heard(text: str, n_bytes: int = 7) -> tuple[Listener, list[Progress]]:
    """The listener, after it got the text in small pieces."""
    messages: list[Progress] = []
    listener, raw = Listener(messages.append), text.encode()
    for start in range(0, len(raw), n_bytes):
        listener.hear(raw[start : start + n_bytes])
    listener.end()
    return listener, messages


@pytest.mark.parametrize("n_bytes", [1, 7, 10_000])
def test_progress_and_outcome_arrive_as_they_were_said(n_bytes: int) -> None:
    stream = io.StringIO()
    speaker = Speaker(stream)
    said = [Progress("é", 1, 2, "images", "x"), Progress("é", 2, 2, "images")]
    for one in said:
        speaker.progress(one)
    speaker.ran(RAN)
    listener, messages = heard(stream.getvalue(), n_bytes)
    assert messages == said
    assert listener.ran == RAN and listener.error is None and listener.writer


def test_of_many_messages_of_a_step_the_first_and_the_last_are_always_said() -> None:
    stream, now = io.StringIO(), iter([0.0, 0.01, 0.02, 0.2, 0.21, 0.22, 0.23])
    speaker = Speaker(stream, lambda: next(now))
    for step, done in [("a", 0), ("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 0), ("b", 1)]:
        speaker.progress(Progress(step, done, 4))
    _, messages = heard(stream.getvalue())
    assert [(one.step, one.done) for one in messages] == [("a", 0), ("a", 3), ("a", 4), ("b", 0)]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DeviceError("h", [Finding("w", "where", "path", "e", "f", "a", code="c")]), DeviceError),
        (RecipeError("h"), RecipeError),
        (CorruptArtefactError("h"), RunError),  # of a kind that this side does not look up
    ],
)
def test_an_error_is_told_outside_as_inside(error: MachineError, kind: type[Exception]) -> None:
    stream = io.StringIO()
    Speaker(stream).failed(error)
    listener, _ = heard(stream.getvalue())
    assert type(listener.error) is kind
    assert (listener.error.headline, listener.error.findings) == (error.headline, error.findings)


def test_a_bug_brings_its_traceback() -> None:
    stream = io.StringIO()
    try:
        raise ZeroDivisionError("seven")
    except ZeroDivisionError as error:
        Speaker(stream).failed(error)
    listener, _ = heard(stream.getvalue())
    assert isinstance(listener.error, RuntimeError) and "ZeroDivisionError: seven" in str(listener.error)


@pytest.mark.parametrize(
    "line", ["", "hello", "[1]", '{"progress": 1}', '{"a": 1, "b": 2}', '{"other": {}}', "nan", "\0"]
)
def test_other_lines_are_kept_as_they_are(line: str) -> None:
    listener, messages = heard(f"{line}\n")
    assert list(listener.others) == [line]
    assert not messages and listener.ran is None and listener.error is None


def test_a_line_without_its_end_is_not_believed() -> None:
    stream = io.StringIO()
    Speaker(stream).ran(RAN)
    listener, _ = heard(stream.getvalue().rstrip("\n"))
    assert listener.ran is None


def test_what_a_callback_raises_is_not_taken_for_a_strange_line() -> None:
    def broken(_: Progress) -> None:
        raise ValueError("the callback's own")

    with pytest.raises(ValueError, match="own"):
        Listener(broken).hear(json.dumps({"progress": {"step": "a", "done": 0, "total": 1}}).encode() + b"\n")


def listening(*, ran: Ran | None = None, error: Exception | None = None, said: str = "") -> Listener:
    listener = Listener(no_progress)
    listener.ran, listener.error = ran, error
    listener.hear_aside(said.encode())
    return listener


def test_a_good_end_needs_both_the_word_and_the_exit_code() -> None:
    assert concluded(listening(ran=RAN), Ended(0)) is RAN
    for listener, ended in [(listening(ran=RAN), Ended(1)), (listening(), Ended(0))]:
        with pytest.raises(EndedEarlyError):
            concluded(listener, ended)


@pytest.mark.parametrize(
    ("listener", "ended", "code", "exit_code"),
    [
        (listening(), Ended(137, was_out_of_memory=True, memory_bytes=10**9), "oom-killed", 3),
        (listening(), Ended(137), "killed", 1),
        (listening(), Ended(137, was_late=True, timeout_s=5), "timeout", 1),
        (listening(said="exec algokit failed: No such file"), Ended(127), "wrong-image", 3),
        (listening(said="exec format error"), Ended(1), "wrong-image", 3),
        (listening(said="No such command 'execute'."), Ended(2), "other-version", 3),
        (listening(said="hm"), Ended(5), "ended-early", 1),
        (listening(error=DiskError("h", [Finding("w", code="disk-full")])), Ended(3), "disk-full", 3),
        (listening(error=DiskError("h", [Finding("w")])), Ended(137, was_out_of_memory=True), "oom-killed", 3),
    ],
)
def test_every_end_is_told_as_what_it_was(listener: Listener, ended: Ended, code: str, exit_code: int) -> None:
    with pytest.raises((MachineError, RunError)) as refusal:
        concluded(listener, ended)
    assert (refusal.value.findings[0].code, refusal.value.exit_code) == (code, exit_code)
    assert refusal.value.findings[0].advice or code == "disk-full"
