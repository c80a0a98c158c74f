"""The command line: exit codes, streams, and what a person is told."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from algokit import verbs
from algokit.cli import main
from algokit.cli.options import store_root
from algokit.console import show_findings, show_run, shown_progress
from algokit.console.quantities import duration, scaled
from algokit.console.run_view import reasons_in_words
from algokit.errors import (
    AlgokitError,
    DataError,
    DeviceError,
    DiskError,
    RecipeError,
    RunError,
    SubmissionError,
    UsageError,
    WeightsError,
)
from algokit.pipeline.run import StepOutcome
from algokit.types import Finding, Progress

ROOT = Path(__file__).resolve().parents[2]
VERBS = (
    "list",
    "doctor",
    "data",
    "fetch",
    "plan",
    "run",
    "validate",
    "score",
    "report",
    "pack",
    "rerun",
    "diff",
    "schema",
)
RECIPE = """\
algokit: 1
name: broken
members:
  - backbone: {kind: tiny}
    layers: all
    poolings: [{kind: adaptive_max, gird: 3}]
    readout: {kind: ridge, alphas: [-1.0]}
"""


def algokit(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command line in this process; the exit code."""
    monkeypatch.setattr(sys, "argv", ["algokit", *arguments])
    try:
        main()
    except SystemExit as way_out:
        return int(way_out.code or 0)
    return 0


def raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `verbs.schema` fail: what `main` does with an error does not depend on the verb."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(verbs, "schema", fail)


@pytest.mark.parametrize("arguments", [(), *((verb,) for verb in VERBS), ("data", "check"), ("data", "lock")])
def test_every_verb_explains_itself(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert algokit(*arguments, "--help", monkeypatch=monkeypatch) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("Usage: ")
    assert not shown.err


def test_help_names_every_verb_and_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    algokit("--help", monkeypatch=monkeypatch)
    shown = capsys.readouterr().out
    assert all(f"\n  {verb} " in shown for verb in VERBS)
    assert all(f" {code} " in shown for code in (0, 1, 2, 3, 70, 130))


def test_version_is_the_installed_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert algokit("--version", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == f"algokit {version('algokit')}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pln",), "Did you mean 'plan'"),
        (("plan",), "Missing argument"),
        (("plan", "x.yaml", "--batch"), "No such option"),
        (("run", "x.yaml"), "--data"),
        (("run", "x.yaml", "--data", "d", "--batch-size", "0"), "--batch-size"),
    ],
)
def test_wrong_usage_exits_2_with_a_hint(
    arguments: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert algokit(*arguments, monkeypatch=monkeypatch) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert not shown.out


def test_a_broken_recipe_is_told_with_all_its_lines_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert algokit("plan", "broken.yaml", monkeypatch=monkeypatch) == 2
    shown = capsys.readouterr()
    assert "broken.yaml:6:" in shown.err
    assert "did you mean grid" in shown.err
    assert "broken.yaml:7:" in shown.err
    assert "Traceback" not in shown.err
    assert not shown.out


def test_programs_get_the_findings_of_an_error_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.yaml").write_text(RECIPE, encoding="utf-8")
    assert algokit("plan", str(tmp_path / "broken.yaml"), "--json", monkeypatch=monkeypatch) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["error"]
    assert {finding["severity"] for finding in document["findings"]} == {"error"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError, 2),
        (RecipeError, 2),
        (DataError, 2),
        (SubmissionError, 1),
        (RunError, 1),
        (DeviceError, 3),
        (DiskError, 3),
        (WeightsError, 3),
    ],
)
def test_every_error_has_its_exit_code_and_shows_all_findings(
    error: type[AlgokitError],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    findings = [
        Finding("first thing", where="a.npy", expected="float32", found="float64", advice="cast it"),
        Finding("second thing", path="members[0]"),
    ]
    raising(error("this went wrong", findings), monkeypatch)
    assert algokit("schema", monkeypatch=monkeypatch) == code
    shown = capsys.readouterr()
    assert not shown.out
    for said in ("this went wrong", "a.npy", "first thing", "float32", "float64", "cast it", "members[0]", "second"):
        assert said in shown.err


def test_a_bug_shows_a_file_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    raising(ZeroDivisionError("who did that"), monkeypatch)
    assert algokit("schema", monkeypatch=monkeypatch) == 70
    shown = capsys.readouterr()
    (kept,) = tmp_path.iterdir()
    assert str(kept) in shown.err
    assert "this is a bug in algokit" in shown.err
    assert "Traceback" not in shown.err
    assert "who did that" in kept.read_text(encoding="utf-8")


def test_an_interruption_is_one_line_that_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(KeyboardInterrupt(), monkeypatch)
    assert algokit("schema", monkeypatch=monkeypatch) == 130
    shown = capsys.readouterr()
    assert not shown.out
    assert shown.err == "interrupted; finished steps are kept, nothing half-written; run it again\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("schema",), 0),
        (("list",), 0),
        (("list", "--json"), 0),
        (("plan", "recipes/demo.yaml"), 0),
        (("list", "metric", "--json"), 2),
    ],
)
def test_a_reader_who_leaves_early_is_no_failure_and_hides_none(arguments: tuple[str, ...], code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "algokit", *arguments],
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.returncode == code
    assert "BrokenPipe" not in done.stderr
    assert bool(done.stderr) == bool(code)


def test_work_goes_on_when_the_reader_of_its_progress_leaves() -> None:
    script = "from algokit.console.streams import messages; [messages().print('x') for _ in range(3)]; print('made')"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=writer, text=True)
    os.close(writer)
    assert (done.returncode, done.stdout) == (0, "made\n")


def test_the_store_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ALGOKIT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert store_root(None) == tmp_path / "home" / ".cache" / "algokit" / "store"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert store_root(None) == tmp_path / "xdg" / "algokit" / "store"
    monkeypatch.setenv("ALGOKIT_CACHE", str(tmp_path / "cache"))
    assert store_root(None) == tmp_path / "cache" / "store"
    assert store_root(tmp_path / "given") == tmp_path / "given"


FINDINGS = [
    Finding("lasting " * 30, where="subj01/lh_pred_test.npy", severity="warning"),
    Finding("two images have one number", where="train-0001", found="2", expected="1", advice="look at it " * 20),
]


def test_findings_fit_into_an_80_column_terminal_worst_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    show_findings(FINDINGS, "the data")
    coloured = capsys.readouterr().out
    assert "\x1b[1;31merror" in coloured
    lines = re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].strip().startswith("error: train-0001")
    assert lines[-1] == "the data: 1 error, 1 warning"


def test_findings_in_a_log_file_have_no_colour_and_keep_their_first_line_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    show_findings(FINDINGS, "the data")
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert f"  warning: subj01/lh_pred_test.npy: {'lasting ' * 30}\n" in shown


def test_a_plan_fits_into_80_columns_and_says_layers_pooled_alike_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert algokit("plan", str(ROOT / "recipes" / "eva_ensemble.yaml"), monkeypatch=monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("blocks.0 .. blocks.39 (40 layers) x max 1 2 3 4 5 6 7 8" in line for line in lines)


def test_steps_made_for_the_same_reason_are_told_once_and_the_reason_is_kept_short() -> None:
    made = [StepOutcome(f"features/clip/{one}/block@max1", True, "new", 1.0) for one in ("subj01", "subj02")]
    made += [StepOutcome(f"ensemble/{one}", True, f"fit/clip/{one} changed", 0.1) for one in ("subj01", "subj02")]
    made.append(StepOutcome("fit/clip/subj01", True, "without block@max1; " * 100, 1.0))
    told = reasons_in_words(made)
    assert told[:2] == [("features/clip", 2, "new"), ("ensemble", 2, "fit/clip changed")]
    assert len(told[2][2]) <= 160


def test_a_run_tells_the_first_note_of_every_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = {"fit/a/subj01": ["worst", "less bad"], "fit/a/subj02": ["lonely"]}
    (tmp_path / "card.json").write_text(json.dumps({"notes": notes}), encoding="utf-8")
    show_run(verbs.RunReport(tmp_path, None, (), {}, (), reused=True))  # type: ignore[arg-type]
    shown = capsys.readouterr().out
    assert "note: fit/a/subj01: worst (and 1 more in card.json)\n" in shown
    assert "note: fit/a/subj02: lonely\n" in shown


def test_progress_in_a_log_file_is_one_line_per_finished_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("algokit.console.progress.INSTANT_S", 0.0)
    with shown_progress() as progress:
        progress(Progress("features/tiny", 0, 1, "network", "loading"))
        for done in range(1, 6):
            progress(Progress("features/tiny/subj01", done, 5, "images"))
        progress(Progress("fit/tiny/subj01", 1, 2, "feature spaces", "deep@max1"))
        progress(Progress("fit/tiny/subj01", 2, 2, "feature spaces", "deep@max2"))
    shown = capsys.readouterr()
    first, second = shown.err.splitlines()
    assert "features/tiny/subj01" in first
    assert "5 images" in first
    assert "fit/tiny/subj01" in second
    assert not shown.out


def test_a_step_nobody_waited_for_is_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress() as progress:
        progress(Progress("digests", 5, 5, "files"))
    assert capsys.readouterr() == ("", "")


def test_quiet_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(quiet=True) as progress:
        progress(Progress("features", 5, 5, "images"))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0 B"), (999, "999 B"), (999.6, "1.00 kB"), (748e6, "748 MB"), (1.2e12, "1.20 TB"), (99.96e3, "100 kB")],
)
def test_sizes_have_three_digits(value: float, said: str) -> None:
    assert scaled(value, "B") == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (12.3, "12 s"),
        (59.7, "1 min 00 s"),
        (200, "3 min 20 s"),
        (18420, "5 h 07 min"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said
