import numpy as np
import pytest
import torch

from algokit.backbones import LayerInfo
from algokit.poolings import AdaptiveMaxSpec, AdaptiveMeanSpec
from algokit.poolings.adaptive_pooling import adaptive_max, adaptive_mean

MAP = LayerInfo(name="m", layout="map", channels=2, height=4, width=4)
TOKENS = LayerInfo(name="t", layout="tokens", channels=2, height=4, width=4, n_prefix=2, n_tokens=18)
COUNT = torch.arange(16.0).reshape(1, 1, 4, 4)
VALUES = torch.cat([COUNT, -COUNT], dim=1)


def spec(cls, grid):
    return cls.model_validate({"kind": "adaptive_max" if cls is AdaptiveMaxSpec else "adaptive_mean", "grid": grid})


def test_two_by_two_cells_of_a_four_by_four_map():
    assert adaptive_max(VALUES, MAP, [spec(AdaptiveMaxSpec, 2)])[0].tolist() == [[5, 7, 13, 15, 0, -2, -8, -10]]
    assert adaptive_mean(VALUES, MAP, [spec(AdaptiveMeanSpec, 2)])[0].tolist() == [
        [2.5, 4.5, 10.5, 12.5, -2.5, -4.5, -10.5, -12.5]
    ]


def test_grid_one_is_the_whole_map():
    assert adaptive_max(VALUES, MAP, [spec(AdaptiveMaxSpec, 1)])[0].tolist() == [[15, 0]]
    assert adaptive_mean(VALUES, MAP, [spec(AdaptiveMeanSpec, 1)])[0].tolist() == [[7.5, -7.5]]


@pytest.mark.parametrize("grid", [3, 6])
@pytest.mark.parametrize(
    ("cls", "pool", "over"), [(AdaptiveMaxSpec, adaptive_max, np.max), (AdaptiveMeanSpec, adaptive_mean, np.mean)]
)
def test_cells_run_from_the_floor_to_the_ceiling_of_their_share(grid, cls, pool, over):
    edges = [(i * 4 // grid, -(-(i + 1) * 4 // grid)) for i in range(grid)]
    expected = [[over(c[a:b, x:y]) for c in VALUES[0].numpy() for a, b in edges for x, y in edges]]
    np.testing.assert_allclose(pool(VALUES, MAP, [spec(cls, grid)])[0].numpy(), expected, rtol=1e-6)


def test_patch_tokens_are_laid_out_row_by_row_and_prefix_tokens_do_not_leak():
    prefix = torch.full((1, 2, 2), 1e6)
    tokens = torch.cat([prefix, VALUES.flatten(2).transpose(1, 2)], dim=1)
    for grid in (1, 2, 3, 4):
        assert torch.equal(
            adaptive_max(tokens, TOKENS, [spec(AdaptiveMaxSpec, grid)])[0],
            adaptive_max(VALUES, MAP, [spec(AdaptiveMaxSpec, grid)])[0],
        )
        assert torch.equal(
            adaptive_mean(tokens, TOKENS, [spec(AdaptiveMeanSpec, grid)])[0],
            adaptive_mean(VALUES, MAP, [spec(AdaptiveMeanSpec, grid)])[0],
        )


def test_a_list_of_grids_is_not_taken_for_height_and_width():
    with pytest.raises(TypeError, match="each"):
        adaptive_max(VALUES, MAP, [spec(AdaptiveMaxSpec, (1, 2))])


@pytest.mark.parametrize("side", [3, 7, 14, 16])
@pytest.mark.parametrize("layout", ["map", "tokens", "channels last"])
def test_many_grids_at_once_are_exactly_the_ones_torch_gives_one_by_one(side, layout):
    values = torch.randn(3, 5, side, side, generator=torch.Generator().manual_seed(side))
    values[0, 1] = values[1, 2, 0, :] = -torch.inf
    layer = LayerInfo(name="m", layout="map", channels=5, height=side, width=side)
    given = values.contiguous(memory_format=torch.channels_last) if layout == "channels last" else values
    if layout == "tokens":
        layer = layer.model_copy(update={"layout": "tokens", "n_prefix": 1, "n_tokens": 1 + side**2})
        given = torch.cat([torch.full((3, 1, 5), 9.0), values.flatten(2).transpose(1, 2)], dim=1)
    grids = (2, 6, 1, 8, 3, 5, 4, 16)
    together = adaptive_max(given, layer, [spec(AdaptiveMaxSpec, grid) for grid in grids])
    for grid, found in zip(grids, together, strict=True):
        assert torch.equal(found, torch.nn.functional.adaptive_max_pool2d(values, grid).flatten(1))
        assert torch.equal(found, adaptive_max(given, layer, [spec(AdaptiveMaxSpec, grid)])[0])
    means = adaptive_mean(given, layer, [spec(AdaptiveMeanSpec, grid) for grid in grids])
    for grid, found in zip(grids, means, strict=True):
        assert torch.equal(found, adaptive_mean(given, layer, [spec(AdaptiveMeanSpec, grid)])[0])
        expected = torch.nn.functional.adaptive_avg_pool2d(values, grid).flatten(1)
        torch.testing.assert_close(found, expected)
