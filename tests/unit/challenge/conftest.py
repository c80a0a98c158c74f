"""A challenge small enough to break in every way: two subjects, tiny images, its own manifest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_challenge import shrunk_manifest, write_challenge

from algokit.challenge import Manifest, SubjectEntry

SUBJECTS = {
    "subj01": SubjectEntry(
        n_train=12, n_test=5, n_vertices={"lh": 30, "rh": 34}, repeats={"train": (6, 4, 2), "test": (5, 0, 0)}
    ),
    "subj06": SubjectEntry(
        n_train=10, n_test=6, n_vertices={"lh": 28, "rh": 31}, repeats={"train": (5, 2, 3), "test": (1, 2, 3)}
    ),
}


@pytest.fixture(scope="session")
def small_manifest() -> Manifest:
    """The official manifest, shrunk to `SUBJECTS`."""
    return shrunk_manifest("small", SUBJECTS)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, small_manifest: Manifest) -> Path:
    """The small challenge in the released layout, with its manifest in it; not to be changed."""
    return write_challenge(tmp_path_factory.mktemp("template"), small_manifest)


@pytest.fixture
def small(template: Path, tmp_path: Path) -> Path:
    """A copy of the small challenge."""
    return Path(shutil.copytree(template, tmp_path, dirs_exist_ok=True))
