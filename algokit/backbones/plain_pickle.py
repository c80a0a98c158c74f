"""Weights that were written with Python's pickle alone, as one publisher does, read without running what they say.

``pickle.load`` calls whatever a file names. Here a file may name four things, all of which make tensors, and the bytes
of a storage inside it go through ``torch.load(weights_only=True)``.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any


def read_plain_pickle(path: Path) -> Any:
    """What a file holds that consists of plain values, containers and tensors.

    Raises
    ------
    pickle.UnpicklingError : it names anything else, or is damaged.
    """
    with path.open("rb") as handle:
        return _TensorUnpickler(handle, encoding="latin1").load()


class _TensorUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        import torch

        known = {
            "collections.OrderedDict": OrderedDict,
            "torch._utils._rebuild_tensor_v2": torch._utils._rebuild_tensor_v2,
            "torch._utils._rebuild_parameter": _tensor_of_parameter,
            "torch.storage._load_from_bytes": _storage,
        }
        if f"{module}.{name}" not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is not part of a tensor")
        return known[f"{module}.{name}"]


def _storage(content: bytes) -> Any:
    import torch

    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _tensor_of_parameter(data: Any, _requires_grad: bool, _hooks: Any) -> Any:
    return data
