"""One undisturbed run of the small demo challenge."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from running import Run, algokit

RECIPE = """\
algokit: 1
name: faults
val: {fraction: 0.1, seed: 0}
members:
  - backbone: {kind: gabor}
    layers: all
    poolings: [{kind: adaptive_max, grid: [1, 2]}]
    readout: {kind: ridge, alphas: [1, 100, 10000], folds: {n: 5}, standardize: true}
"""


@pytest.fixture(scope="session")
def undisturbed(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run that nothing happened to; only to be read."""
    place = tmp_path_factory.mktemp("undisturbed")
    run = Run(small_demo, place / "faults.yaml", place / "store", place / "out")
    run.recipe.write_text(RECIPE, encoding="utf-8")
    assert algokit(*run.arguments()).code == 0
    return run


@pytest.fixture
def fresh(undisturbed: Run, tmp_path: Path) -> Run:
    """The same run with nothing made yet."""
    return undisturbed.at(store=tmp_path / "store", out=tmp_path / "out")


@pytest.fixture
def made(undisturbed: Run, fresh: Run) -> Run:
    """The same run with everything made but the submission."""
    shutil.copytree(undisturbed.store, fresh.store)
    return fresh
