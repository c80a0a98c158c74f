"""Batches through a backbone: memory that runs full, dtypes, and how many images go through at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from algokit.backbones import CATALOGUE, Backbone, BackboneSpec
from algokit.backbones.tiny_backbone import TinyBackbone
from algokit.pipeline.batch_size import fastest_batch
from algokit.pipeline.forward import Forward
from algokit.recipe.plan import Space, Step

GRID = {"kind": "adaptive_max", "grid": 2}


class SmallDevice(TinyBackbone):
    """A device whose memory has room for three images."""

    seen: list[int]

    def activations(self, images: torch.Tensor, layers: Sequence[str]) -> dict[str, torch.Tensor]:
        self.seen = [*getattr(self, "seen", []), len(images)]
        if len(images) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().activations(images, layers)


def tiny() -> Any:
    return TypeAdapter(BackboneSpec).validate_python({"kind": "tiny"})


def forward(backbone: Backbone, dtype: str = "float32", **more: Any) -> Forward:
    layer = backbone.card.layer("conv")
    spaces = [Space(name="conv@max2", layer=layer, pooling=GRID, n_features=32)]
    step = Step(
        id="features/tiny/subj01/conv@max2",
        kind="features",
        key="0",
        member="tiny",
        subject="subj01",
        inputs=(),
        params={"dtype": dtype, **more},
        shape=(10, 32),
        out_bytes=0,
        flops=0,
        memory_bytes=0,
    )
    return Forward(backbone, spaces, [step], "cpu")


def pictures(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3), dtype=np.uint8)


def test_a_device_that_runs_full_gets_half_as_many_images_from_then_on_and_says_so() -> None:
    small, plain = SmallDevice(tiny(), "cpu"), forward(CATALOGUE.load("tiny").load(tiny(), "cpu"))
    halving = forward(small)
    for _ in range(2):
        np.testing.assert_allclose(halving(pictures(10))[0], plain(pictures(10))[0], rtol=1e-5, atol=1e-6)
    assert small.seen == [10, 5, 3, 3, 3, 1, 3, 3, 3, 1]
    assert "3 images per pass" in halving.note
    assert plain.note == ""


def test_a_device_without_room_for_one_image_is_out_of_memory() -> None:
    class NoDevice(TinyBackbone):
        def activations(self, images: torch.Tensor, layers: Sequence[str]) -> dict[str, torch.Tensor]:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        forward(NoDevice(tiny(), "cpu"))(pictures(4))


def test_half_precision_is_the_rounding_of_single_precision() -> None:
    backbone = CATALOGUE.load("tiny").load(tiny(), "cpu")
    (full,), (half,) = (forward(backbone, dtype)(pictures(5)) for dtype in ("float32", "float16"))
    assert (full.dtype, half.dtype) == (np.float32, np.float16)
    np.testing.assert_array_equal(half, full.astype(np.float16))


def test_autocast_computes_in_the_dtype_the_recipe_asks_for() -> None:
    backbone = CATALOGUE.load("tiny").load(tiny(), "cpu")
    (full,), (cast,) = forward(backbone)(pictures(5)), forward(backbone, autocast="bfloat16")(pictures(5))
    assert cast.dtype == np.float32
    assert not np.array_equal(full, cast)
    np.testing.assert_allclose(full, cast, atol=0.05 * np.abs(full).max())
    assert (cast == torch.from_numpy(cast).bfloat16().float().numpy()).all()


@pytest.mark.parametrize(
    ("call_s", "image_s", "room", "expected"),
    [
        (0.02, 0.0001, 512, 512),  # 256 to 512 images: a fourth faster
        (0.02, 0.001, 512, 256),  # 256 to 512 images: a 26th faster
        (0.02, 0.0, 20, 16),
        (0.0, 0.002, 512, 8),
    ],
)
def test_the_batch_grows_while_that_is_faster_and_there_is_memory(
    call_s: float, image_s: float, room: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def pass_of(images: np.ndarray) -> None:
        nonlocal now
        if len(images) > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        now += call_s + image_s * len(images)

    monkeypatch.setattr("time.perf_counter", lambda: now)
    assert fastest_batch(pass_of, 16) == expected
