"""What a step costs: bytes on disk, FLOPs and peak memory, from shapes alone.

Source: the terms are those of the algorithm in ``solvers`` (docs/architecture.md, *The fit*); constants are the
usual leading-order counts (Golub & Van Loan): 2nd for a Gram, about 9n^3 for an eigendecomposition with vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from algokit.backbones import BackboneCard, LayerInfo
from algokit.readouts import PcaOlsSpec, PrunedSearch, ReadoutSpec, RidgeSpec
from algokit.recipe.schema import Val
from algokit.types import SubjectGeometry

_BATCH = 32
_VERTEX_BLOCK = 4096


class Cost(TypedDict):
    """``flops`` counts a multiply-add as two; ``memory_bytes`` is the peak beyond memory-mapped inputs."""

    out_bytes: int
    flops: float
    memory_bytes: int


def features_cost(
    card: BackboneCard, layer: LayerInfo, n_features: int, subject: SubjectGeometry, dtype: str, n_spaces: int
) -> Cost:
    """One feature space of one subject; the forward pass is shared by the member's ``n_spaces`` spaces."""
    n_images = subject.n_train + subject.n_test
    input_bytes = 3 * 4 * card.preprocess.size_px**2
    return Cost(
        out_bytes=n_images * n_features * (2 if dtype == "float16" else 4),
        flops=card.flops_per_image * n_images / n_spaces,
        memory_bytes=4 * card.n_parameters + _BATCH * (input_bytes + 4 * _activation_size(layer) + 4 * n_features),
    )


def _activation_size(layer: LayerInfo) -> int:
    if layer.layout == "map":
        return layer.channels * layer.height * layer.width
    return layer.channels * max(layer.n_tokens, 1)


def fit_cost(n_features: Sequence[int], subject: SubjectGeometry, readout: ReadoutSpec, val: Val | None) -> Cost:
    """All feature spaces (of the given widths) of one member and subject, both hemispheres together."""
    n_val = val_rows(subject.n_train, val)
    n_targets = sum(subject.n_vertices.values())
    n_predictions = n_targets * (subject.n_test + n_val)
    if isinstance(readout, PcaOlsSpec):
        flops, memory_bytes = _pca_ols(n_features, subject.n_train, n_targets, readout)
    else:
        flops, memory_bytes = _ridge(n_features, subject.n_train, n_val, n_targets, readout)
    memory_bytes += 4 * n_predictions
    return Cost(out_bytes=4 * n_predictions + 20 * n_targets, flops=flops, memory_bytes=memory_bytes)


def val_rows(n_train: int, val: Val | None) -> int:
    """How many training rows the recipe holds out."""
    return 0 if val is None else max(1, round(val.fraction * n_train))


def _ridge(n_features: Sequence[int], n: int, n_val: int, n_targets: int, readout: RidgeSpec) -> tuple[float, int]:
    """A pruned search is costed as if nothing were pruned: how much is, nobody knows before."""
    flops = _search_flops(n_features, n, n_val, n_targets, readout)
    if isinstance(readout.search, PrunedSearch):
        flops += _search_flops(n_features, n, n_val, min(n_targets, readout.search.n_vertices), readout)
    widest = max(n_features)
    operators = 8 * n * n * 3 + 4 * len(readout.alpha_values()) * n * n + 8 * n * min(widest, n)
    return flops, operators + 4 * _VERTEX_BLOCK * n * 3 + 4 * n * widest


def _search_flops(n_features: Sequence[int], n: int, n_val: int, n_targets: int, readout: RidgeSpec) -> float:
    n_alphas, n_folds = len(readout.alpha_values()), readout.folds.n
    left_out = n_val + (n - n_val) / n_folds
    flops = 0.0
    for width in n_features:
        rank = min(n, width)
        flops += 2.0 * n * width * rank + 9.0 * rank**3
        flops += n_alphas * n_folds * (2.0 * left_out**3 + 2.0 * left_out**2 * n + 2.0 * left_out * rank * n)
        flops += 2.0 * n_alphas * (n - n_val) * rank * n_targets
    return flops


def _pca_ols(n_features: Sequence[int], n: int, n_targets: int, readout: PcaOlsSpec) -> tuple[float, int]:
    total = sum(n_features)
    flops = 4.0 * n * total * min(n, total) + 4.0 * n * readout.n_components * n_targets
    return flops, 12 * n * total + 8 * n * _VERTEX_BLOCK
