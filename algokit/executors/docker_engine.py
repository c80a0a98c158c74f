"""The one place that talks to a Docker engine: images, containers, and what its refusals mean."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests
import urllib3
from docker.types import DeviceRequest, LogConfig
from docker.types import Mount as DockerMount
from docker.utils import kwargs_from_env
from docker.utils.socket import STDOUT, frames_iter

from algokit.errors import DiskError, MachineError
from algokit.executors.container import N_PIDS, SHM_BYTES, TMP_BYTES, ContainerSpec, Gpus, csv_field
from algokit.executors.outcomes import KILLED
from algokit.types import Finding, Progress, ProgressCallback

VERSION_LABEL = "org.opencontainers.image.version"
STORE_LABEL, OWNER_LABEL = "algokit.store", "algokit.owner"
CHECKOUT = Path(__file__).resolve().parents[2]
_TMPFS = f"rw,exec,nosuid,nodev,mode=1777,size={TMP_BYTES}"
_ENDING_S = 30
_DEFAULT_URL = "unix:///var/run/docker.sock"
_REMOVING_S = 1.0


@dataclass(frozen=True)
class Image:
    """An image the engine has: the name it was asked for, its digest, and the version of algokit in it."""

    name: str
    digest: str
    version: str = ""


class Container:
    """A container that has been started.

    Parameters
    ----------
    handle : the SDK's.
    frames : its output from the start on, each with the number of the stream.
    """

    def __init__(self, handle: Any, frames: Iterable[tuple[int, bytes]]) -> None:
        self._handle, self._frames = handle, frames

    def output(self) -> Iterator[tuple[bool, bytes]]:
        """(whether it is of stdout, bytes) as they come, until it ends."""
        with _told():
            for stream, chunk in self._frames:
                yield stream == STDOUT, chunk

    def result(self) -> tuple[int, bool]:
        """Its exit code, and whether the kernel killed in it for memory.

        Raises
        ------
        MachineError : it was removed. That kills it first, so one that was killed is looked at for a moment longer.
        """
        with _told():
            self._handle.wait(timeout=_ENDING_S)
            until_s = time.monotonic() + _REMOVING_S
            while True:
                self._handle.reload()
                state = self._handle.attrs["State"]
                if state["OOMKilled"] or state["ExitCode"] != KILLED or time.monotonic() > until_s:
                    return int(state["ExitCode"]), bool(state["OOMKilled"])
                time.sleep(0.1)

    def kill(self) -> None:
        """End it at once; one that has ended stays so."""
        with contextlib.suppress(docker.errors.APIError):
            self._handle.kill()


class Engine:
    """A Docker engine that answers: the one that the ``docker`` command talks to too.

    Raises
    ------
    MachineError : none answers, or this user may not talk to it.
    """

    def __init__(self) -> None:
        with contextlib.ExitStack() as unfinished:
            try:
                _knock()
                self._client = docker.from_env()
                unfinished.callback(self.close)
                self.info: dict[str, Any] = self._client.info()
            except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
                raise _unreachable(error) from error
            unfinished.pop_all()

    def close(self) -> None:
        """Let go of the connections; containers go on."""
        self._client.close()

    @property
    def version(self) -> str:
        """Of the engine."""
        return str(self.info.get("ServerVersion", "unknown"))

    @property
    def is_rootless(self) -> bool:
        """Whether root inside is the caller outside."""
        return any("rootless" in option for option in self.info.get("SecurityOptions") or ())

    def image(self, name: str, consents: Callable[[str], bool], progress: ProgressCallback) -> Image:
        """The image of that name or digest; where it is not there and that is wanted, it is built first.

        Raises
        ------
        MachineError : it is not there, or could not be built.
        """
        found = self.find_image(name)
        if found is None and ":" not in name and "@" not in name and _is_checkout() and consents(name):
            self._build(name, progress)
            found = self.find_image(name)
        if found is None:
            raise MachineError("there is no image to run in", [_no_image(name)])
        return found

    def find_image(self, name: str) -> Image | None:
        """The image of that name or digest, if the engine has it; nothing is ever pulled."""
        with _told():
            try:
                image = self._client.images.get(name)
            except docker.errors.ImageNotFound:
                return None
            except docker.errors.APIError as error:
                if error.status_code == requests.codes.bad_request:  # no image can have such a name
                    return None
                raise
        return Image(name, str(image.id), str((image.labels or {}).get(VERSION_LABEL, "")))

    @contextlib.contextmanager
    def running(self, spec: ContainerSpec) -> Iterator[Container]:
        """The container, started; it is removed when the block ends, however that is.

        Raises
        ------
        MachineError : the engine refuses it.
        """
        with _told():
            handle = self._client.containers.create(**_arguments(spec))
        try:
            with _told():
                stream = self._client.api.attach_socket(handle.id, {"stdout": 1, "stderr": 1, "stream": 1})
            with _closing(stream):
                with _told():
                    handle.start()
                yield Container(handle, frames_iter(stream, tty=False))
        finally:
            with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
                handle.remove(force=True)

    def remove_orphans(self, store: str) -> int:
        """Remove the containers at work on a store whose owner, on this machine, is no more; returns how many."""
        with _told():
            found = self._client.containers.list(all=True, filters={"label": f"{STORE_LABEL}={store}"})
            orphans = [one for one in found if _is_orphan(one.labels.get(OWNER_LABEL, ""))]
            for one in orphans:
                one.remove(force=True)
        return len(orphans)

    def _build(self, name: str, progress: ProgressCallback) -> None:
        said: list[str] = []
        try:
            for line in self._client.api.build(path=str(CHECKOUT), tag=name, rm=True, forcerm=True, decode=True):
                text = str(line.get("stream") or line.get("error") or "").strip()
                said += [text] if text else []
                if step := re.match(r"Step (\d+)/(\d+) : (.*)", text):
                    progress(Progress("image", int(step[1]) - 1, int(step[2]), "steps", step[3]))
                if "error" in line:
                    raise MachineError("the image could not be built", [_not_built(name, said)])
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise MachineError("the image could not be built", [_not_built(name, [*said, str(error)])]) from error


def _knock() -> None:
    """Connect to the engine's socket once: the SDK says less of why it cannot, and leaves its socket open then."""
    url = kwargs_from_env().get("base_url") or _DEFAULT_URL
    if url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(_ENDING_S)
            knocking.connect(url.removeprefix("unix://"))


def owner_label() -> str:
    """This process, so that it is told from a later one of the same number: machine, number, when it started."""
    return f"{platform.node()} {os.getpid()} {_started(os.getpid())}"


def docker_words(spec: ContainerSpec, *, shell: bool = False) -> list[str]:
    """The ``docker run`` that is the same as what `Engine.running` starts."""
    words = ["docker", "run", "--rm", "--init", *(["--interactive", "--tty"] if shell else [])]
    words += ["--read-only", f"--tmpfs=/tmp:{_TMPFS}", "--network=none", "--cap-drop=ALL"]
    words += ["--security-opt=no-new-privileges", f"--pids-limit={N_PIDS}", f"--shm-size={SHM_BYTES}"]
    words += [f"--user={spec.user}", *(f"--group-add={group}" for group in spec.groups)]
    if spec.memory_bytes:
        words += [f"--memory={spec.memory_bytes}", f"--memory-swap={spec.memory_bytes}"]
    if spec.gpus:
        words += ["--gpus", f'"device={",".join(spec.gpus.ids)}"' if spec.gpus.ids else _counted(spec.gpus)]
    for mount in spec.mounts:
        fields = ["type=bind", f"source={mount.source}", f"target={mount.inside}"]
        fields += [] if mount.writable else ["readonly"]
        words += ["--mount", ",".join(csv_field(one) for one in fields)]
    words += [f"--env={name}={value}" for name, value in spec.environment.items()]
    words += ["--workdir=/tmp", f"--entrypoint={'bash' if shell else 'algokit'}", spec.image]
    return words if shell else [*words, *spec.command]


def _counted(gpus: Gpus) -> str:
    return "all" if gpus.count < 0 else str(gpus.count)


def _arguments(spec: ContainerSpec) -> dict[str, Any]:
    """The same container in the words of the SDK."""
    gpus = spec.gpus
    requests_ = [_device_request(gpus)] if gpus else []
    return {
        "image": spec.image,
        "entrypoint": ["algokit"],
        "command": list(spec.command),
        "name": f"{spec.name}-{secrets.token_hex(3)}",
        "labels": dict(spec.labels),
        "mounts": [
            DockerMount(str(one.inside), str(one.source), type="bind", read_only=not one.writable)
            for one in spec.mounts
        ],
        "environment": dict(spec.environment),
        "user": spec.user,
        "group_add": list(spec.groups),
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {"/tmp": _TMPFS},
        "working_dir": "/tmp",
        "mem_limit": spec.memory_bytes,
        "memswap_limit": spec.memory_bytes,
        "pids_limit": N_PIDS,
        "shm_size": SHM_BYTES,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "init": True,
        "device_requests": requests_,
        "log_config": LogConfig(type="json-file", config={"max-size": "10m"}),
    }


def _device_request(gpus: Gpus) -> DeviceRequest:
    if gpus.ids:
        return DeviceRequest(device_ids=list(gpus.ids), capabilities=[["gpu"]])
    return DeviceRequest(count=gpus.count, capabilities=[["gpu"]])


def _is_checkout() -> bool:
    return (CHECKOUT / "Dockerfile").is_file()


def _started(process_id: int) -> str:
    """When a process started, in the kernel's own count; "" where there is none of that number."""
    try:
        return (
            Path(f"/proc/{process_id}/stat")
            .read_text(encoding="ascii", errors="replace")
            .rpartition(")")[2]
            .split()[19]
        )
    except (OSError, IndexError):
        return ""


def _is_orphan(label: str) -> bool:
    """Whether the process of an `owner_label` was one of this machine and is no more."""
    match = re.fullmatch(r"(.*) (\d+) (\d*)", label)
    return match is not None and match[1] == platform.node() and _started(int(match[2])) != match[3]


@contextlib.contextmanager
def _closing(stream: Any) -> Iterator[None]:
    """Close the connection that was made into a stream, which the SDK leaves to its owner."""
    try:
        yield
    finally:
        below = getattr(stream, "_sock", None)
        stream.close()
        if below is not None:
            below.close()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What the engine refuses, as a `MachineError` with what to do."""
    try:
        yield
    except docker.errors.NotFound as error:
        raise MachineError("the container is gone", [_gone(str(error.explanation or error))]) from error
    except docker.errors.APIError as error:
        raise _refused(str(error.explanation or error)) from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ConnectionError) as error:
        advice = "start the engine again; finished steps are kept: the same command goes on from there"
        finding = Finding("the engine does not answer any more", found=_short(error), advice=advice, code="engine-gone")
        raise MachineError("the container engine is gone", [finding]) from error


def _gone(found: str) -> Finding:
    advice = "somebody removed it; finished steps are kept: the same command goes on from there"
    return Finding("the container was removed while it ran", found=found, advice=advice, code="container-gone")


_TOOLKIT = "install nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure; or run with --device cpu"
_REFUSALS = (
    (
        "could not select device driver|[Uu]nknown.*runtime.*nvidia",
        "no-nvidia-runtime",
        "it cannot give GPUs",
        _TOOLKIT,
    ),
    (
        "nvidia-container-cli.*(device|unknown)|no such device",
        "no-gpu",
        "it has no such GPU",
        "nvidia-smi --list-gpus says which there are; or run with --device cpu",
    ),
    ("nvidia", "gpu-driver", "NVIDIA's driver cannot be used", "nvidia-smi says whether it works on this machine"),
    (
        "[Mm]inimum memory limit",
        "memory-limit",
        "the memory limit is too small for any container",
        "give more with --memory, such as 8GB",
    ),
    (
        "executable file not found|exec format error",
        "wrong-image",
        "algokit could not be started in this image",
        "name an image that was built from algokit's Dockerfile for this kind of processor (--image)",
    ),
    (
        "bind source path does not exist|bind mount.*no such file|invalid mount",
        "mount-gone",
        "a folder that the run needs is not on the engine's machine",
        "an engine on another machine (DOCKER_HOST) or in a virtual one sees only the folders that it shares",
    ),
)


def _refused(explanation: str) -> MachineError:
    if "no space left on device" in explanation:
        advice = "docker system df says what takes it, docker system prune frees some"
        finding = Finding("the engine's disk is full", found=explanation, advice=advice, code="engine-disk-full")
        return DiskError("the engine has no room for the container", [finding])
    for pattern, code, what, advice in _REFUSALS:
        if re.search(pattern, explanation):
            return _refusal(what, explanation, advice, code)
    return _refusal(
        "it says why", explanation, "algokit run --print shows the container that was asked for", "engine-refused"
    )


def _refusal(what: str, found: str, advice: str, code: str) -> MachineError:
    finding = Finding(what, found=found, advice=advice, code=code)
    return MachineError("the container engine refuses the container", [finding])


def _unreachable(error: Exception) -> MachineError:
    said = str(error)
    if "PermissionError" in said or "Permission denied" in said:
        advice = (
            "sudo usermod -aG docker $USER, and log in again; a rootless engine or --executor apptainer needs neither"
        )
        finding = Finding("this user may not talk to it", found=_short(error), advice=advice, code="engine-permission")
        return MachineError("the container engine may not be used", [finding])
    advice = "install Docker and start it (sudo systemctl start docker), or run without --executor docker"
    finding = Finding("none answers", found=_short(error), advice=advice, code="no-engine")
    return MachineError("there is no container engine", [finding])


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _no_image(name: str) -> Finding:
    advice = "docker build . -t algokit in algokit's checkout, or --build; docker images says which there are"
    return Finding("no such image here", where="--image", found=name, advice=advice, code="no-image")


def _not_built(name: str, said: list[str]) -> Finding:
    advice = f"docker build . -t {name} shows everything; algokit's checkout is {CHECKOUT}"
    return Finding("docker build failed", found=" / ".join(said[-3:])[-600:], advice=advice, code="not-built")
