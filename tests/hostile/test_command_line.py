"""The corpus through the command line: an exit code, one list of findings, no traceback, a terminal left alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from contents import CONTENTS
from small_submission import good, write_folder, write_zip
from test_corpus import KINDS

from algokit.challenge import Challenge
from algokit.cli import main

CHOSEN = [
    "folder: a header of minus signs",
    "folder: a link that leads out",
    "folder: a pipe in place of a file",
    "folder: pickled objects",
    "zip: a bomb of 1 GB of zeros",
    "zip: a comment that drives the terminal",
    "zip: a list that claims gigabytes",
    "zip: a name that climbs out: ../escaped.npy",
    "zip: a name that drives the terminal",
    "zip: a size of ten thousand digits",
    "zip: cut in half",
    "zip: encrypted",
    "zip: no bytes",
]


@pytest.mark.parametrize("name", CHOSEN)
@pytest.mark.parametrize("verb", ["validate", "score", "pack"])
def test_every_verb_ends_with_its_exit_code(
    verb: str,
    name: str,
    tmp_path: Path,
    challenge: Challenge,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    build, expected = KINDS[name]
    path = build(tmp_path)
    options = ["--out", str(tmp_path / "packed.zip")] if verb == "pack" else []
    monkeypatch.setattr(sys, "argv", ["algokit", verb, str(path), "--data", str(challenge.root), *options])
    with pytest.raises(SystemExit) as caught:
        main()
        sys.exit(0)
    said = "".join(capsys.readouterr())
    harmless = all(code in ("archive-comment", "extra-file") for code, _ in expected)
    assert caught.value.code in ((0, None) if harmless else (1,))
    assert "Traceback" not in said
    assert "bug" not in said
    assert "\x1b[2J" not in said
    assert "\u202e" not in said


@pytest.mark.parametrize("name", CHOSEN)
def test_programs_get_the_findings_as_json(
    name: str,
    tmp_path: Path,
    challenge: Challenge,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    build, expected = KINDS[name]
    arguments = ["validate", str(build(tmp_path)), "--data", str(challenge.root), "--json"]
    monkeypatch.setattr(sys, "argv", ["algokit", *arguments])
    with pytest.raises(SystemExit):
        main()
        sys.exit(0)
    (document,) = json.loads(capsys.readouterr().out)["submissions"]
    assert [(finding["code"], finding["path"]) for finding in document["findings"]] == expected


@pytest.mark.parametrize("card", ["{", '{"geometry": {"subj01": {}}}', '{"geometry": "' + 99_999 * "x" + '"}', "\x00"])
def test_a_hostile_card_is_a_finding(
    card: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_folder(tmp_path / "sub", {**good(), "card.json": card.encode()})
    monkeypatch.setattr(sys, "argv", ["algokit", "validate", str(path), "--json"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    (document,) = json.loads(capsys.readouterr().out)["submissions"]
    assert [finding["code"] for finding in document["findings"]] == ["bad-card"]


@pytest.mark.parametrize("name", ["card.json", "plan.json", "scores.json"])
@pytest.mark.parametrize("verb", ["validate", "pack", "report"])
@pytest.mark.parametrize("is_zip", [False, True])
def test_a_pipe_that_nobody_writes_to_is_never_waited_for(
    verb: str, name: str, is_zip: bool, tmp_path: Path, challenge: Challenge
) -> None:
    path = write_folder(tmp_path / "sub", good())
    os.mkfifo(path / name)
    given = [str(write_zip(tmp_path / "sub.zip", good()) if is_zip else path), "--data", str(challenge.root)]
    if verb != "validate":
        given += ["--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "algokit", verb, *given]
    done = subprocess.run(command, capture_output=True, check=False, timeout=100)
    assert done.returncode == (0 if is_zip else 2 if verb == "report" and name != "plan.json" else 1), done.stderr
    assert b"Traceback" not in done.stderr


def test_a_whole_tree_of_hostile_submissions_is_checked_in_one_go(tmp_path: Path, challenge: Challenge) -> None:
    for number, (files, _) in enumerate(CONTENTS.values()):
        name = f"sub{number}\x1b[2J"
        if number % 2:
            write_zip(tmp_path / f"{name}.zip", files)
        else:
            write_folder(tmp_path / name, files)
    command = [sys.executable, "-m", "algokit", "validate", str(tmp_path), "--data", str(challenge.root)]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (1, b"")
    counted = re.search(rb"(\d+) submissions: (\d+) valid", done.stdout)
    assert counted
    assert int(counted[1]) > 50
    assert b"\x1b[2J" not in done.stdout
