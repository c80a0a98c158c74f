"""One small run for every test that only reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_run import SmallRun, small_run


@pytest.fixture(scope="session")
def ran(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """A finished run; only to be read."""
    return small_run(small_demo, tmp_path_factory.mktemp("ran"))
