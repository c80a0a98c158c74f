"""Every command that docs/containers.md shows is run, with folders for its words in capitals."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from bench import ALGOKIT, Bench, environment

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?:^ {4}.*\n)+", PAGE, flags=re.MULTILINE)
COMMANDS = [line.strip() for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
NOT_HERE = ("docker build . -t algokit", "apptainer build")  # `make engine` builds; there is no Apptainer to build with


@pytest.fixture
def shell(bench: Bench) -> dict[str, str]:
    """The environment of a shell in which the commands run: its own home, Apptainer's stand-in, algokit on the PATH."""
    for name in ("OUT", "home/.cache/huggingface", "home/.cache/torch"):
        bench.given_to(0, bench.folder / name)
    (bench.folder / "recipes").symlink_to(ROOT / "recipes")
    (bench.folder / "DIR").symlink_to(bench.data)
    (bench.folder / "algokit.sif").touch()
    paths = [str(ROOT / "tests" / "stand_ins"), str(Path(ALGOKIT[0]).parent), os.environ["PATH"]]
    return environment(
        {
            "HOME": str(bench.folder / "home"),
            "ALGOKIT_CACHE": str(bench.folder / "cache"),
            "APPTAINER_PYTHON": ALGOKIT[0],
            "PATH": os.pathsep.join(paths),
        }
    )


def in_full(command: str, bench: Bench) -> str:
    """With real folders, this image, the recipe that needs no weights, and what "..." stands for on the page."""
    usual = "--user $(id -u):$(id -g) --network none -v DATA:/data:ro -v OUT:/out"
    command = command.replace("docker run ...", f"docker run --rm {usual}").replace("eva_ensemble", "demo")
    command = (
        command.replace("DATA:", f"{bench.data}:").replace("OUT:", f"{bench.folder}/OUT:").replace("01 05", "01 06")
    )
    return re.sub(r"(?<= )algokit(?= |$)", bench.image, command) if command.startswith("docker") else command


def test_every_command_of_the_page_runs_in_its_order(bench: Bench, shell: dict[str, str]) -> None:
    assert {shlex.split(one)[0] for one in COMMANDS} == {"docker", "algokit", "apptainer"} and len(COMMANDS) >= 7
    for command in COMMANDS:
        if command.startswith(NOT_HERE):
            continue
        done = subprocess.run(
            ["bash", "-c", in_full(command, bench)],
            capture_output=True,
            text=True,
            env=shell,
            cwd=bench.folder,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
    assert (bench.folder / "OUT" / "demo.zip").is_file()
    assert (bench.folder / "OUT" / "eva" / "report.html").is_file()


def test_every_option_of_a_container_is_on_the_page() -> None:
    shown = subprocess.run([*ALGOKIT, "run", "--help"], capture_output=True, text=True, env=environment(), check=True)
    options = set(re.findall(r"--[a-z-]+", shown.stdout))
    named = set(re.findall(r"`(--[a-z]+)", PAGE))
    assert {
        "--image",
        "--build",
        "--gpus",
        "--memory",
        "--threads",
        "--timeout",
        "--print",
        "--shell",
    } <= options & named
