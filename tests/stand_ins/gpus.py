"""``python gpus.py N PROGRAM ARGUMENTS...``: a program (a file, or ``algokit``) on a machine that seems to have N GPUs.

Tensors "on" them lie in this computer's memory and say they are on cuda:0, cuda:1, ... What is refused there is refused
here: an operation on tensors of two places, a result read without being moved back. A run that ends well has kept apart
what is where. Nothing is said of real kernels: neither how exact they are nor how fast.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import runpy
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "stand-in"
MEMORY_BYTES = 8 * 2**30
MOVES = ("aten::_to_copy", "aten::copy_")
INDEXES = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")  # take indices of the host
MAKERS = (torch.as_tensor, torch.asarray, torch.tensor)
READ_THROUGH = ("data_ptr", "tolist", "untyped_storage")  # what torch gives of its own tensors alone
n_operations: Counter[int] = Counter()


class OnGpu(torch.Tensor):
    """A tensor that says it is on a GPU."""

    held: torch.Tensor
    number: int

    @staticmethod
    def __new__(cls, held: torch.Tensor, number: int) -> OnGpu:
        with torch.inference_mode(False):
            tensor = torch.Tensor._make_wrapper_subclass(
                cls,
                held.size(),
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                device=torch.device("cuda", number),
            )
        tensor.held, tensor.number = held, number
        return tensor

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        return operated(function, arguments, options or {})


def operated(function: Any, arguments: Any, options: dict[str, Any]) -> Any:
    """Do one operation of torch in the memory of this computer; what comes out is where it would be."""
    tensors = [one for one in tree_leaves((arguments, options)) if isinstance(one, torch.Tensor)]
    number = next((_where(one) for one in tensors if isinstance(one, OnGpu)), None)
    name = function._schema.name
    if name == "aten::copy_":
        number = _where(tensors[0])
    if name not in MOVES:
        _refuse_mixed(name, tensors)
    if options.get("device") is not None:
        number = _number(torch.device(options["device"]))
        options = {**options, "device": torch.device("cpu")}
    if number is not None:
        n_operations[number] += 1
    result = function(*tree_map(_held, arguments), **tree_map(_held, options))
    given = {id(_held(one)): one for one in tensors}

    def placed(one: Any) -> Any:
        if not isinstance(one, torch.Tensor):
            return one
        before = given.get(id(one))
        if before is not None and _where(before) == number:  # changed in place, or given back
            return before
        one = one if before is None else one.clone()
        return one if number is None else OnGpu(one, number)

    return tree_map(placed, result)


def _refuse_mixed(name: str, tensors: list[torch.Tensor]) -> None:
    """Scalars of the host go everywhere, and it may say which elements of a GPU's tensor are meant."""
    if name in INDEXES and isinstance(tensors[0], OnGpu):
        tensors = [one for one in tensors if isinstance(one, OnGpu)]
    places = {str(one.device) for one in tensors if isinstance(one, OnGpu) or one.dim()}
    if len(places) > 1:
        raise RuntimeError(f"{name}: expected all tensors to be on the same device, found {', '.join(sorted(places))}")


def _held(one: Any) -> Any:
    return one.held if isinstance(one, OnGpu) else one


def _where(one: torch.Tensor) -> int | None:
    return one.number if isinstance(one, OnGpu) else None


def _number(place: torch.device) -> int | None:
    return (place.index or 0) if place.type == "cuda" else None


class Operations(TorchDispatchMode):
    """Sees every operation, those on tensors of the host too."""

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        return operated(function, arguments, options or {})


class Calls(TorchFunctionMode):
    """Sees every call of Python, before torch looks for a driver."""

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        name, options = getattr(function, "__name__", ""), dict(options or {})
        if name in READ_THROUGH:
            return getattr(_held(arguments[0]), name)()
        if name == "pin_memory":
            return arguments[0]
        if name == "new_tensor":
            like, *arguments = arguments
            function, options = torch.tensor, {"dtype": like.dtype, "device": like.device, **options}
        if function in MAKERS:
            place = options.pop("device", None)
            made = function(*arguments, **options)
            return made if place is None else made.to(place)
        return function(*arguments, **options)


def pretend(n_gpus: int) -> None:
    """From now on torch sees so many GPUs, in threads that are started too."""
    torch._C._ensureCUDADeviceGuardSet()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    answers = {
        "_lazy_init": None,
        "current_device": 0,
        "device": contextlib.nullcontext(),
        "device_count": n_gpus,
        "empty_cache": None,
        "get_device_name": NAME,
        "is_available": True,
        "is_bf16_supported": True,
        "max_memory_allocated": 0,
        "mem_get_info": (MEMORY_BYTES, MEMORY_BYTES),
        "synchronize": None,
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, lambda *_, answer=answer: answer)
    run = threading.Thread.run

    def seen(thread: threading.Thread) -> None:
        with Calls(), Operations():
            run(thread)

    threading.Thread.run = seen  # type: ignore[method-assign]


def main() -> None:
    """Be the program; the last line of standard error is how many operations each GPU did."""
    pretend(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    atexit.register(lambda: print(json.dumps(n_operations), file=sys.stderr))
    with Calls(), Operations():
        if sys.argv[0] == "algokit":
            runpy.run_module("algokit", run_name="__main__")
        else:
            sys.path.insert(0, str(Path(sys.argv[0]).parent))
            runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
