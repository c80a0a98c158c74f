"""What a step costs: bytes on disk, FLOPs and peak memory, from shapes alone.

Source: the terms are those of the algorithm in ``solvers`` (docs/architecture.md, *The fit*); constants are the
usual leading-order counts (Golub & Van Loan): about 14 n d^2 for an SVD of few features, n^2 d for a symmetric Gram
matrix, 4/3 n^3 for an inverse by halves. Alphas that are interpolated are counted as solved: work is at most that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from algokit.backbones import BackboneCard, LayerInfo
from algokit.readouts import BandedRidgeSpec, PcaOlsSpec, PrunedSearch, ReadoutSpec, RidgeSpec
from algokit.recipe.schema import EnsembleSpec, Val
from algokit.reductions import ReductionSpec, SparseProjectionSpec
from algokit.solvers.memory import MATRIX_BYTES, WIDE_BYTES, SearchSizes, default_blocks, peak_bytes
from algokit.types import SubjectGeometry

BATCH = 32  # images that go through a backbone at once, where a run is not told otherwise
CPU_PASSES = 2  # that many forward passes share them on a CPU
# Activations as large as the largest layer that live at once inside of a block, beside the layers that are kept.
# Counted on passes without arithmetic: 10 to 24 in transformers, 1 to 11 in convolutional networks.
_WORK_TOKENS, _WORK_MAP = 16, 8
_PCA_BLOCK = 4096
_REDUCTION_COLUMNS = 4096
_STACKING_BLOCK_BYTES = 3 * 64 * 2**20  # a block of predictions, as read, turned and centred


class Cost(TypedDict):
    """``flops`` counts a multiply-add as two; ``memory_bytes`` is the peak beyond memory-mapped inputs."""

    out_bytes: int
    flops: float
    memory_bytes: int


@dataclass(frozen=True)
class DeviceMemory:
    """What a forward pass holds on the device, in float32: the network, and so much for every image of a batch."""

    network_bytes: int
    image_bytes: int

    def of_batch(self, n_images: int) -> int:
        """Bytes of a pass of so many images at once."""
        return self.network_bytes + n_images * self.image_bytes


def device_memory(card: BackboneCard, layers: Iterable[LayerInfo], n_features: int) -> DeviceMemory:
    """Of a pass that gives these layers at once: the input, every layer kept, the features, and what a block works in.

    Parameters
    ----------
    layers : those of the member's feature spaces, each once.
    n_features : of all these spaces together.
    """
    kept = sum(_activation_size(layer) for layer in layers)
    work = max((_work_size(layer) for layer in card.layers), default=0)
    return DeviceMemory(4 * card.n_parameters, 4 * (3 * card.preprocess.size_px**2 + kept + work + n_features))


def features_cost(
    card: BackboneCard, n_features: int, subject: SubjectGeometry, dtype: str, n_spaces: int, device: DeviceMemory
) -> Cost:
    """One feature space of one subject; the forward pass, and its memory, is shared by the member's ``n_spaces``."""
    n_images = subject.n_train + subject.n_test
    return Cost(
        out_bytes=n_images * n_features * (2 if dtype == "float16" else 4),
        flops=card.flops_per_image * n_images / n_spaces,
        memory_bytes=device.of_batch(BATCH),
    )


def reduction_cost(reduction: ReductionSpec, n_images: int, n_features: int, n_columns: int, n_train: int) -> Cost:
    """One feature space of one subject: inner products with the training rows and their eigenvectors, or a product."""
    out_bytes = 4 * n_images * n_columns
    if isinstance(reduction, SparseProjectionSpec):
        return Cost(
            out_bytes=out_bytes, flops=2.0 * n_images * n_columns * math.sqrt(n_features), memory_bytes=2 * out_bytes
        )
    products = 2.0 * n_images * n_train * (n_features + n_columns)
    memory_bytes = 8 * (2 * n_images * n_train + 3 * n_train**2) + 16 * n_images * _REDUCTION_COLUMNS
    return Cost(out_bytes=out_bytes, flops=products + 9.0 * n_train**3, memory_bytes=memory_bytes)


def _work_size(layer: LayerInfo) -> int:
    return (_WORK_TOKENS if layer.n_tokens else _WORK_MAP) * _activation_size(layer)


def _activation_size(layer: LayerInfo) -> int:
    if layer.layout == "map":
        return layer.channels * layer.height * layer.width
    return layer.channels * max(layer.n_tokens, 1)


def fit_cost(
    n_features: Sequence[int], subject: SubjectGeometry, readout: ReadoutSpec, val: Val | None, *, out_of_fold: bool
) -> Cost:
    """All feature spaces (of the given widths) of one member and subject, both hemispheres together.

    Out-of-fold predictions go to disk, and for the length of the fit lie there twice.
    """
    n_val = val_rows(subject.n_train, val)
    n_targets = sum(subject.n_vertices.values())
    n_predictions = n_targets * (subject.n_test + n_val)
    if isinstance(readout, PcaOlsSpec):
        flops, memory_bytes = _pca_ols(n_features, subject.n_train, n_targets, readout)
        memory_bytes += 4 * n_predictions
    elif isinstance(readout, BandedRidgeSpec):
        flops, memory_bytes = _banded(n_features, subject.n_train, n_val, n_targets, readout)
        memory_bytes += 4 * n_predictions
    else:
        sizes = search_sizes(n_features, subject, readout, val)
        flops, memory_bytes = _ridge(n_features, sizes, readout)
    n_records = 20 + (8 * len(n_features) if isinstance(readout, BandedRidgeSpec) else 0)
    out_bytes = 4 * n_predictions + n_records * n_targets
    if out_of_fold:
        out_bytes += 4 * n_targets * subject.n_train
        flops += 2.0 * (subject.n_train - n_val) ** 2 * n_targets
    return Cost(out_bytes=out_bytes, flops=flops, memory_bytes=memory_bytes)


def curve_cost(
    n_features: Sequence[int],
    subject: SubjectGeometry,
    readout: RidgeSpec,
    sizes: Sequence[int],
    n_draws: int,
    n_pool: int,
    n_scored: int,
) -> Cost:
    """Learning curves of one subject over feature spaces of these widths: a Gram matrix of the pool, shared by all.

    Parameters
    ----------
    sizes : numbers of images, ascending.
    n_pool : images that any draw uses.
    n_scored : images that are predicted.
    """
    n_targets = sum(subject.n_vertices.values())
    widest = SearchSizes(
        n_fit=sizes[-1],
        n_val=0,
        n_test=n_scored,
        n_features=max(n_features),
        n_targets=n_targets,
        n_folds=readout.folds.n,
        n_alphas=len(readout.alpha_values()),
    )
    flops = sum(1.25 * n_pool**2 * width for width in n_features if width >= sizes[0])
    for size in sizes:
        own = _search_flops(n_features, replace(widest, n_fit=size), "kfold")
        flops += n_draws * (own - sum(1.25 * size**2 * width for width in n_features if width >= size))
    held = n_draws * draw_bytes(n_targets, sizes, n_scored)
    products = 16 * n_pool * (n_pool + n_scored) + 4 * max(n_features) * (n_pool + n_scored)
    memory_bytes = held + products + peak_bytes(widest, default_blocks("cpu", sizes[-1]))
    return Cost(out_bytes=n_draws * len(sizes) * n_targets * 30, flops=flops, memory_bytes=memory_bytes)


def draw_bytes(n_targets: int, sizes: Sequence[int], n_scored: int) -> int:
    """What one draw of a learning curve holds to its end: its responses, and predictions at every size."""
    return 4 * n_targets * (sizes[-1] + len(sizes) * n_scored)


def ensemble_cost(n_members: int, subject: SubjectGeometry, ensemble: EnsembleSpec, val: Val | None) -> Cost:
    """All members of one subject joined, both hemispheres."""
    n_val = val_rows(subject.n_train, val)
    n_targets = sum(subject.n_vertices.values())
    n_values = (subject.n_test + n_val) * n_targets
    cost = Cost(out_bytes=4 * n_values, flops=float(n_members * n_values), memory_bytes=12 * n_values)
    if ensemble.needs_out_of_fold:
        cost["out_bytes"] += 4 * n_members * n_targets
        cost["flops"] += 2.0 * (subject.n_train - n_val) * (n_members + 1) ** 2 * n_targets
        cost["memory_bytes"] += _STACKING_BLOCK_BYTES
    return cost


def val_rows(n_train: int, val: Val | None) -> int:
    """How many training rows the recipe holds out."""
    return 0 if val is None else max(1, round(val.fraction * n_train))


def search_sizes(
    n_features: Sequence[int], subject: SubjectGeometry, readout: RidgeSpec, val: Val | None
) -> SearchSizes:
    """Sizes of the ridge search over feature spaces of these widths."""
    n_val = val_rows(subject.n_train, val)
    return SearchSizes(
        n_fit=subject.n_train - n_val,
        n_val=n_val,
        n_test=subject.n_test,
        n_features=max(n_features),
        n_targets=sum(subject.n_vertices.values()),
        n_folds=readout.folds.n,
        n_alphas=len(readout.alpha_values()),
    )


def _ridge(n_features: Sequence[int], sizes: SearchSizes, readout: RidgeSpec) -> tuple[float, int]:
    """A pruned search is costed as if nothing were pruned: how much is, nobody knows before."""
    flops = _search_flops(n_features, sizes, readout.selection)
    if isinstance(readout.search, PrunedSearch):
        drawn = replace(sizes, n_targets=min(sizes.n_targets, readout.search.n_vertices))
        flops += _search_flops(n_features, drawn, readout.selection)
    return flops, peak_bytes(sizes, default_blocks("cpu", sizes.n_fit + sizes.n_val))


def _search_flops(n_features: Sequence[int], sizes: SearchSizes, selection: str) -> float:
    n = sizes.n_fit + sizes.n_val
    fold = sizes.n_fit / sizes.n_folds
    flops = 0.0
    for width in n_features:
        rank = min(n, width)
        if selection != "kfold":
            flops += 2.0 * n * width * rank + (18.0 if sizes.n_val else 9.0) * rank**3
            flops += 2.0 * (1 + sizes.n_alphas) * sizes.n_fit * rank * sizes.n_targets
            continue
        if width < n:
            flops += 14.0 * n * width**2
            operators = sizes.n_folds * (2.0 * width**3 / 3 + 2.0 * fold * width**2)
            inner = min(width, sizes.n_fit - fold)
        else:
            flops += 1.25 * n**2 * width
            operators = 4.0 / 3 * n**3 + 2.0 * n**2 * fold
            inner = sizes.n_fit - fold
        flops += sizes.n_alphas * (operators + 2.0 * sizes.n_fit * inner * sizes.n_targets)
    return flops


def _banded(
    n_features: Sequence[int], n: int, n_val: int, n_targets: int, readout: BandedRidgeSpec
) -> tuple[float, int]:
    """An eigendecomposition per mix and fold, and per mix chosen; kernels are held three times."""
    n_bands, n_fit, n_folds = len(n_features), n - n_val, readout.folds.n
    n_mixes = 1 if n_bands == 1 else 1 + n_bands + readout.n_iter
    n_kept = n_fit - n_fit / n_folds
    flops = 2.0 * n * n * sum(n_features) + n_mixes * (n_folds * 9.0 * n_kept**3 + 9.0 * n_fit**3 + 9.0 * n**3)
    flops += n_mixes * len(readout.alpha_values()) * 2.0 * n_fit * n_kept * (n_kept + n_targets)
    wide = min(WIDE_BYTES, 8 * n_fit * n_targets)
    return flops, 8 * n * n * (3 * n_bands + 4) + MATRIX_BYTES + 3 * wide


def _pca_ols(n_features: Sequence[int], n: int, n_targets: int, readout: PcaOlsSpec) -> tuple[float, int]:
    total = sum(n_features)
    flops = 4.0 * n * total * min(n, total) + 4.0 * n * readout.n_components * n_targets
    return flops, 12 * n * total + 8 * n * _PCA_BLOCK
