"""A small challenge and one undisturbed run of it."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from running import Run, algokit

from algokit.challenge.synthetic import DemoSettings, write_demo

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


@pytest.fixture(scope="session", autouse=True)
def heard() -> None:
    """Children take Ctrl-C as usual, even where these tests were started in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run that nothing happened to; only to be read."""
    place = tmp_path_factory.mktemp("undisturbed")
    run = Run(place / "data", place / "faults.yaml", place / "store", place / "out")
    write_demo(run.data, settings=DemoSettings(n_train=40, n_test=12, image_px=32, vertex_fraction=0.002))
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
