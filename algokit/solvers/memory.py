"""How much memory a ridge search takes, from its sizes alone, and the blocks with which it fits what is free.

Peak beyond memory-mapped inputs, in bytes, with n training rows, d features, a block of b targets, q operators a fold:

    results     v (4 (n_val + n_test + A) + folds + 40)
    columns     three blocks of features being centred, at most `COLUMN_BLOCK_BYTES` each
    space       d >= n: 100 n^2 + 4 n n_test where float64 and its eigenvectors are needed (in float32 a quarter of it);
                d < n: 40 n d + 24 d^2
    operators   5/4 of those applied at once, and those of the refit that are remembered, at most `OPERATOR_BYTES`
    leading     d >= n: 16 n m (folds + 1), of m columns that leading eigenvectors are found in
    block       4 b (n + n_fit + 2 width + 2 q n_fold + q^2 + m (folds + 3 A))
    slices      where the processor multiplies int8 in tiles: as many bytes as the operators, 12 n_fold width for one
                being cut, b (4 q n_fold + 14 width), and `TILE_CODE_BYTES` of code that is made for the tiles

The terms in n^2 and d n are upper bounds: `tests/unit/solvers/test_memory.py` holds them against runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from algokit.errors import MemoryShortageError
from algokit.readouts import Blocks
from algokit.solvers.processor import may_have_int8_tiles
from algokit.types import Finding

MEBIBYTE = 2**20
COLUMN_BLOCK_BYTES = 64 * MEBIBYTE
OPERATOR_BYTES = 256 * MEBIBYTE
BLOCK_BYTES = 64 * MEBIBYTE
BLOCK_TARGETS = {"cpu": 960, "cuda": 8192}  # more, and what is made of a block no longer stays in the CPU's caches
WIDE_BYTES = 1024 * MEBIBYTE  # banded: of float64 targets at a time, as every batch repeats the eigendecompositions
MATRIX_BYTES = 512 * MEBIBYTE  # banded: of the operators of some alphas
TILE_CODE_BYTES = 16 * MEBIBYTE
USABLE = 0.9  # of what is free
USUAL_SOLVED = 16
N_BASIS = 112  # columns in which leading eigenvectors are found, see `algokit.solvers.leading`


@dataclass(frozen=True)
class SearchSizes:
    """What decides the memory of a search; ``n_features`` is that of the widest space."""

    n_fit: int
    n_val: int
    n_test: int
    n_features: int
    n_targets: int
    n_folds: int
    n_alphas: int


def default_blocks(device: str, n_rows: int) -> Blocks:
    """Blocks that keep the processor busy, where memory is no matter."""
    fitting = min(BLOCK_TARGETS[device.partition(":")[0]], BLOCK_BYTES // (4 * n_rows))
    return Blocks(max(1, fitting), OPERATOR_BYTES)


def peak_bytes(sizes: SearchSizes, blocks: Blocks) -> int:
    """Largest memory beyond memory-mapped inputs."""
    n, d = sizes.n_fit + sizes.n_val, sizes.n_features
    results = sizes.n_targets * (4 * (sizes.n_val + sizes.n_test + sizes.n_alphas) + sizes.n_folds + 40)
    columns = 3 * min(COLUMN_BLOCK_BYTES, 8 * d * (n + sizes.n_test))
    space = 100 * n * n + 4 * n * sizes.n_test if d >= n else 40 * n * d + 24 * d * d
    remembered = min(OPERATOR_BYTES, 4 * n * sizes.n_test * min(sizes.n_alphas, USUAL_SOLVED)) if d >= n else 0
    operators = _operator_bytes(sizes, blocks) * 5 // 4 + remembered
    leading = 16 * n * N_BASIS * (sizes.n_folds + 1) if d >= n else 0
    block = min(blocks.targets, sizes.n_targets) * _bytes_per_target(sizes)
    slices = _slice_bytes(sizes, blocks) if may_have_int8_tiles() else 0
    return results + columns + space + operators + leading + block + slices


def fitting_blocks(sizes: SearchSizes, free_bytes: int, device: str, asked: int | None = None) -> Blocks:
    """The default blocks, or smaller ones that fit.

    Parameters
    ----------
    asked : targets per block that the user wants; never replaced.

    Raises
    ------
    MemoryShortageError : nothing fits, or not what was asked for; it says which block would.
    """
    budget = int(USABLE * free_bytes)
    default = default_blocks(device, sizes.n_fit + sizes.n_val)
    smallest = replace(default, operator_bytes=4 * _numbers_per_alpha(sizes))
    for candidate in _ever_smaller(default, smallest, asked):
        if peak_bytes(sizes, candidate) <= budget:
            return candidate
    raise _shortage(sizes, budget, default, smallest, asked)


def _ever_smaller(default: Blocks, smallest: Blocks, asked: int | None) -> list[Blocks]:
    """Blocks to try in turn: first fewer operators at once, then fewer targets."""
    first = replace(default, targets=asked or default.targets)
    found = [first]
    while found[-1].operator_bytes > smallest.operator_bytes:
        found.append(replace(first, operator_bytes=max(smallest.operator_bytes, found[-1].operator_bytes // 2)))
    while asked is None and found[-1].targets > 1:
        found.append(replace(found[-1], targets=found[-1].targets // 2))
    return found


def _shortage(
    sizes: SearchSizes, budget: int, default: Blocks, smallest: Blocks, asked: int | None
) -> MemoryShortageError:
    fitting = [one for one in _ever_smaller(default, smallest, None) if peak_bytes(sizes, one) <= budget]
    needed = peak_bytes(sizes, replace(smallest, targets=asked or 1))
    finding = Finding(
        "a ridge search does not fit into memory",
        path=f"{sizes.n_fit + sizes.n_val} training images, {sizes.n_features} features, {sizes.n_targets} vertices",
        expected=f"{needed / 1e9:.2f} GB" + (f" for blocks of {asked} vertices" if asked else ""),
        found=f"{budget / 1e9:.2f} GB ({USABLE:.0%} of what is free)",
        advice=f"take --block-vertices {fitting[0].targets}"
        if fitting
        else "free memory, take a larger machine, or hold fewer features (coarser poolings)",
        code="memory-short",
    )
    return MemoryShortageError("there is too little memory for this plan", [finding])


def _numbers_per_alpha(sizes: SearchSizes) -> int:
    return sizes.n_fit * _width(sizes)


def _operator_bytes(sizes: SearchSizes, blocks: Blocks) -> int:
    every = 4 * _numbers_per_alpha(sizes) * sizes.n_alphas
    return min(every, max(blocks.operator_bytes, 4 * _numbers_per_alpha(sizes)))


def _slice_bytes(sizes: SearchSizes, blocks: Blocks) -> int:
    n_fold, width = math.ceil(sizes.n_fit / sizes.n_folds), _width(sizes)
    operators = _operator_bytes(sizes, blocks) + 12 * n_fold * width
    per_target = 4 * min(sizes.n_alphas, USUAL_SOLVED) * n_fold + 14 * width
    return operators + min(blocks.targets, sizes.n_targets) * per_target + TILE_CODE_BYTES


def _bytes_per_target(sizes: SearchSizes) -> int:
    n_fold, solved = math.ceil(sizes.n_fit / sizes.n_folds), min(sizes.n_alphas, USUAL_SOLVED)
    along = N_BASIS * (sizes.n_folds + 3 * sizes.n_alphas) if sizes.n_features >= sizes.n_fit else 0
    return 4 * (2 * sizes.n_fit + sizes.n_val + 2 * _width(sizes) + 2 * solved * n_fold + solved**2 + along)


def _width(sizes: SearchSizes) -> int:
    return min(sizes.n_features, sizes.n_fit - sizes.n_fit // sizes.n_folds)
