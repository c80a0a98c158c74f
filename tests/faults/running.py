"""algokit as people run it, in a process of its own, and what it left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from algokit.store import META, Store

ALGOKIT = (sys.executable, "-m", "algokit")
PATIENCE_S = 300.0
STOPPING = (sys.executable, str(Path(__file__).with_name("stopping.py")))


@dataclass(frozen=True)
class Ended:
    """How a process ended and what it said."""

    code: int
    out: str
    err: str

    def made(self) -> dict[str, str]:
        """Step -> reason, of a run with ``--json``."""
        return {step["id"]: step["reason"] for step in json.loads(self.out)["steps"] if step["made"]}


@dataclass(frozen=True)
class Run:
    """The places of a run."""

    data: Path
    recipe: Path
    store: Path
    out: Path

    def arguments(self, *more: str) -> tuple[str, ...]:
        """The command, without the program."""
        places = {"--data": self.data, "--store": self.store, "--out": self.out}
        options = [word for option, place in places.items() for word in (option, str(place))]
        return ("run", str(self.recipe), *options, "--batch-size", "16", *more)

    def at(self, **places: Path) -> Run:
        """The same run with other places."""
        return replace(self, **places)


def environment() -> dict[str, str]:
    """One thread, no network, lines that do not wrap."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "300"}


def ended(command: Sequence[str], cwd: Path | None = None, patience_s: float = PATIENCE_S) -> Ended:
    """Run a command to its end; whatever happens, nobody is shown a traceback."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=cwd, timeout=patience_s)
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def algokit(*arguments: str, cwd: Path | None = None) -> Ended:
    """``algokit ...`` to its end."""
    return ended((*ALGOKIT, *arguments), cwd)


def started(command: Sequence[str]) -> subprocess.Popen[str]:
    """A command in a session of its own, to be waited for."""
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def stopped(signal: str, event: str, pattern: str, count: int, arguments: Sequence[str]) -> Ended:
    """``algokit ...`` that gets a signal at one exact moment, see `stopping`."""
    return ended((*STOPPING, signal, event, pattern, str(count), *arguments))


def predictions(out: Path) -> dict[str, bytes]:
    """Name -> bytes of every prediction file below ``out``."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*_pred_*.npy"))}


def artefacts(store: Path) -> dict[tuple[str, str], int]:
    """(kind, key) -> when it was written, of everything in a store; each one is verified."""
    written = {}
    for kind in ("features", "fit", "ensemble"):
        for meta in (store / kind).glob(f"*/[0-9a-f]*/{META}"):
            opened = Store(store).open(kind, meta.parent.name)
            written[kind, opened.key] = meta.stat().st_mtime_ns
    return written


def leftovers(*places: Path) -> list[str]:
    """What was begun and not finished."""
    return [str(path) for place in places for path in place.rglob("*.partial")]


def as_json(text: str) -> Any:
    """The one JSON document on a stream; None where there is nothing."""
    return json.loads(text) if text else None
