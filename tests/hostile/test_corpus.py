"""Whatever a stranger sends is findings with advice: no traceback, no file anywhere, no pickle loaded."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from containers import FOLDERS, ZIPS, Build
from contents import CONTENTS, Expected
from small_submission import GEOMETRY, Files, write_folder, write_zip

from algokit.challenge import Challenge
from algokit.challenge.packing import pack_submission
from algokit.challenge.submission_check import validate_submission
from algokit.errors import AlgokitError
from algokit.scoring import score_submission
from algokit.types import errors_among


def as_folder(files: Files) -> Build:
    def build(folder: Path) -> Path:
        (folder / "sub").mkdir()
        return write_folder(folder / "sub", files)

    return build


def as_zip(files: Files) -> Build:
    return lambda folder: write_zip(folder / "sub.zip", files)


KINDS: dict[str, tuple[Build, Expected]] = {
    **{f"folder: {name}": (as_folder(files), expected) for name, (files, expected) in CONTENTS.items()},
    **{f"zip: {name}": (as_zip(files), expected) for name, (files, expected) in CONTENTS.items()},
    **{f"zip: {name}": kind for name, kind in ZIPS.items()},
    **{f"folder: {name}": kind for name, kind in FOLDERS.items()},
}


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders for the submission, for output, to work in and for temporary files: what is written must lie in one."""
    for name in ("in", "out", "here", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


def listing(root: Path) -> dict[str, tuple[int, int, int]]:
    """Every name below a folder with its mode, size and time of change; links are not followed."""
    names = [Path(folder) / name for folder, folders, files in os.walk(root) for name in (*folders, *files)]
    states = {str(path): path.lstat() for path in names}
    return {name: (state.st_mode, state.st_size, state.st_mtime_ns) for name, state in states.items()}


def test_the_corpus_has_more_than_a_hundred_kinds() -> None:
    assert len({name.partition(": ")[2] for name in KINDS}) > 100


@pytest.mark.parametrize("name", KINDS)
def test_every_problem_is_found_at_its_place_and_nothing_else(name: str, sandbox: Path, challenge: Challenge) -> None:
    build, expected = KINDS[name]
    path = build(sandbox / "in")
    before = listing(sandbox)
    findings = validate_submission(path, GEOMETRY, challenge=challenge)
    assert [(finding.code, finding.path) for finding in findings] == expected
    for finding in findings:
        assert finding.where == str(path)
        assert finding.advice, finding
        assert str(finding).isprintable()
    assert listing(sandbox) == before


@pytest.mark.parametrize("name", KINDS)
def test_what_cannot_be_scored_or_packed_is_refused_and_nothing_is_left(
    name: str, sandbox: Path, challenge: Challenge
) -> None:
    path = KINDS[name][0](sandbox / "in")
    before = listing(sandbox)
    errors = errors_among(validate_submission(path, GEOMETRY))
    try:
        score_submission(path, challenge)
    except AlgokitError as error:
        assert error.findings
    assert listing(sandbox) == before
    target = sandbox / "out" / "packed.zip"
    try:
        pack_submission(path, target, GEOMETRY)
    except AlgokitError as error:
        assert errors
        assert error.findings
    else:
        assert not errors
        assert errors_among(validate_submission(target, GEOMETRY)) == []
    after = {name: state for name, state in listing(sandbox).items() if name != str(target)}
    assert {name: size for name, (_, size, _) in after.items()} == {name: size for name, (_, size, _) in before.items()}


def test_a_pickle_that_was_loaded_would_have_left_a_trace(sandbox: Path, challenge: Challenge) -> None:
    import numpy as np
    from small_submission import LEFT, with_left

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(sandbox / "trace"),)

    path = write_folder(sandbox / "in", with_left(np.array([Trap()], object), allow_pickle=True))
    findings = validate_submission(path, GEOMETRY, challenge=challenge)
    assert [(finding.code, finding.path) for finding in findings] == [("pickled", LEFT)]
    with pytest.raises(AlgokitError):
        score_submission(path, challenge)
    assert not (sandbox / "trace").exists()
