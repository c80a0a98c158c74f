"""The first words in a container: what is here, and what to type next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algokit.errors import AlgokitError
from algokit.types import Finding

if TYPE_CHECKING:
    from algokit.executors.inside import Surroundings
    from algokit.pipeline.checkup import Check

_DATA, _OUT = "/data", "/out"
_SHOWN = ("device", "NVIDIA driver", "memory")


@dataclass(frozen=True)
class Welcome:
    """What was found, and the commands that come next, in order.

    Attributes
    ----------
    challenges : of the mounted folders, those that are a challenge directory, and what each is.
    """

    version: str
    checks: tuple[Check, ...]
    around: Surroundings
    challenges: dict[str, str]
    findings: tuple[Finding, ...]
    next: tuple[str, ...]


def welcome() -> Welcome:
    """Look around in a container."""
    from importlib.metadata import version

    from algokit.executors.inside import surroundings
    from algokit.pipeline.checkup import check_machine
    from algokit.pipeline.machine import read_machine

    around = surroundings()
    checks = [one for one in check_machine(Path(_OUT), read_machine(None)) if one.what.startswith(_SHOWN)]
    challenges = {str(one.path): words for one in around.folders if (words := _challenge_words(one.path))}
    findings = tuple(one.finding for one in checks if one.finding)
    has_gpu = any(one.what.startswith("device cuda") for one in checks)
    commands = _next(around, challenges, has_gpu=has_gpu)
    return Welcome(version("algokit"), tuple(checks), around, challenges, findings, tuple(commands))


def _challenge_words(folder: Path) -> str:
    from algokit.verbs.opening import opened

    try:
        challenge = opened(folder, None)
    except (AlgokitError, OSError):
        return ""
    return f"{challenge.manifest.name}, {len(challenge.subjects)} subjects"


def _next(around: Surroundings, challenges: dict[str, str], *, has_gpu: bool) -> list[str]:
    """Commands for the host: mounts that are there already are taken up."""
    data = next(iter(challenges), _DATA)
    out = next((str(one.path) for one in around.folders if one.is_writable), _OUT)
    start = f"docker run --rm {'--gpus all ' if has_gpu else ''}--user $(id -u):$(id -g) --network none"
    run = f"{start} -v DATA:{data}:ro -v OUT:{out} algokit"
    made = [] if challenges else [f"{start} -v DATA:{data} algokit data demo {data}"]
    return [
        *made,
        f"{run} run recipes/demo.yaml --data {data} --store {out}/store --out {out}/demo",
        f"{run} {data} {out} participant --recipe recipes/demo.yaml --participant-label 01",
        f"{run} {data} {out} group --recipe recipes/demo.yaml",
    ]
