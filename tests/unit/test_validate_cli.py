"""``algokit validate``: exit codes, the stream on stdin, files for CI, and what a person reads."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console
from small_challenge import shrunk_manifest
from small_submission import GEOMETRY, LEFT, good, npy, values, with_left, write_folder, write_zip

from algokit import verbs
from algokit.challenge import SubjectEntry, manifest_to_yaml
from algokit.cli import main
from algokit.console import show_validation, validation_view
from algokit.errors import UsageError
from algokit.types import Finding
from algokit.verbs.validating import ValidationReport

WARNED = with_left(np.asfortranarray(values()))
BROKEN = with_left(values().T.copy())


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest of the small submission's sizes; without the data themselves."""
    entries = {
        subject: SubjectEntry(n_train=one.n_train, n_test=one.n_test, n_vertices=dict(one.n_vertices))
        for subject, one in GEOMETRY.items()
    }
    path = tmp_path / "manifest.yaml"
    path.write_text(manifest_to_yaml(shrunk_manifest("small", entries)), encoding="utf-8")
    return path


def algokit(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["algokit", "validate", *map(str, arguments)])
    try:
        main()
    except SystemExit as way_out:
        return int(way_out.code or 0)
    return 0


@pytest.mark.parametrize(
    ("files", "strict", "code"),
    [(good(), False, 0), (good(), True, 0), (WARNED, False, 0), (WARNED, True, 1), (BROKEN, False, 1)],
)
def test_errors_and_with_strict_warnings_exit_1(
    tmp_path: Path,
    manifest: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, bytes],
    strict: bool,
    code: int,
) -> None:
    path = write_zip(tmp_path / "a.zip", files)
    options = ("--manifest", manifest, *["--strict"] * strict)
    assert algokit(monkeypatch, path, *options) == code
    capsys.readouterr()
    assert algokit(monkeypatch, path, *options, "--json") == code
    (document,) = json.loads(capsys.readouterr().out)["submissions"]
    assert document["valid"] == (code == 0)
    assert (document["n_files"], document["n_values"]) == (4, 7 * (11 + 13) + 9 * (10 + 12))


def piped(manifest: Path, content: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "algokit", "validate", "-", "--manifest", str(manifest), *options]
    return subprocess.run(command, input=content, capture_output=True, check=False)


def test_a_zip_may_come_on_stdin(tmp_path: Path, manifest: Path) -> None:
    done = piped(manifest, write_zip(tmp_path / "a.zip", good()).read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"stdin: valid" in done.stdout


@pytest.mark.parametrize("content", [b"", b"\x00" * 5_000_000, npy(values())])
def test_what_comes_on_stdin_and_is_no_zip_exits_1(manifest: Path, content: bytes) -> None:
    done = piped(manifest, content, "--json")
    assert (done.returncode, done.stderr) == (1, b"")
    (document,) = json.loads(done.stdout)["submissions"]
    assert document["path"] == "-"
    assert [finding["code"] for finding in document["findings"]] == ["not-a-zip"]


def test_without_a_stream_a_dash_is_a_usage_error(manifest: Path) -> None:
    with pytest.raises(UsageError):
        verbs.validate([Path("-")], manifest=manifest)
    with pytest.raises(UsageError):
        verbs.validate([Path("-"), Path("-")], manifest=manifest, stream=io.BytesIO())


def test_files_for_ci_hold_every_submission_and_are_written_whole(
    tmp_path: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(tmp_path / "tree" / "a", good())
    write_zip(tmp_path / "tree" / "b.zip", BROKEN)
    files = ("--junit", tmp_path / "ci" / "junit.xml", "--sarif", tmp_path / "ci" / "sarif.json")
    assert algokit(monkeypatch, tmp_path / "tree", "--manifest", manifest, *files) == 1
    root = ElementTree.parse(tmp_path / "ci" / "junit.xml").getroot()
    assert (root.attrib["tests"], root.attrib["failures"]) == ("10", "1")
    (result,) = json.loads((tmp_path / "ci" / "sarif.json").read_text())["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("transposed", "error")
    assert sorted(path.name for path in (tmp_path / "ci").iterdir()) == ["junit.xml", "sarif.json"]
    assert "2 submissions: 1 valid, 1 not" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--junit", "--sarif"])
def test_a_file_for_ci_that_cannot_be_written_costs_no_finding(
    option: str,
    tmp_path: Path,
    manifest: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_folder(tmp_path / "sub", BROKEN)
    given = (path, "--manifest", manifest, option, path)  # a folder is there already
    assert algokit(monkeypatch, *given) == 3
    said = capsys.readouterr()
    assert "transposed" in said.out
    advice = " ".join(said.err.split())
    assert f"give {option} the name of a file" in advice
    assert "--store" not in advice
    assert algokit(monkeypatch, *given, "--json") == 3
    (document,) = json.loads(capsys.readouterr().out)["submissions"]
    assert [finding["code"] for finding in document["findings"]] == ["transposed"]


def test_a_full_disk_costs_no_finding(
    tmp_path: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder = write_folder(tmp_path / "sub", BROKEN)
    monkeypatch.setattr(os, "fsync", full)
    assert algokit(monkeypatch, folder, "--manifest", manifest, "--junit", tmp_path / "a.xml") == 3
    said = capsys.readouterr()
    assert "transposed" in said.out
    assert "no space left on this disk" in said.err
    assert "--store" not in said.err
    assert not (tmp_path / "a.xml").exists()


ERROR = Finding("transposed", "sub", LEFT, "(159, 19004)", "(19004, 159)", "turn it", code="transposed")
WARNING = Finding("big-endian", "sub", LEFT, advice="algokit pack rewrites it", severity="warning", code="big-endian")


def shown(monkeypatch: pytest.MonkeyPatch, *findings: Finding, width: int = 80, strict: bool = False) -> str:
    """The view in a terminal without colour."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=True, no_color=True, highlight=False, markup=False)
    monkeypatch.setattr(validation_view, "results", lambda: console)
    report = ValidationReport(Path("sub"), findings, "the manifest of small", GEOMETRY)
    show_validation([report], strict=strict)
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())


@pytest.mark.parametrize(
    ("findings", "strict", "verdict"),
    [
        ([], False, "sub: valid"),
        ([WARNING], False, "sub: valid with 1 warning"),
        ([WARNING, WARNING], True, "sub: 2 warnings, which --strict refuses"),
        ([ERROR], False, "sub: 1 error"),
        ([WARNING, ERROR, ERROR], False, "sub: 2 errors, 1 warning"),
    ],
)
def test_the_first_line_is_the_verdict(
    monkeypatch: pytest.MonkeyPatch, findings: list[Finding], strict: bool, verdict: str
) -> None:
    assert shown(monkeypatch, *findings, strict=strict).splitlines()[0] == verdict


def test_errors_stand_before_warnings_and_fit_into_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    said = shown(monkeypatch, WARNING, ERROR)
    assert said.index("error: subj01") < said.index("warning: subj01")
    assert max(map(len, said.splitlines())) <= 80
    assert "sub: subj01" not in said


def test_a_valid_submission_says_what_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"checked 4 files, {7 * (11 + 13) + 9 * (10 + 12)} values" in shown(monkeypatch)
    assert "checked" not in shown(monkeypatch, ERROR)


def test_the_view_claims_no_more_of_the_rows_than_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(validation_view, "results", lambda: Console(file=stream, width=200))
    report = ValidationReport(Path("sub"), (), "x", GEOMETRY, "the test responses in data")
    show_validation([report])
    (line,) = (line for line in stream.getvalue().splitlines() if "test responses" in line)
    assert "five other orders" in line
    assert "order and owner" not in line


def test_a_large_number_of_values_is_told_in_millions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from algokit.challenge import shipped_manifest

    official = shipped_manifest()
    geometry = {subject: official.geometry(subject) for subject in official.subjects}
    show_validation([ValidationReport(Path("sub"), (), "x", geometry)])
    assert "checked 16 files, 79.5 million values" in capsys.readouterr().out
