"""What the page tells the reader to type, and what it says of the time a run took."""

from __future__ import annotations

from typing import Any

import pytest

from algokit.reporting.making import command_facts, environment_facts


def card(*checkpoints: str | None) -> dict[str, Any]:
    members = [{"name": f"m{n}", "backbone": {"kind": "timm", "checkpoint": one}} for n, one in enumerate(checkpoints)]
    return {"recipe": {"name": "mine", "members": members}}


def test_weights_files_of_a_recipe_are_asked_for_by_member() -> None:
    commands = [one.value for one in command_facts(card(None, "a.pth"), is_test_scored=True)]
    for command in commands:
        asks = "--set members.1.backbone.checkpoint=FILE" in command
        assert asks == command.startswith(("algokit rerun", "algokit run"))
        assert "members.0" not in command


def test_only_what_was_scored_is_scored_again() -> None:
    scored, unscored = (
        [one.value for one in command_facts(card(None), is_test_scored=known)] for known in (True, False)
    )
    assert set(scored) - set(unscored) == {"algokit score . --data DIR --intervals"}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"a": 1.0, "b": 2.0}, "2 of 36 steps computed, the others taken from the store"),
        ({}, "none of 36 steps computed, all taken from the store"),
        (dict.fromkeys(map(str, range(36)), 1.0), "all 36 steps computed"),
    ],
)
def test_the_time_of_a_run_says_what_was_done_in_it(made: dict[str, float], words: str) -> None:
    facts = environment_facts({"timings": {"total_s": 37.1, "steps_s": made}}, 36)
    assert [(one.value, one.note) for one in facts if one.label == "time of this run"] == [("37.1 s", words)]
