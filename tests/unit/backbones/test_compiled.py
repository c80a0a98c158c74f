"""torch.compile changes when features come, not what they are."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import torch

from algokit.backbones import OnePeaceSpec
from algokit.backbones.one_peace_backbone import load
from algokit.errors import MachineError

SMALL = {"width": 32, "depth": 1, "heads": 2, "inner_width": 64, "grid": 2}


def small() -> tuple[Any, torch.Tensor, list[str]]:
    backbone = load(OnePeaceSpec(kind="one_peace", weights="random", options=SMALL), "cpu")
    size_px = backbone.card.preprocess.size_px
    images = torch.randn(2, 3, size_px, size_px, generator=torch.Generator().manual_seed(0))
    return backbone, images, [layer.name for layer in backbone.card.layers]


@pytest.mark.skipif(shutil.which("g++") is None and shutil.which("clang++") is None, reason="there is no C++ compiler")
def test_a_compiled_network_gives_the_same_activations() -> None:
    backbone, images, names = small()
    expected = backbone.activations(images, names)
    for name, values in backbone.compiled().activations(images, names).items():
        torch.testing.assert_close(values, expected[name], rtol=1e-4, atol=1e-5)


def test_a_network_that_cannot_be_compiled_is_an_error_and_never_run_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._dynamo.exc import TorchDynamoException

    def failing(*_: Any, **__: Any) -> Any:
        raise TorchDynamoException("no C++ compiler")

    monkeypatch.setattr(torch, "compile", lambda run, **_: failing)
    backbone, images, names = small()
    with pytest.raises(MachineError) as caught:
        backbone.compiled().activations(images, names)
    (finding,) = caught.value.findings
    assert (finding.code, finding.found) == ("no-compile", "no C++ compiler")
