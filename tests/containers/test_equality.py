"""The same bytes with and without a container, made as the caller, offline, with nothing but the store to write to."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from bench import ALGOKIT, DEMO, Bench, Ended, containers, docker, ended, environment

from algokit.errors import MachineError
from algokit.executors import docker_engine
from algokit.store import META, Store
from algokit.types import Progress

USER = 10001
WEIGHTY = """\
algokit: 1
name: weighty
subjects: [subj01]
members:
  - name: of_the_hub
    backbone: {kind: timm, name: mobilenetv2_100, weights: pretrained}
    layers: [blocks.1]
    poolings: [{kind: adaptive_max, grid: [1]}]
    readout: {kind: ridge, alphas: [1, 100], folds: {n: 4}}
  - name: of_a_file
    backbone: {kind: timm, name: mobilenetv2_100, checkpoint: mine.safetensors}
    layers: [blocks.2]
    poolings: [{kind: adaptive_max, grid: [1]}]
    readout: {kind: ridge, alphas: [1, 100], folds: {n: 4}}
"""


def predictions(out: Path) -> dict[str, bytes]:
    """Name -> bytes of every prediction file below ``out``."""
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*_pred_*.npy"))}
    assert found
    return found


def artefacts(store: Path) -> dict[tuple[str, str], object]:
    """(kind, key) -> the digests of the files of everything in a store; each one is verified."""
    found = {}
    for meta in store.glob(f"*/[0-9a-f][0-9a-f]/*/{META}"):
        kind, key = meta.parts[-4], meta.parts[-2]
        found[kind, key] = Store(store).open(kind, key).meta["files"]
    assert found
    return found


def mounted(bench: Bench, *more: str) -> tuple[Path, list[str]]:
    """The output folder of a user without rights, and what gives data and it to a plain `docker run`."""
    out = bench.folder / "out"
    bench.given_to(USER, out)
    return out, [f"--volume={bench.data}:/data:ro", f"--volume={out}:/out", "--env=OMP_NUM_THREADS=1", *more]


@pytest.fixture(scope="module")
def local(engine: str, place: Path) -> Bench:
    """The same run without a container; only to be read."""
    folder = place / "local"
    folder.mkdir()
    bench = Bench(place / "data", DEMO, folder, engine, str, dict)
    assert bench.run(executor="local").code == 0
    return bench


def test_local_and_docker_make_the_same_bytes_and_the_card_says_where(bench: Bench, local: Bench) -> None:
    done = bench.run()
    assert done.code == 0, done.err
    assert predictions(bench.folder / "out") == predictions(local.folder / "out")
    assert artefacts(bench.store) == artefacts(local.store)
    card = json.loads((bench.folder / "out" / "card.json").read_text())
    digest = docker("image", "inspect", "--format={{.Id}}", bench.image).out.strip()
    assert card["executor"] == {"kind": "docker", "image": digest}
    inside = docker("run", "--rm", "--network=none", "--entrypoint=python", bench.image, "-V").out.split()[1]
    assert card["versions"]["python"] == inside
    assert json.loads((local.folder / "out" / "card.json").read_text())["executor"] == {"kind": "local"}
    assert containers(bench.store) == [] and not list((bench.store / "jobs").iterdir())


def test_progress_is_shown_as_if_it_were_local(bench: Bench, local: Bench) -> None:
    here = ended(
        (
            *ALGOKIT,
            "run",
            str(bench.recipe),
            "--data",
            str(bench.data),
            "--store",
            str(bench.folder / "s"),
            "--out",
            str(bench.folder / "o"),
        )
    )
    there = ended(bench.words())

    def steps(done: Ended) -> set[str]:
        lines = [line.split() for line in done.err.splitlines() if line.strip().startswith("done")]
        return {words[1] for words in lines if words[1].startswith(("features", "fit"))}

    assert steps(here) & steps(there), (here.err, there.err)
    assert [line.split()[0] for line in here.out.splitlines() if "made in" in line] == [
        line.split()[0] for line in there.out.splitlines() if "made in" in line
    ]


def test_the_printed_line_is_the_run(bench: Bench, local: Bench) -> None:
    """Pasted into a shell it fills the store; the run then has nothing left to make."""
    printed = bench.run("--print")
    assert printed.code == 0 and printed.out.startswith("docker run ") and not (bench.folder / "out").exists()
    pasted = subprocess.run(["bash", "-c", printed.out], capture_output=True, text=True, env=environment(), check=False)
    assert pasted.returncode == 0, pasted.stderr
    assert artefacts(bench.store) == artefacts(local.store)
    after = json.loads(bench.run().out)
    assert not any(step["made"] for step in after["steps"])


def test_a_second_run_makes_nothing_and_a_run_here_goes_on_with_what_a_container_made(
    bench: Bench, local: Bench
) -> None:
    assert bench.run().code == 0
    for again in (bench.run(), bench.run(executor="local")):
        assert not any(step["made"] for step in json.loads(again.out)["steps"])


def test_the_container_can_do_what_it_has_to_and_no_more(bench: Bench) -> None:
    """Looked at from inside while it works, and asked of the engine."""
    with bench.running() as (process, container):
        (state,) = json.loads(docker("inspect", container).out)
        inside = {
            "id": docker("exec", container, "id", "-u").out.strip(),
            "write": docker(
                "exec", container, "sh", "-c", "echo x > /opt/x || echo x > /algokit/x || echo refused"
            ).out,
            "data": docker("exec", container, "sh", "-c", f"echo x > {bench.data}/x || echo refused").out,
            "store": docker("exec", container, "sh", "-c", f"echo x > {bench.store}/x && echo written").out,
            "network": docker("exec", container, "ls", "/sys/class/net").out.split(),
        }
        out, err = process.communicate()
        assert process.returncode == 0, (out, err)
    assert inside["network"] == ["lo"] and inside["store"] == "written\n"
    assert "refused" in inside["write"] and "refused" in inside["data"]
    host, config = state["HostConfig"], state["Config"]
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and "no-new-privileges" in host["SecurityOpt"]
    assert host["NetworkMode"] == "none" and host["PidsLimit"] == 4096 and host["Memory"] == host["MemorySwap"] > 0
    assert "OMP_NUM_THREADS=1" in config["Env"]
    mounts = {mount["Source"]: mount["RW"] for mount in state["Mounts"] if mount["Type"] == "bind"}
    assert mounts == {str(bench.data.resolve()): False, str(bench.store.resolve()): True}


def test_output_belongs_to_the_caller_who_need_not_be_root(bench: Bench, local: Bench) -> None:
    """As the user who calls: the container's user is the caller's number, whoever that is."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv (util-linux) is not installed")
    bench.given_to(USER, bench.folder)
    socket = docker("context", "inspect", "--format={{.Endpoints.docker.Host}}").out.strip().removeprefix("unix://")
    group = str(Path(socket).stat().st_gid)
    home = bench.folder / "home"
    bench.given_to(USER, home)
    as_user = [setpriv, f"--reuid={USER}", f"--regid={USER}", f"--groups={group}"]
    readable = subprocess.run([*as_user, *ALGOKIT, "--version"], capture_output=True, check=False).returncode == 0
    if not readable:
        pytest.skip("this Python cannot be run by another user")
    done = ended([*as_user, *bench.words("--json")], {"HOME": str(home)})
    assert done.code == 0, done.err
    assert {path.stat().st_uid for path in bench.store.rglob("*")} == {USER}
    assert artefacts(bench.store) == artefacts(local.store)


def test_plain_docker_run_makes_the_same_bytes_as_a_user_without_rights(bench: Bench, local: Bench) -> None:
    out, options = mounted(bench, "--read-only", "--tmpfs=/tmp")
    words = ("run", "recipes/demo.yaml", "--data", "/data", "--store", "/out/store", "--out", "/out/demo", "--json")
    done = bench.alone(*words, options=options)
    assert done.code == 0, done.err
    assert predictions(out / "demo") == predictions(local.folder / "out")
    assert {path.stat().st_uid for path in out.rglob("*")} == {USER}


def test_participants_then_group_end_as_one_run_of_all(bench: Bench, local: Bench) -> None:
    """The command line of BIDS Apps, in two containers side by side and a third."""
    out, options = mounted(bench)
    subjects = [
        one.removeprefix("subj") for one in json.loads((local.folder / "out" / "plan.json").read_text())["subjects"]
    ]
    assert len(subjects) == 2
    for label in subjects:
        words = ("/data", "/out", "participant", "--recipe", "recipes/demo.yaml", "--participant-label", label)
        done = bench.alone(*words, options=options)
        assert done.code == 0, done.err
    group = bench.alone("/data", "/out", "group", "--recipe", "recipes/demo.yaml", options=options)
    assert group.code == 0, group.err
    assert predictions(out / "demo") == predictions(local.folder / "out")
    assert (out / "demo.zip").is_file() and (out / "demo" / "report.html").is_file()


def test_without_arguments_the_image_says_what_it_has_and_what_comes_next(bench: Bench) -> None:
    options = ["-v", f"{bench.data}:/data:ro", "--memory=3g"]
    said = bench.alone(options=options)
    assert said.code == 0, said.err
    for words in ("no CUDA device", "limited to 3.2 GB", "none, and none is needed", "algokit-demo, 2 subjects"):
        assert words in said.out
    (command, *_) = [line.strip() for line in said.out.splitlines() if " run recipes/demo.yaml" in line]
    (bench.folder / "OUT").mkdir()
    shutil.chown(bench.folder / "OUT", USER, USER)
    pasted = command.replace("DATA:", f"{bench.data}:").replace("OUT:", f"{bench.folder}/OUT:")
    pasted = pasted.replace("$(id -u):$(id -g)", f"{USER}:{USER}")
    done = subprocess.run(["bash", "-c", pasted], capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert predictions(bench.folder / "OUT" / "demo")


def test_a_run_whose_caller_was_killed_is_taken_over(bench: Bench, local: Bench) -> None:
    """kill -9 leaves the container at work; the next run removes it, sweeps up and ends with the same bytes."""
    with bench.running() as (process, orphan):
        process.kill()
        process.wait()
        assert containers(bench.store) == [orphan]
        done = bench.run()
        assert done.code == 0, done.err
        assert containers(bench.store) == []
    assert predictions(bench.folder / "out") == predictions(local.folder / "out")
    assert artefacts(bench.store) == artefacts(local.store)


def test_a_container_of_somebody_at_work_is_left_alone(bench: Bench, local: Bench) -> None:
    with bench.running() as (process, _):
        beside = replace(bench, folder=bench.folder).run("--out", str(bench.folder / "beside"))
        assert beside.code == 0, beside.err
        out, err = process.communicate()
        assert process.returncode == 0, (out, err)
    assert (
        predictions(bench.folder / "out") == predictions(bench.folder / "beside") == predictions(local.folder / "out")
    )
    assert artefacts(bench.store) == artefacts(local.store)


@pytest.mark.parametrize("after_s", [0.0, 0.7, 1.4, 2.1])
def test_a_container_that_is_removed_at_any_moment_costs_no_finished_step(
    bench: Bench, local: Bench, after_s: float
) -> None:
    with bench.running() as (process, container):
        time.sleep(after_s)
        docker("rm", "--force", container)
        process.communicate()
    assert not list(bench.folder.rglob("*.partial"))
    if list(bench.store.glob(f"*/[0-9a-f][0-9a-f]/*/{META}")):
        made = artefacts(bench.store)
        assert made.items() <= artefacts(local.store).items()
    assert bench.run().code == 0
    assert artefacts(bench.store) == artefacts(local.store)


def test_apptainer_gets_the_job_and_makes_the_same_bytes(bench: Bench, local: Bench) -> None:
    """A program stands in for it, that runs here what it is told to."""
    stand_ins = Path(__file__).resolve().parents[1] / "stand_ins"
    image, heard = bench.folder / "algokit.sif", bench.folder / "heard.json"
    image.touch()
    more = {"PATH": f"{stand_ins}:{os.environ['PATH']}", "APPTAINER_PYTHON": ALGOKIT[0], "APPTAINER_HEARD": str(heard)}
    asked = replace(bench, more=more)
    printed = asked.run("--print", "--image", str(image), "--gpus", "none", executor="apptainer").out.split()
    done = asked.run("--image", str(image), "--gpus", "none", executor="apptainer")
    assert done.code == 0, done.err
    *words, job, lines = json.loads(heard.read_text())
    shared = re.sub(r"-[0-9a-f]{8}\.json$", ".json", job)  # a run has a file of its own
    assert [*words, shared, lines] == [*printed, "--lines"]
    assert Path(printed[-1]).is_file() and not Path(job).exists()
    assert predictions(bench.folder / "out") == predictions(local.folder / "out")
    assert json.loads((bench.folder / "out" / "card.json").read_text())["executor"] == {
        "kind": "apptainer",
        "image": "algokit.sif",
    }


def test_the_image_has_no_tools_to_build_with_and_says_what_it_is(bench: Bench) -> None:
    programs = docker("run", "--rm", "--network=none", "--entrypoint=ls", bench.image, "/opt/algokit/bin").out.split()
    assert "algokit" in programs and not {"pip", "uv", "hatchling"} & set(programs)
    (found,) = json.loads(docker("image", "inspect", bench.image).out)
    config = found["Config"]
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("10001:10001", ["algokit"], ["welcome"])
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["version"] == version("algokit") and labels["licenses"] == "Apache-2.0" and labels["revision"]


def test_an_image_that_is_not_there_is_built_once_that_is_wanted(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the checkout's Dockerfile, of which this is a short one; without consent nothing is built."""
    (tmp_path / "Dockerfile").write_text(f"FROM {engine}\nLABEL built=here\n")
    monkeypatch.setattr(docker_engine, "CHECKOUT", tmp_path)
    asked: list[str] = []
    heard: list[Progress] = []

    def answered(answer: bool) -> Callable[[str], bool]:
        return lambda name: bool(asked.append(name)) or answer

    with contextlib.closing(docker_engine.Engine()) as talking:
        with pytest.raises(MachineError):
            talking.image("algokit-test-built", answered(False), heard.append)
        try:
            image = talking.image("algokit-test-built", answered(True), heard.append)
            assert talking.image("algokit-test-built", answered(False), heard.append) == image
        finally:
            docker("rmi", "--force", "algokit-test-built")
        (tmp_path / "Dockerfile").write_text(f"FROM {engine}\nRUN exit 3\n")
        with pytest.raises(MachineError) as refusal:
            talking.image("algokit-test-broken", answered(True), heard.append)
    assert asked == ["algokit-test-built"] * 2 + ["algokit-test-broken"]
    assert [(one.step, one.total) for one in heard][:2] == [("image", 2)] * 2
    assert refusal.value.findings[0].code == "not-built"


def test_weights_of_a_hub_and_of_a_file_are_seen_inside_and_cannot_be_changed(bench: Bench) -> None:
    """One member's weights lie in the hub's cache, as a link into its blobs; the other's in a file behind a link."""
    import timm
    from safetensors.torch import save_file

    state, revision = timm.create_model("mobilenetv2_100").state_dict(), "0" * 40
    hub = bench.folder / "hub" / "models--timm--mobilenetv2_100.ra_in1k"
    for name in ("blobs", "refs", f"snapshots/{revision}"):
        (hub / name).mkdir(parents=True)
    save_file(state, hub / "blobs" / "one")
    (hub / "refs" / "main").write_text(revision)
    (hub / "snapshots" / revision / "model.safetensors").symlink_to("../../blobs/one")
    (bench.folder / "mine.safetensors").symlink_to(hub / "blobs" / "one")
    recipe = bench.folder / "weighty.yaml"
    recipe.write_text(WEIGHTY)
    weighty = replace(bench, recipe=recipe, more={"HF_HUB_CACHE": str(bench.folder / "hub")})
    inside, here = (
        weighty.run(),
        weighty.run("--store", str(bench.folder / "s"), "--out", str(bench.folder / "o"), executor="local"),
    )
    assert inside.code == 0 and here.code == 0, (inside.err, here.err)
    assert predictions(bench.folder / "out") == predictions(bench.folder / "o")
    assert artefacts(bench.store) == artefacts(bench.folder / "s")
    mounts = [word for word in weighty.run("--print").out.split() if "type=bind" in word]
    writable = [word for word in mounts if not word.endswith("readonly")]
    assert writable == [f"type=bind,source={bench.store},target={bench.store}"]
    assert f"type=bind,source={hub},target={hub},readonly" in mounts


def test_a_shell_opens_in_that_very_container(bench: Bench) -> None:
    """On a terminal of its own, as a person has it: the same folders, the same rights, and algokit itself."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        bench.words("--shell", "--quiet"), stdin=theirs, stdout=theirs, stderr=theirs, env=environment(), close_fds=True
    )
    os.close(theirs)
    typed = f"ls {bench.data}; touch {bench.data}/x; algokit --version; echo left with $((40 + 2)); exit 7\n"
    os.write(ours, typed.encode())
    shown = b""
    with contextlib.suppress(OSError):  # the terminal is gone when the last process on it is
        while chunk := os.read(ours, 4096):
            shown += chunk
    os.close(ours)
    assert process.wait() == 7
    for words in ("train_data", "Read-only file system", f"algokit {version('algokit')}", "left with 42"):
        assert words in shown.decode(), shown.decode()
