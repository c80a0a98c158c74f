"""What a container has to be for a job: one value, made without touching anything, that engines turn into their words.

Folders have the same path inside as outside. So plans, messages and remembered digests hold on both sides, and an error
from inside names a file that its reader can open.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from algokit.errors import UsageError
from algokit.recipe.plan import Plan
from algokit.types import Finding

SHM_BYTES = 1 << 30  # what libraries exchange between processes and GPUs
TMP_BYTES = 4 << 30  # the only other place that can be written to: what torch.compile makes lies there
N_PIDS = 4096
IMAGE_PREFIX = "/opt/algokit"  # where the Dockerfile installs
_OF_THE_IMAGE = ("/", "/bin", "/etc", "/lib", "/lib64", "/opt", IMAGE_PREFIX, "/sbin", "/tmp", "/usr")
_OF_THE_SYSTEM = ("/dev", "/proc", "/sys")


@dataclass(frozen=True)
class Mount:
    """A file or folder of the host, at ``target`` inside; at its own path where None."""

    source: Path
    writable: bool = False
    target: Path | None = None

    @property
    def inside(self) -> Path:
        """Its path in the container."""
        return self.target or self.source


@dataclass(frozen=True)
class Gpus:
    """The GPUs a container gets: all of them (``count`` -1), the first ``count``, or those of some indices or ids."""

    count: int = -1
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContainerSpec:
    """A container, in no engine's words. It has no network, no more privileges than the caller, and a root it cannot
    write to; those are not options.

    Attributes
    ----------
    command : what `algokit` inside is asked for.
    user, groups : numbers of the caller, whose the output will be.
    """

    image: str
    command: tuple[str, ...]
    mounts: tuple[Mount, ...]
    environment: Mapping[str, str]
    user: str
    groups: tuple[str, ...] = ()
    gpus: Gpus | None = None
    memory_bytes: int | None = None
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def container_spec(
    plan: Plan,
    mounts: Iterable[Mount],
    command: Sequence[str],
    *,
    image: str,
    caller: tuple[int, int, Sequence[int]] = (0, 0, ()),
    environment: Mapping[str, str] | None = None,
    n_threads: int = 1,
    gpus: Gpus | None = None,
    memory_bytes: int | None = None,
    labels: Mapping[str, str] | None = None,
) -> ContainerSpec:
    """The container that runs a plan; nothing is looked up, so the same arguments give the same container.

    Parameters
    ----------
    mounts : what it sees of the host; of two at one path the writable one counts.
    caller : user, group and further groups, as numbers.
    environment : more variables than those that every container has.

    Raises
    ------
    UsageError : every mount that would hide a part of the image or of the system.
    """
    kept = _ordered(mounts)
    _refuse_hiding(kept)
    user, group, groups = caller
    return ContainerSpec(
        image=image,
        command=tuple(command),
        mounts=kept,
        environment={**_environment(n_threads), **(environment or {})},
        user=f"{user}:{group}",
        groups=tuple(str(one) for one in sorted(set(groups) - {group})),
        gpus=gpus,
        memory_bytes=memory_bytes,
        name=f"algokit-{str(plan.key)[:12]}",
        labels=dict(labels or {}),
    )


def parse_gpus(text: str) -> Gpus | None:
    """``all``, ``none``, a number, or ``device=0,1`` with indices or ids: the words of ``docker run --gpus``.

    Raises
    ------
    UsageError : it is none of these.
    """
    if text in ("none", "0"):
        return None
    if text == "all":
        return Gpus()
    if re.fullmatch("[1-9][0-9]{0,2}", text):
        return Gpus(count=int(text))
    ids = tuple(text.removeprefix("device=").split(","))
    if text.startswith("device=") and all(re.fullmatch(r"[\w:.-]+", one) for one in ids):
        return Gpus(count=0, ids=ids)
    expected = "all, none, a number, or device=0,1 (indices or ids)"
    finding = Finding("not a choice of GPUs", where="--gpus", expected=expected, found=repr(text), code="usage")
    raise UsageError("--gpus cannot be understood", [finding])


def chosen_gpus(wanted: str, device: str, *, has_driver: bool) -> Gpus | None:
    """The GPUs a container gets for ``--gpus`` and ``--device``.

    Parameters
    ----------
    has_driver : whether this machine has NVIDIA's driver; decides where neither option says anything.

    Raises
    ------
    UsageError : the two contradict each other.
    """
    if wanted:
        gpus = parse_gpus(wanted)
        if gpus is None and device.startswith("cuda"):
            finding = Finding(
                "a GPU, and none", where="--gpus", found=f"--gpus {wanted} --device {device}", code="usage"
            )
            raise UsageError("--gpus and --device contradict each other", [finding])
        return gpus
    return Gpus() if device.startswith("cuda") or (device == "auto" and has_driver) else None


def device_inside(device: str, gpus: Gpus | None) -> str:
    """The device to be asked for inside: a GPU that was given has to be used, so "auto" does not leave it out."""
    if device != "auto":
        return device
    return "cpu" if gpus is None else "cuda"


def _environment(n_threads: int) -> dict[str, str]:
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        "HOME": "/tmp",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        **dict.fromkeys(threads, str(n_threads)),
    }


def _ordered(mounts: Iterable[Mount]) -> tuple[Mount, ...]:
    """By path inside, each once; what another one contains is still mounted where it differs from it."""
    by_place: dict[Path, Mount] = {}
    for mount in mounts:
        known = by_place.get(mount.inside)
        if known is None or mount.writable:
            by_place[mount.inside] = mount
    kept: list[Mount] = []
    for place in sorted(by_place):
        mount = by_place[place]
        if not any(_contains(other, mount) for other in kept):
            kept.append(mount)
    return tuple(kept)


def _contains(outer: Mount, inner: Mount) -> bool:
    """Whether the inner one is there already, as writable as it has to be."""
    if outer.source != outer.inside or inner.source != inner.inside:
        return False
    return inner.source.is_relative_to(outer.source) and outer.writable == inner.writable


def _refuse_hiding(mounts: Iterable[Mount]) -> None:
    findings = [
        Finding(
            "this folder cannot be given to a container: it would hide the image's own",
            where=str(mount.inside),
            advice="use a folder below it, or move what is in it",
            code="hides-image",
        )
        for mount in mounts
        if str(mount.inside) in _OF_THE_IMAGE or any(mount.inside.is_relative_to(one) for one in _OF_THE_SYSTEM)
    ]
    if findings:
        raise UsageError("the container cannot see these folders", findings)


def caller() -> tuple[int, int, tuple[int, ...]]:
    """Who runs this process: user, group and further groups, as numbers."""
    return os.getuid(), os.getgid(), tuple(os.getgroups())


def is_inside() -> bool:
    """Whether this very process runs in algokit's image."""
    return sys.prefix == IMAGE_PREFIX


def csv_field(field: str) -> str:
    """A field of ``--mount``, which engines read as a line of CSV."""
    return '"' + field.replace('"', '""') + '"' if re.search('[",]', field) else field
