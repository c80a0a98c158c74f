"""Every way to fail has its message and exit code, leaves no container, and the next run ends with the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench import Bench, containers
from scenarios import SCENARIOS, Scenario, table

from algokit.store import Store
from algokit.store.contents import entries

DOCS = Path(__file__).resolve().parents[2] / "docs" / "container_failures.md"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_what_went_wrong_is_said_and_nothing_is_left(scenario: Scenario, bench: Bench) -> None:
    done = scenario.act(bench)
    assert done.code == scenario.exit_code, done.err
    if scenario.code:
        first = json.loads(done.out)["findings"][0]
        assert (first["code"], first["what"]) == (scenario.code, scenario.says)
        assert first["advice"] or scenario.code in ("usage", "unreadable", "no-participant")
    assert containers(bench.store) == []
    assert not list((bench.store / "jobs").glob("*.json"))
    assert all(Store(bench.store).open(one.kind, one.key) for one in entries(bench.store))
    assert not list(bench.folder.rglob("*.partial"))


def test_there_are_30_ways_or_more_and_the_docs_tell_them_all() -> None:
    assert len({one.name for one in SCENARIOS}) == len(SCENARIOS) >= 30
    assert DOCS.read_text(encoding="utf-8") == table()
