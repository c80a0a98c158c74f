"""``algokit rerun``, ``algokit diff`` and ``algokit schema card``: exit codes, streams, 80 columns."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from small_card import card, changed, digest

from algokit.cli import main
from algokit.console import show_rerun
from algokit.reporting.card_diff import diff_cards
from algokit.reporting.card_rerun import rerun_checks, rerun_outcome, rerun_verdict
from algokit.reporting.card_schema import Card
from algokit.verbs import RerunReport, RunReport


@pytest.fixture
def algokit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command line in this process; the exit code."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: Any) -> int:
        monkeypatch.setattr(sys, "argv", ["algokit", *map(str, arguments)])
        try:
            main()
        except SystemExit as way_out:
            return int(way_out.code or 0)
        return 0

    return run


@pytest.fixture
def cards(tmp_path: Path) -> tuple[Path, Path]:
    """Two cards: one setting, one prediction file and the score differ."""
    new = changed(card(51.25), "recipe/members/0/poolings/0/grid", [1, 2, 3, 4])
    new["files"]["subj01/lh_pred_test.npy"] = digest("other")
    for name, document in (("old", card()), ("new", new)):
        (tmp_path / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return tmp_path / "old.json", tmp_path / "new.json"


def test_diff_exits_0_for_the_same_and_1_for_another_result(
    algokit: Any, cards: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert algokit("diff", cards[0], cards[0]) == 0
    assert "same inputs, same predictions" in capsys.readouterr().out
    assert algokit("diff", *cards) == 1
    shown = capsys.readouterr()
    assert not shown.err
    assert "members[0].poolings[0].grid" in shown.out
    assert "+1.25" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "\x1b" not in shown.out


def test_diff_tells_programs_the_same(
    algokit: Any, cards: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert algokit("diff", *cards, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["same"] is False
    assert document["inputs"][0]["new"] == [1, 2, 3, 4]
    assert document["scores"][0]["change"] == 1.25


def test_diff_of_a_card_that_was_edited_exits_with_1_and_says_so(
    algokit: Any, cards: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "edited.json").write_text(json.dumps(changed(card(), "recipe_digest", "0" * 64)), encoding="utf-8")
    assert algokit("diff", cards[0], tmp_path / "edited.json") == 1
    assert "the second card was changed after it was written" in " ".join(capsys.readouterr().out.split())
    assert algokit("diff", tmp_path / "edited.json", cards[0], "--json") == 1
    assert json.loads(capsys.readouterr().out)["altered"] == ["first"]


@pytest.mark.parametrize("verb", [("diff",), ("rerun", "--data", ".")])
@pytest.mark.parametrize("text", ["", "[]", '{"a":' * 9999, '{"schema": "algokit-card/1"}', '{"schema": 1}', "\x00"])
def test_what_is_no_card_exits_2_with_findings_and_no_traceback(
    algokit: Any, verb: tuple[str, ...], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    files = [tmp_path / "bad.json"] * (2 if verb == ("diff",) else 1)
    assert algokit(*verb, *files) == 2
    shown = capsys.readouterr()
    assert "bad.json:1:" in shown.err
    assert "Traceback" not in shown.err
    assert not shown.out


@pytest.mark.parametrize("name", ["absent.json", "folder", "a.zip"])
def test_where_there_is_no_card_it_is_said(algokit: Any, name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert algokit("diff", tmp_path / name, tmp_path / name) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("diff", "a.json"), "CARD2"),
        (("rerun", "a.json", "--datta", "."), "--datta"),
        (("score", "a", "--data", ".", "--resamples", "0"), "greater than or equal to 1"),
        (("data", "check"), "DIR"),
        (("scroe",), "scroe"),
    ],
)
def test_a_command_line_that_cannot_be_parsed_is_told_to_programs_too(
    algokit: Any, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert algokit(*arguments) == 2
    plain = capsys.readouterr()
    assert not plain.out
    assert algokit(*arguments, "--json") == 2
    shown = capsys.readouterr()
    assert shown.err == plain.err
    (finding,) = json.loads(shown.out)["findings"]
    assert finding["code"] == "usage" and said in finding["what"]
    assert "Traceback" not in shown.err


def test_schema_prints_that_of_a_recipe_or_of_a_card(algokit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert algokit("schema") == 0
    plain = json.loads(capsys.readouterr().out)
    assert algokit("schema", "recipe") == 0
    assert json.loads(capsys.readouterr().out) == plain
    assert algokit("schema", "card") == 0
    jsonschema.validate(card(), json.loads(capsys.readouterr().out))
    assert algokit("schema", "crad") == 2
    assert "did you mean card?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("score", "outcome", "first"),
    [
        (50.0, "same bytes", "the same bytes: every one of 3 prediction files has the digest that the card states"),
        (50.0 + 1e-13, "same bytes", "the same bytes"),
        (50.001, "same predictions", "the same predictions, other scores"),
        (60.0, "same predictions", "the same predictions, other scores"),
    ],
)
def test_a_rerun_with_the_same_predictions_never_speaks_of_other_bytes(score: float, outcome: str, first: str) -> None:
    """And the last digits of a sum, which differ between processors, are no other score."""
    diff = diff_cards(*(Card.model_validate(card(one)) for one in (50.0, score)))
    assert rerun_outcome(diff) == outcome
    lines = rerun_verdict(diff, 5, 0)
    assert lines[0].startswith(first)
    assert not any("other bytes" in line for line in lines)
    assert diff.is_same == (outcome == "same bytes")


def test_a_rerun_reads_well_in_80_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    new = changed(changed(card(50.001), "versions/torch", "2.15.0"), "device", "cuda")
    new["files"]["subj01/lh_pred_test.npy"] = digest("other")
    old, now = (Card.model_validate(one) for one in (card(), new))
    diff = diff_cards(old, now)
    plan: Any = None  # not shown
    run = RunReport(Path("submissions/again"), plan, (), {}, (), reused=False)
    show_rerun(
        RerunReport(Path("c"), run, rerun_checks(old, now, diff), rerun_outcome(diff), rerun_verdict(diff, 5, 1))
    )
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for words in ("the same scores, other bytes", "2.15.0", "cuda", "(+0.001)", "5 of 6 steps were computed again"):
        assert words in shown
