"""What can go wrong with a container, and what is then said. `docs/container_failures.md` is made of this list."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench import ALGOKIT, Bench, Ended, docker, ended, stopped

KEPT = "finished steps are kept"


@dataclass(frozen=True)
class Scenario:
    """One way to fail.

    Attributes
    ----------
    happens : in words.
    code, says : of the first finding that is told; empty where an end has none.
    act : makes it happen; the command's end comes back.
    """

    happens: str
    exit_code: int
    code: str
    says: str
    act: Callable[[Bench], Ended]

    @property
    def name(self) -> str:
        """For the test's own name."""
        return self.happens.replace(" ", "-").replace("`", "").replace("/", "-")


def run(*options: str) -> Callable[[Bench], Ended]:
    """`algokit run --executor docker` with some options."""
    return lambda bench: bench.run(*options)


def image(make: Callable[[Bench], str], *options: str) -> Callable[[Bench], Ended]:
    """The same with another image."""
    return lambda bench: bench.run("--image", make(bench), *options)


def engine_at(host: str) -> Callable[[Bench], Ended]:
    """The same with an engine elsewhere."""
    return lambda bench: replace(bench, more={"DOCKER_HOST": host}).run()


def signalled(number: int) -> Callable[[Bench], Ended]:
    """algokit gets a signal while the container works."""

    def act(bench: Bench) -> Ended:
        with bench.running() as (process, _):
            return stopped(process, number)

    return act


def meanwhile(*words: str) -> Callable[[Bench], Ended]:
    """Somebody does something to the container while it works: ``docker <words> <container>``."""

    def act(bench: Bench) -> Ended:
        with bench.running() as (process, container):
            assert docker(*words, container).code == 0
            out, err = process.communicate()
            return Ended(process.returncode, out, err)

    return act


def socket_of_others(bench: Bench) -> Ended:
    """The engine's socket is closed to this user: root without the capability to pass over permissions."""
    more = bench.second()
    Path(more["DOCKER_HOST"].removeprefix("unix://")).chmod(0)
    without = "-dac_override,-dac_read_search"
    drop = ("setpriv", f"--bounding-set={without}", f"--inh-caps={without}")
    return ended((*drop, *bench.words("--json")), more)


def no_gpus(bench: Bench) -> Ended:
    """An engine without NVIDIA's hook refuses, and leaves no container that was only created."""
    second = replace(bench, more=bench.second())
    done = second.run("--gpus", "all", "--image", "algokit-base:host")
    assert docker("ps", "--all", "--quiet", more=second.more).out == ""
    return done


def engine_ends(bench: Bench) -> Ended:
    """The engine is killed while the container works."""
    second = replace(bench, more=bench.second())
    progress = (
        '{\\"progress\\": {\\"step\\": \\"x\\", \\"done\\": 0, \\"total\\": 2, \\"unit\\": \\"\\", \\"note\\": \\"\\"}}'
    )
    program = (
        f"printf \"#!/bin/sh\\necho '{progress}'\\nsleep 100\\n\" > /usr/bin/algokit && chmod 755 /usr/bin/algokit"
    )
    slow = bench.images(f"FROM algokit-base:host\nRUN {program}", second.more)
    with second.running("--image", slow) as (process, _):
        os.kill(int(Path(second.more["PIDFILE"]).read_text()), signal.SIGKILL)
        out, err = process.communicate()
        return Ended(process.returncode, out, err)


def small_disk(bench: Bench) -> Ended:
    """The store is on a disk of 192 kB."""
    bench.store.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192k", "tmpfs", str(bench.store)], check=True)
    try:
        return bench.run()
    finally:
        subprocess.run(["umount", str(bench.store)], check=True)


def store_of_others(bench: Bench) -> Ended:
    """The store belongs to somebody else: root may write to it outside, and not inside, where it has no rights."""
    bench.given_to(10001, bench.store, bench.store / "features")
    return bench.run()


def data_of_others(bench: Bench) -> Ended:
    """One image is not for this user's eyes; its digest is not known yet."""
    data = bench.folder / "data"
    subprocess.run(["cp", "-r", str(bench.data), str(data)], check=True)
    first = next(data.rglob("*.png"))
    first.chmod(0)
    bench.given_to(10001, first.parent)
    first.parent.chmod(0o700)
    return bench.run("--data", str(data))


def apptainer(*options: str, with_program: bool = False, with_image: bool = False) -> Callable[[Bench], Ended]:
    """`algokit run --executor apptainer`, with and without what it needs."""

    def act(bench: Bench) -> Ended:
        stand_ins = Path(__file__).resolve().parents[1] / "stand_ins"
        path = f"{stand_ins}:{os.environ['PATH']}" if with_program else os.environ["PATH"]
        named = bench.folder / "a.sif"
        if with_image:
            named.touch()
        more = {"PATH": path, "APPTAINER_PYTHON": ALGOKIT[0]}
        return replace(bench, more=more).run("--image", str(named), *options, executor="apptainer")

    return act


def alone(*words: str, user: str = "10001:10001", data: bool = True, out: bool = True) -> Callable[[Bench], Ended]:
    """A plain `docker run` with the usual folders."""

    def act(bench: Bench) -> Ended:
        place = bench.folder / "out"
        place.mkdir()
        options = [*(["-v", f"{bench.data}:/data:ro"] if data else []), *(["-v", f"{place}:/out"] if out else [])]
        if user != "0:0":
            bench.given_to(int(user.partition(":")[0]), place)
        return bench.alone(*words, user=user, options=options)

    return act


def closed_out(bench: Bench) -> Ended:
    """The output folder belongs to root, the container runs as somebody else."""
    (bench.folder / "out").mkdir()
    options = ["-v", f"{bench.data}:/data:ro", "-v", f"{bench.folder / 'out'}:/out"]
    return bench.alone("run", "recipes/demo.yaml", "--data", "/data", "--out", "/out/demo", "--json", options=options)


RUN_ALONE = ("run", "recipes/demo.yaml", "--data", "/data", "--out", "/out/demo", "--json")
BIDS = ("/data", "/out", "participant", "--recipe", "recipes/demo.yaml", "--json")

SCENARIOS = [
    Scenario("no engine is running", 3, "no-engine", "none answers", engine_at("unix:///nowhere/docker.sock")),
    Scenario("the engine's address is refused", 3, "no-engine", "none answers", engine_at("tcp://127.0.0.1:9")),
    Scenario("the engine's address is nonsense", 3, "no-engine", "none answers", engine_at("nowhere://")),
    Scenario(
        "this user may not use the engine's socket",
        3,
        "engine-permission",
        "this user may not talk to it",
        socket_of_others,
    ),
    Scenario(
        "the engine is killed during the run", 3, "engine-gone", "the engine does not answer any more", engine_ends
    ),
    Scenario("the image was never built", 3, "no-image", "no such image here", run("--image", "algokit:never")),
    Scenario(
        "the image's digest is unknown", 3, "no-image", "no such image here", run("--image", "sha256:" + "0" * 64)
    ),
    Scenario("the image's name is none", 3, "no-image", "no such image here", run("--image", "Not A Name!")),
    Scenario(
        "the image has no algokit",
        3,
        "wrong-image",
        "algokit could not be started in this image",
        image(lambda bench: bench.patched("rm /opt/algokit/bin/algokit")),
    ),
    Scenario(
        "the image is for another processor",
        3,
        "wrong-image",
        "algokit could not be started in this image",
        image(lambda bench: bench.patched("printf '\\177ELF\\2\\1\\1' > /opt/algokit/bin/algokit")),
    ),
    Scenario(
        "the image's algokit is too old to know jobs",
        3,
        "other-version",
        "the algokit in this image is another one",
        image(lambda bench: bench.with_program('echo No such command \\"execute\\". >&2; exit 2')),
    ),
    Scenario(
        "the image's algokit makes other bytes",
        3,
        "other-plan",
        "planned with other files or another algokit than are seen here",
        image(lambda bench: bench.with_code("recipe/steps.py", 'STEP_VERSIONS["fit"] += 1')),
    ),
    Scenario(
        "the container ends without a word",
        1,
        "ended-early",
        "the container ended without a word",
        image(lambda bench: bench.with_program("exit 5")),
    ),
    Scenario(
        "the container says it is done and made nothing",
        1,
        "ended-early",
        "the container ended without a word",
        image(lambda bench: bench.with_program("echo all is well; exit 0")),
    ),
    Scenario(
        "there is a bug in algokit, inside",
        70,
        "",
        "",
        image(lambda bench: bench.with_code("executors/job_file.py", "def read_inputs(*_): return 1 / 0")),
    ),
    Scenario("the engine has no NVIDIA runtime", 3, "no-nvidia-runtime", "it cannot give GPUs", no_gpus),
    Scenario(
        "a GPU is given and CUDA does not see it",
        3,
        "no-cuda",
        "this CUDA device is not visible",
        run("--gpus", "all"),
    ),
    Scenario(
        "a GPU of a higher number than there are",
        3,
        "no-cuda",
        "this CUDA device is not visible",
        run("--device", "cuda:7"),
    ),
    Scenario(
        "the GPU's memory runs out",
        3,
        "no-memory",
        "not enough memory",
        image(
            lambda bench: bench.with_code(
                "executors/local_executor.py",
                "def run_plan(*_):",
                "    import torch",
                '    raise torch.OutOfMemoryError("CUDA out of memory")',
            )
        ),
    ),
    Scenario("`--gpus` is none of its words", 2, "usage", "not a choice of GPUs", run("--gpus", "some")),
    Scenario(
        "`--gpus none` with `--device cuda`", 2, "usage", "a GPU, and none", run("--gpus", "none", "--device", "cuda")
    ),
    Scenario(
        "it takes more memory than it may",
        3,
        "oom-killed",
        "the container took more memory than it may",
        run("--memory", "64MB"),
    ),
    Scenario(
        "the memory limit is too small for a container",
        3,
        "memory-limit",
        "the memory limit is too small for any container",
        run("--memory", "1MB"),
    ),
    Scenario(
        "the memory limit is no size",
        2,
        "usage",
        "Invalid value for --memory: 'much' is no size; write 16GB, 512MB or 8GiB",
        run("--memory", "much"),
    ),
    Scenario("the store's disk is full", 3, "disk-full", "no space left on this disk", small_disk),
    Scenario("the store belongs to another user", 3, "not-writable", "cannot write here", store_of_others),
    Scenario("an image of the challenge is another user's", 2, "unreadable", "permission denied", data_of_others),
    Scenario(
        "the store would hide a part of the image",
        2,
        "hides-image",
        "this folder cannot be given to a container: it would hide the image's own",
        run("--store", "/opt/algokit"),
    ),
    Scenario("the time is up", 1, "timeout", "it did not end in time", run("--timeout", "1")),
    Scenario("Ctrl-C", 130, "", "", signalled(signal.SIGINT)),
    Scenario("algokit is told to end (SIGTERM)", 143, "", "", signalled(signal.SIGTERM)),
    Scenario("the terminal is closed (SIGHUP)", 129, "", "", signalled(signal.SIGHUP)),
    Scenario("somebody kills the container", 1, "killed", "the container was killed from outside", meanwhile("kill")),
    Scenario(
        "somebody stops the container",
        1,
        "killed",
        "the container was killed from outside",
        meanwhile("stop", "--time=20"),
    ),
    Scenario(
        "somebody removes the container",
        3,
        "container-gone",
        "the container was removed while it ran",
        meanwhile("rm", "--force"),
    ),
    Scenario(
        "the executor is misspelled",
        2,
        "unknown-member",
        "unknown executor",
        lambda bench: bench.run(executor="dokcer"),
    ),
    Scenario(
        "`--print` without a container",
        2,
        "usage",
        "has no containers",
        lambda bench: bench.run("--print", executor="local"),
    ),
    Scenario(
        "a checkpoint of the recipe is not there", 2, "", "", run("--set", "members.0.backbone.checkpoint=/nowhere.pt")
    ),
    Scenario("Apptainer is not installed", 3, "no-engine", "not on the PATH", apptainer()),
    Scenario("Apptainer's image is not there", 3, "no-image", "no such image here", apptainer(with_program=True)),
    Scenario(
        "some GPUs, with Apptainer",
        2,
        "usage",
        "Apptainer gives all GPUs or none",
        apptainer("--gpus", "2", with_program=True, with_image=True),
    ),
    Scenario("`docker run` without the data", 2, "", "", alone(*RUN_ALONE, data=False)),
    Scenario(
        "`docker run` without a folder for the output",
        3,
        "not-writable",
        "cannot write here",
        alone(*RUN_ALONE, out=False),
    ),
    Scenario("`docker run` as a user who may not write the output", 3, "not-writable", "cannot write here", closed_out),
    Scenario(
        "`docker run` with `--device cuda` and no `--gpus`",
        3,
        "no-cuda",
        "this CUDA device is not visible",
        alone(*RUN_ALONE, "--device", "cuda"),
    ),
    Scenario(
        "a participant who is not in the data",
        2,
        "usage",
        "no such participant",
        alone(*BIDS, "--participant-label", "09"),
    ),
    Scenario(
        "the group before its participants",
        2,
        "no-participant",
        "was not run with this recipe and data",
        alone("/data", "/out", "group", "--recipe", "recipes/demo.yaml", "--json"),
    ),
    Scenario("a job that is none", 2, "", "", alone("execute", "/data/none.json")),
]


def table() -> str:
    """The page of the docs."""
    rows = [
        f"| {one.happens} | {one.says or 'see below'} | {one.code and f'`{one.code}`'} | {one.exit_code} |"
        for one in SCENARIOS
    ]
    return "\n".join([*HEAD, *rows, *FOOT, ""])


HEAD = [
    "# When a container fails",
    "",
    "Every row is a test against a real engine (`tests/containers`), and this page is made from them (`make docs`).",
    "The message also names the place, what was expected and found, and what to do. Whatever happens, the container is",
    "removed, finished steps stay in the store, and the same command goes on from there.",
    "",
    "| what happens | what is said | `code` with `--json` | exit code |",
    "| --- | --- | --- | --- |",
]
FOOT = [
    "",
    "Without a message of their own: Ctrl-C and the two signals end as they always do; a bug in algokit leaves a",
    "report and names its file; what is wrong with the recipe or the data is said as without a container.",
]
