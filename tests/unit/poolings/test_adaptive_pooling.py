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
    assert adaptive_max(VALUES, MAP, spec(AdaptiveMaxSpec, 2)).tolist() == [[5, 7, 13, 15, 0, -2, -8, -10]]
    assert adaptive_mean(VALUES, MAP, spec(AdaptiveMeanSpec, 2)).tolist() == [
        [2.5, 4.5, 10.5, 12.5, -2.5, -4.5, -10.5, -12.5]
    ]


def test_grid_one_is_the_whole_map():
    assert adaptive_max(VALUES, MAP, spec(AdaptiveMaxSpec, 1)).tolist() == [[15, 0]]
    assert adaptive_mean(VALUES, MAP, spec(AdaptiveMeanSpec, 1)).tolist() == [[7.5, -7.5]]


@pytest.mark.parametrize("grid", [3, 6])
@pytest.mark.parametrize(
    ("cls", "pool", "over"), [(AdaptiveMaxSpec, adaptive_max, np.max), (AdaptiveMeanSpec, adaptive_mean, np.mean)]
)
def test_cells_run_from_the_floor_to_the_ceiling_of_their_share(grid, cls, pool, over):
    edges = [(i * 4 // grid, -(-(i + 1) * 4 // grid)) for i in range(grid)]
    expected = [[over(c[a:b, x:y]) for c in VALUES[0].numpy() for a, b in edges for x, y in edges]]
    np.testing.assert_allclose(pool(VALUES, MAP, spec(cls, grid)).numpy(), expected, rtol=1e-6)


def test_patch_tokens_are_laid_out_row_by_row_and_prefix_tokens_do_not_leak():
    prefix = torch.full((1, 2, 2), 1e6)
    tokens = torch.cat([prefix, VALUES.flatten(2).transpose(1, 2)], dim=1)
    for grid in (1, 2, 3, 4):
        assert torch.equal(
            adaptive_max(tokens, TOKENS, spec(AdaptiveMaxSpec, grid)),
            adaptive_max(VALUES, MAP, spec(AdaptiveMaxSpec, grid)),
        )
        assert torch.equal(
            adaptive_mean(tokens, TOKENS, spec(AdaptiveMeanSpec, grid)),
            adaptive_mean(VALUES, MAP, spec(AdaptiveMeanSpec, grid)),
        )


def test_a_list_of_grids_is_not_taken_for_height_and_width():
    with pytest.raises(TypeError, match="each"):
        adaptive_max(VALUES, MAP, spec(AdaptiveMaxSpec, (1, 2)))
