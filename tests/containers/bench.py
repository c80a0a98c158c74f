"""algokit as its users start it, with a real engine, and what is left afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "recipes" / "demo.yaml"
ALGOKIT = (sys.executable, "-m", "algokit")
PATIENCE_S = 240.0


@dataclass(frozen=True)
class Ended:
    """How a process ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def findings(self) -> list[dict[str, str]]:
        """Those of the error, of a command with ``--json``; the whole of stdout is one document then."""
        found: list[dict[str, str]] = json.loads(self.out)["findings"]
        return found


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """One thread, lines that do not wrap."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "300", **(more or {})}


def ended(command: Sequence[str], more: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end; whatever happens, nobody is shown a traceback."""
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(more), timeout=PATIENCE_S, stdin=subprocess.DEVNULL
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def docker(*words: str, more: Mapping[str, str] | None = None) -> Ended:
    """``docker ...`` to its end."""
    return ended(("docker", *words), more)


def containers(store: Path, more: Mapping[str, str] | None = None) -> list[str]:
    """The containers that work on a store, running or not."""
    label = f"label=algokit.store={store.resolve()}"
    return docker("ps", "--all", "--quiet", "--filter", label, more=more).out.split()


@dataclass(frozen=True)
class Bench:
    """Where runs read and write.

    Attributes
    ----------
    folder : of this test alone.
    images : makes an image of some lines of a Dockerfile.
    second : starts a second engine, without NVIDIA's hook and with a base image alone, and gives its environment.
    more : of the environment of commands.
    """

    data: Path
    recipe: Path
    folder: Path
    image: str
    images: Callable[..., str]
    second: Callable[[], Mapping[str, str]]
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        """Where artefacts go."""
        return self.folder / "store"

    def words(self, *options: str, executor: str = "docker") -> tuple[str, ...]:
        """The words of a run."""
        places = {"--data": self.data, "--store": self.store, "--out": self.folder / "out"}
        where = [word for option, place in places.items() if option not in options for word in (option, str(place))]
        image = ("--image", self.image) if executor == "docker" and "--image" not in options else ()
        return (*ALGOKIT, "run", str(self.recipe), *where, "--executor", executor, *image, *options)

    def run(self, *options: str, executor: str = "docker") -> Ended:
        """A run to its end."""
        return ended(self.words(*options, "--json", executor=executor), self.more)

    @contextlib.contextmanager
    def running(self, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """A run whose container is at work: the process, and the container's id."""
        process = subprocess.Popen(
            self.words(*options, "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(self.more),
            start_new_session=True,
        )
        try:
            yield process, self._at_work(process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            for one in containers(self.store, self.more):
                docker("rm", "--force", one, more=self.more)

    def _at_work(self, process: subprocess.Popen[str]) -> str:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and process.poll() is None:
            there = containers(self.store, self.more)
            found = [one for one in there if '{"progress"' in docker("logs", one, more=self.more).out]
            if found:
                return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no container came to work: {process.communicate()}")

    def patched(self, *lines: str) -> str:
        """An image that is the real one but for what these lines, run by root in it, change."""
        return self.images("\n".join([f"FROM {self.image}", "USER root", *(f"RUN {line}" for line in lines)]))

    def with_code(self, module: str, *lines: str) -> str:
        """An image whose algokit has these lines at the end of a module."""
        package = "$(python -c 'import algokit, pathlib; print(pathlib.Path(algokit.__file__).parent)')"
        code = "\\n".join(["", *lines, ""])
        return self.patched(f"printf '{code}' >> {package}/{module}")

    def with_program(self, script: str) -> str:
        """An image in which algokit is a shell script."""
        program = "/opt/algokit/bin/algokit"
        return self.patched(f"printf '#!/bin/sh\\n{script}\\n' > {program} && chmod 755 {program}")

    def alone(self, *words: str, user: str = "10001:10001", options: Sequence[str] = ()) -> Ended:
        """A plain ``docker run`` of the image, as a user of no other rights."""
        return docker("run", "--rm", "--network=none", f"--user={user}", *options, self.image, *words)

    def given_to(self, user: int, *places: Path) -> None:
        """Make folders, and let a user own them."""
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
            shutil.chown(place, user, user)


def stopped(process: subprocess.Popen[str], number: int) -> Ended:
    """The process after a signal, at its end."""
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in err, err
    return Ended(process.returncode, out, err)
