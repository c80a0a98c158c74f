"""Where and how a plan runs; nothing in here changes a key."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from algokit.errors import DeviceError
from algokit.types import Finding


@dataclass(frozen=True)
class RunSettings:
    """Attributes
    ----------
    device : "cpu", "cuda" or "cuda:N"; never replaced by another. Before `checked`, what the user gave.
    batch_size : images per forward pass; None leaves it to `algokit.pipeline.batch_size`.
    n_workers : threads that decode images.
    shard_images : images whose features a kill can cost, about; less than half as many are kept together.
    block_vertices : vertices fitted at once; None lets memory decide.
    compile : whether networks go through torch.compile.
    more_devices : those that share the images with ``device``; all else is done there alone.
    """

    device: str = "cpu"
    batch_size: int | None = None
    n_workers: int = 4
    block_vertices: int | None = None
    shard_images: int = 256
    compile: bool = False
    more_devices: tuple[str, ...] = ()


def checked(settings: RunSettings) -> RunSettings:
    """The settings with devices that this machine has; see `checked_device`. Several are named with commas between.

    Raises
    ------
    DeviceError : one is not there, stands twice, or is the CPU beside others.
    """
    first, *others = [checked_device(one) for one in settings.device.split(",")]
    if others:
        numbers = {one.partition(":")[2] or "0" for one in (first, *others) if one != "cpu"}
        if len(numbers) <= len(others):
            expected = "several GPUs, each once: cuda:0,cuda:1"
            finding = Finding("these cannot share work", expected=expected, found=settings.device, code="no-device")
            raise DeviceError("the devices asked for cannot work together", [finding])
    return replace(settings, device=first, more_devices=tuple(others))


def checked_device(device: str) -> str:
    """The device, if this machine has it; "auto" is CUDA where there is one and the CPU elsewhere.

    A GPU computes in full float32 from then on.

    Raises
    ------
    DeviceError : it was asked for by name and is not there.
    """
    wanted = re.fullmatch(r"auto|cpu|cuda(?::(\d{1,3}))?", device)
    if wanted is None:
        finding = Finding("unknown device", expected="auto, cpu, cuda or cuda:N", found=repr(device), code="no-device")
        raise DeviceError("the device asked for is not there", [finding])
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device != "cpu" and int(wanted[1] or 0) >= torch.cuda.device_count():
        finding = Finding(
            "this CUDA device is not visible",
            expected=device,
            found=f"torch {torch.__version__}, {torch.cuda.device_count()} devices",
            advice="use --device cpu, or start the container with --gpus all",
            code="no-cuda",
        )
        raise DeviceError("the device asked for is not there", [finding])
    if device != "cpu":
        _without_tf32()
    return device


def _without_tf32() -> None:
    """Ten bits of mantissa are what torch gives convolutions of a GPU, and NVIDIA's images everything, if not told."""
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")


def accelerator_names(devices: str) -> str:
    """The GPUs' own names, each once, with commas between as ``devices`` has them; "" for the CPU."""
    gpus = [one for one in devices.split(",") if one.startswith("cuda")]
    if not gpus:
        return ""
    import torch

    return ", ".join(dict.fromkeys(str(torch.cuda.get_device_name(one)) for one in gpus))
