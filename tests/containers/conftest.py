"""A real engine, a small challenge, and images that are wrong in one way each."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench import DEMO, Bench, docker, ended


@pytest.fixture(scope="session")
def place(small_demo: Path) -> Iterator[Path]:
    """The small demo challenge in ``data``, and room for more: where other users may come in, as at their home."""
    folder = Path(tempfile.mkdtemp(prefix="algokit-containers-"))
    folder.chmod(0o755)
    shutil.copytree(small_demo, folder / "data")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def images(engine: str) -> Iterator[Callable[..., str]]:
    """Makes images of Dockerfiles without files; they go when the tests end."""
    made: dict[str, str] = {}

    def make(lines: str, more: Mapping[str, str] | None = None) -> str:
        name = f"algokit-test:{hashlib.sha256(lines.encode()).hexdigest()[:12]}"
        if more or lines not in made:
            built = subprocess.run(
                ["docker", "build", "--quiet", "--network=none", "--tag", name, "-"],
                input=_context(lines),
                capture_output=True,
                check=False,
                env={**os.environ, **(more or {})},
            )
            assert built.returncode == 0, built.stderr.decode()
            made[lines] = name
        return name

    yield make
    for name in made.values():
        docker("rmi", "--force", name)


def _context(lines: str) -> bytes:
    """A build context of a Dockerfile alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(lines.encode())
        tar.addfile(entry, io.BytesIO(lines.encode()))
    return buffer.getvalue()


@pytest.fixture
def bench(engine: str, place: Path, images: Callable[..., str], request: pytest.FixtureRequest) -> Bench:
    """A run with nothing made yet, in a folder of the test's own that any user may enter."""
    folder = place / hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
    folder.mkdir()
    second = partial(request.getfixturevalue, "plain_engine")
    return Bench(place / "data", DEMO, folder, engine, images, second)


@pytest.fixture
def plain_engine(engine: str) -> Iterator[dict[str, str]]:
    """The environment of a second engine, without NVIDIA's hook and with a base image alone; this test may end it."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        reason = "a second engine needs root and dockerd"
        if os.environ.get("ALGOKIT_CONTAINERS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="algokit-engine-"))
    socket, pidfile = folder / "docker.sock", folder / "dockerd.pid"
    quiet = ("--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false", "--ip-masq=false")
    places = (f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={pidfile}")
    log = (folder / "log").open("wb")
    daemon = subprocess.Popen(["dockerd", *places, *quiet, f"--host=unix://{socket}"], stdout=log, stderr=log)
    more = {"DOCKER_HOST": f"unix://{socket}"}
    try:
        for _ in range(120):
            if ended(("docker", "info"), more).code == 0:
                break
            time.sleep(0.25)
        saved = subprocess.Popen(["docker", "save", "algokit-base:host"], stdout=subprocess.PIPE)
        environment = {**os.environ, **more}
        subprocess.run(["docker", "load"], stdin=saved.stdout, env=environment, check=True, capture_output=True)
        saved.communicate()
        yield {**more, "PIDFILE": str(pidfile)}
    finally:
        daemon.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(20)
        subprocess.run(["pkill", "-9", "-f", str(folder)], check=False)  # what a killed engine leaves running
        daemon.wait()
        log.close()
        _unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _unmount_below(folder: Path) -> None:
    """What a killed engine leaves mounted."""
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for place in sorted((one for one in places if one.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", place], check=False)
