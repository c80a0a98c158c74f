"""The one place that talks to a Docker engine: its images and containers."""

from __future__ import annotations

import contextlib
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

from algokit.executors.container import N_PIDS, SHM_BYTES, ContainerSpec, Gpus
from algokit.executors.docker_refusals import container_gone, engine_gone, no_image, not_built, refused, unreachable
from algokit.executors.docker_words import TMPFS
from algokit.executors.outcomes import KILLED
from algokit.executors.ownership import OWNER_LABEL, STORE_LABEL, is_orphan
from algokit.types import Progress, ProgressCallback

VERSION_LABEL = "org.opencontainers.image.version"
CHECKOUT = Path(__file__).resolve().parents[2]
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
                raise unreachable(error) from error
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
            raise no_image(name)
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
            orphans = [one for one in found if is_orphan(one.labels.get(OWNER_LABEL, ""))]
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
                    raise not_built(name, said, CHECKOUT)
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise not_built(name, [*said, str(error)], CHECKOUT) from error


def _knock() -> None:
    """Connect to the engine's socket once: the SDK says less of why it cannot, and leaves its socket open then."""
    url = kwargs_from_env().get("base_url") or _DEFAULT_URL
    if url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(_ENDING_S)
            knocking.connect(url.removeprefix("unix://"))


def _arguments(spec: ContainerSpec) -> dict[str, Any]:
    """The same container in the words of the SDK."""
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
        "tmpfs": {"/tmp": TMPFS},
        "working_dir": "/tmp",
        "mem_limit": spec.memory_bytes,
        "memswap_limit": spec.memory_bytes,
        "pids_limit": N_PIDS,
        "shm_size": SHM_BYTES,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "init": True,
        "device_requests": [_device_request(spec.gpus)] if spec.gpus else [],
        "log_config": LogConfig(type="json-file", config={"max-size": "10m"}),
    }


def _device_request(gpus: Gpus) -> DeviceRequest:
    if gpus.ids:
        return DeviceRequest(device_ids=list(gpus.ids), capabilities=[["gpu"]])
    return DeviceRequest(count=gpus.count, capabilities=[["gpu"]])


def _is_checkout() -> bool:
    return (CHECKOUT / "Dockerfile").is_file()


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
        raise container_gone(str(error.explanation or error)) from error
    except docker.errors.APIError as error:
        raise refused(str(error.explanation or error)) from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ConnectionError) as error:
        raise engine_gone(error) from error
