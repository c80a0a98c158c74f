"""The container of a job, in no engine's words and in those of two."""

from __future__ import annotations

import csv
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from algokit.errors import UsageError
from algokit.executors.apptainer_executor import apptainer_words
from algokit.executors.container import (
    ContainerSpec,
    Gpus,
    Mount,
    chosen_gpus,
    container_spec,
    device_inside,
    parse_gpus,
)
from algokit.executors.docker_engine import _arguments
from algokit.executors.docker_words import docker_words
from algokit.recipe.plan import Plan

DATA, STORE = Mount(Path("/d/data")), Mount(Path("/d/store"), writable=True)


@pytest.fixture
def plan() -> Plan:
    return Plan(
        algokit_version="0",
        recipe={},
        recipe_digest="",
        key="ab" * 32,
        challenge="",
        manifest_digest="",
        subjects={},
        members=(),
        steps=(),
        warnings=(),
    )


@pytest.fixture
def spec(plan: Plan) -> ContainerSpec:
    return container_spec(
        plan,
        [DATA, STORE],
        ["execute", "/d/store/job.json"],
        image="algokit",
        caller=(1000, 100, [100, 2000]),
        n_threads=3,
        memory_bytes=5_000_000_000,
    )


def test_the_same_arguments_give_the_same_container(plan: Plan, spec: ContainerSpec) -> None:
    again = container_spec(
        plan,
        [STORE, DATA, DATA],
        ["execute", "/d/store/job.json"],
        image="algokit",
        caller=(1000, 100, [2000, 100]),
        n_threads=3,
        memory_bytes=5_000_000_000,
    )
    assert again == spec


def test_a_folder_in_another_one_is_mounted_only_where_it_differs(plan: Plan) -> None:
    inner = Mount(Path("/d/data/sub"))
    store = Mount(Path("/d/data/store"), writable=True)
    linked = Mount(Path("/real/file"), target=Path("/d/data/link"))
    mounts = container_spec(plan, [store, inner, DATA, linked], [], image="i").mounts
    assert mounts == (DATA, linked, store)


@pytest.mark.parametrize("hidden", ["/", "/usr", "/opt/algokit", "/tmp", "/proc/1", "/dev/shm"])
def test_what_would_hide_the_image_or_the_system_is_refused(plan: Plan, hidden: str) -> None:
    with pytest.raises(UsageError) as refusal:
        container_spec(plan, [DATA, Mount(Path(hidden))], [], image="i")
    assert [(one.code, one.where) for one in refusal.value.findings] == [("hides-image", hidden)]


def test_docker_is_asked_for_the_same_container_by_line_and_by_sdk(spec: ContainerSpec) -> None:
    """Both are parsed back into what an engine is sent, by rules of their own."""
    line = docker_words(replace(spec, gpus=Gpus()))
    said: dict[str, Any] = _arguments(replace(spec, gpus=Gpus()))
    flags = {word.partition("=")[0]: word.partition("=")[2] for word in line if word.startswith("--") and "=" in word}
    assert flags["--user"] == said["user"] == "1000:100"
    assert flags["--group-add"] == said["group_add"][0] == "2000"
    assert int(flags["--memory"]) == int(flags["--memory-swap"]) == said["mem_limit"] == said["memswap_limit"] == 5e9
    assert flags["--network"] == said["network_mode"] == "none"
    assert flags["--cap-drop"] == said["cap_drop"][0] == "ALL"
    assert flags["--security-opt"] == said["security_opt"][0] == "no-new-privileges"
    assert int(flags["--pids-limit"]) == said["pids_limit"] == 4096
    assert int(flags["--shm-size"]) == said["shm_size"]
    assert flags["--tmpfs"].partition(":")[2] == said["tmpfs"]["/tmp"]
    assert flags["--entrypoint"] == said["entrypoint"][0] == "algokit"
    assert "--read-only" in line and said["read_only"] and "--init" in line and said["init"]
    assert line[line.index("--gpus") + 1] == "all" and said["device_requests"][0]["Count"] == -1
    environment = dict(word.removeprefix("--env=").split("=", 1) for word in line if word.startswith("--env="))
    assert environment == said["environment"] and environment["OMP_NUM_THREADS"] == "3"
    assert line[-3:] == ["algokit", *said["command"]] == ["algokit", "execute", "/d/store/job.json"]


def test_paths_with_commas_and_quotes_survive_the_line(plan: Plan) -> None:
    odd = Mount(Path('/d/a,b "c"'))
    line = docker_words(container_spec(plan, [odd], [], image="i"))
    (fields,) = csv.reader([line[line.index("--mount") + 1]])
    assert fields == ["type=bind", 'source=/d/a,b "c"', 'target=/d/a,b "c"', "readonly"]


def test_a_shell_has_the_same_mounts_and_no_command(spec: ContainerSpec) -> None:
    line, shell = docker_words(spec), docker_words(spec, shell=True)
    assert {"--interactive", "--tty", "--entrypoint=bash"} <= set(shell)
    assert shell[-1] == "algokit"
    assert [word for word in line if "type=bind" in word] == [word for word in shell if "type=bind" in word]


def test_apptainer_gets_the_exact_command(spec: ContainerSpec) -> None:
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    environment = ["HOME=/tmp", "HF_HUB_OFFLINE=1", "PYTHONUNBUFFERED=1", *(f"{one}=3" for one in threads)]
    assert apptainer_words(replace(spec, gpus=Gpus(), image="a.sif")) == [
        *("apptainer", "exec", "--containall", "--no-home", "--pwd", "/tmp", "--nv", "--memory", "5000000000"),
        *("--bind", "/d/data:/d/data:ro", "--bind", "/d/store:/d/store:rw"),
        *(word for one in environment for word in ("--env", one)),
        *("a.sif", "algokit", "execute", "/d/store/job.json"),
    ]


def test_apptainer_gets_a_path_with_a_colon_in_the_long_form(plan: Plan) -> None:
    words = apptainer_words(container_spec(plan, [Mount(Path("/d/12:30"))], [], image="i"))
    assert words[words.index("--mount") + 1] == "type=bind,source=/d/12:30,destination=/d/12:30,ro"
    assert "--bind" not in words


@pytest.mark.parametrize("gpus", [Gpus(count=2), Gpus(0, ("0",))])
def test_apptainer_cannot_be_asked_for_some_gpus(spec: ContainerSpec, gpus: Gpus) -> None:
    with pytest.raises(UsageError):
        apptainer_words(replace(spec, gpus=gpus))


@pytest.mark.parametrize(
    ("text", "gpus", "line"),
    [
        ("all", Gpus(), "all"),
        ("2", Gpus(2), "2"),
        ("device=0,1", Gpus(0, ("0", "1")), '"device=0,1"'),
        ("device=GPU-3a:b", Gpus(0, ("GPU-3a:b",)), '"device=GPU-3a:b"'),
        ("none", None, ""),
        ("0", None, ""),
    ],
)
def test_gpus_are_said_as_docker_says_them(spec: ContainerSpec, text: str, gpus: Gpus | None, line: str) -> None:
    assert parse_gpus(text) == gpus
    words = docker_words(replace(spec, gpus=gpus))
    assert (words[words.index("--gpus") + 1] if gpus else "") == line
    (request,) = _arguments(replace(spec, gpus=gpus))["device_requests"] or [None]
    if gpus is not None:
        assert request["DeviceIDs"] == list(gpus.ids)
        assert request["Capabilities"] == [["gpu"]]


@pytest.mark.parametrize("text", ["-1", "1.5", "some", "device=", "device=0,,1", "device=a b"])
def test_other_words_for_gpus_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_gpus(text)


@pytest.mark.parametrize(
    ("wanted", "device", "has_driver", "gpus", "inside"),
    [
        ("", "auto", False, None, "cpu"),
        ("", "auto", True, Gpus(), "cuda"),
        ("", "cpu", True, None, "cpu"),
        ("", "cuda:1", False, Gpus(), "cuda:1"),
        ("1", "auto", False, Gpus(1), "cuda"),
        ("1", "cpu", False, Gpus(1), "cpu"),
        ("none", "auto", True, None, "cpu"),
    ],
)
def test_a_gpu_that_was_given_is_used_and_one_that_was_asked_for_is_given(
    wanted: str, device: str, has_driver: bool, gpus: Gpus | None, inside: str
) -> None:
    chosen = chosen_gpus(wanted, device, has_driver=has_driver)
    assert (chosen, device_inside(device, chosen)) == (gpus, inside)


def test_a_gpu_and_none_is_a_contradiction() -> None:
    with pytest.raises(UsageError):
        chosen_gpus("none", "cuda", has_driver=True)


def test_the_printed_line_is_what_a_shell_reads(spec: ContainerSpec) -> None:
    import shlex

    words = docker_words(replace(spec, gpus=Gpus(0, ("0", "1")), mounts=(Mount(Path("/d/it's $HOME")),)))
    echoed = subprocess.run(["bash", "-c", f"printf '%s\\0' {shlex.join(words)}"], capture_output=True, text=True)
    assert echoed.stdout.split("\0")[:-1] == words
