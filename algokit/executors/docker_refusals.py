"""What a Docker engine's refusals mean, and what to do about each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from algokit.errors import DiskError, MachineError
from algokit.types import Finding

_KEPT = "finished steps are kept: the same command goes on from there"
_TOOLKIT = "install nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure; or run with --device cpu"
_DRIVER = "nvidia-smi says whether it works on this machine"
_GPUS = "nvidia-smi --list-gpus says which there are; or run with --device cpu"
_IMAGE = "name an image that was built from algokit's Dockerfile for this kind of processor (--image)"
_SHARED = "an engine on another machine (DOCKER_HOST) or in a virtual one sees only the folders that it shares"
# (pattern of the engine's words, code, what it means, advice); the first that fits
_MEANINGS = (
    (
        "could not select device driver|[Uu]nknown.*runtime.*nvidia",
        "no-nvidia-runtime",
        "it cannot give GPUs",
        _TOOLKIT,
    ),
    ("nvidia-container-cli.*(device|unknown)|no such device", "no-gpu", "it has no such GPU", _GPUS),
    ("nvidia", "gpu-driver", "NVIDIA's driver cannot be used", _DRIVER),
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
        _IMAGE,
    ),
    (
        "bind source path does not exist|bind mount.*no such file|invalid mount",
        "mount-gone",
        "a folder that the run needs is not on the engine's machine",
        _SHARED,
    ),
)


def unreachable(error: Exception) -> MachineError:
    """No engine could be talked to."""
    said = _short(error)
    if "PermissionError" in said or "Permission denied" in said:
        advice = (
            "sudo usermod -aG docker $USER, and log in again; a rootless engine or --executor apptainer needs neither"
        )
        finding = Finding("this user may not talk to it", found=said, advice=advice, code="engine-permission")
        return MachineError("the container engine may not be used", [finding])
    advice = "install Docker and start it (sudo systemctl start docker), or run without --executor docker"
    finding = Finding("none answers", found=said, advice=advice, code="no-engine")
    return MachineError("there is no container engine", [finding])


def refused(explanation: str) -> MachineError:
    """The engine would not make or start a container, in its own words."""
    if "no space left on device" in explanation:
        advice = "docker system df says what takes it, docker system prune frees some"
        finding = Finding("the engine's disk is full", found=explanation, advice=advice, code="engine-disk-full")
        return DiskError("the engine has no room for the container", [finding])
    other = ("", "engine-refused", "it says why", "algokit run --print shows the container that was asked for")
    _, code, what, advice = next((one for one in _MEANINGS if re.search(one[0], explanation)), other)
    finding = Finding(what, found=explanation, advice=advice, code=code)
    return MachineError("the container engine refuses the container", [finding])


def container_gone(explanation: str) -> MachineError:
    """The container was there, and is not."""
    what, advice = "the container was removed while it ran", f"somebody removed it; {_KEPT}"
    return MachineError(
        "the container is gone", [Finding(what, found=explanation, advice=advice, code="container-gone")]
    )


def engine_gone(error: Exception) -> MachineError:
    """The engine answered, and does not."""
    what, advice = "the engine does not answer any more", f"start the engine again; {_KEPT}"
    finding = Finding(what, found=_short(error), advice=advice, code="engine-gone")
    return MachineError("the container engine is gone", [finding])


def no_image(name: str) -> MachineError:
    """The engine has no such image, and nobody wanted it built."""
    advice = "docker build . -t algokit in algokit's checkout, or --build; docker images says which there are"
    finding = Finding("no such image here", where="--image", found=name, advice=advice, code="no-image")
    return MachineError("there is no image to run in", [finding])


def not_built(name: str, said: Sequence[str], checkout: Path) -> MachineError:
    """The image could not be built; ``said`` is what the build printed."""
    advice = f"docker build . -t {name} shows everything; algokit's checkout is {checkout}"
    finding = Finding("docker build failed", found=" / ".join(said[-3:])[-600:], advice=advice, code="not-built")
    return MachineError("the image could not be built", [finding])


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
