"""What several suites share: Ctrl-C, the reference kit, and demo challenges made once per session."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from algokit.challenge.synthetic import DemoSettings, write_demo

REPOSITORY = Path(__file__).resolve().parents[1]
SMALL = DemoSettings(n_train=40, n_test=12, image_px=32, vertex_fraction=0.002)


@pytest.fixture(scope="session", autouse=True)
def heard() -> None:
    """Children take Ctrl-C as usual, even where these tests were started in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of real test data beside the repository; a test that needs it is skipped without it."""
    folder = Path(os.environ.get("ALGOKIT_REFERENCE") or REPOSITORY.parent / "shared" / "reference")
    if not (folder / "README.md").is_file():
        pytest.skip("reference kit not present (ALGOKIT_REFERENCE)")
    return folder


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo challenge of 40 + 12 small images; read-only by convention."""
    root = tmp_path_factory.mktemp("small") / "demo"
    write_demo(root, settings=SMALL)
    return root


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo challenge as `algokit data demo` writes it; read-only by convention."""
    root = tmp_path_factory.mktemp("demo") / "demo"
    write_demo(root)
    return root


@pytest.fixture(scope="session")
def engine() -> str:
    """The image that containers of the tests run, in a Docker engine that answers.

    Without them a test is skipped, with the reason; where ALGOKIT_CONTAINERS says "required", it fails.
    """
    image = os.environ.get("ALGOKIT_IMAGE", "algokit")
    docker = shutil.which("docker")
    found = docker and subprocess.run([docker, "image", "inspect", image], capture_output=True, check=False)
    if found and found.returncode == 0:
        return image
    reason = f"no Docker engine with an image {image} (make engine)"
    if os.environ.get("ALGOKIT_CONTAINERS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)
