"""What shows only in the values of a prediction file: not finite, constant, repeated, out of any plausible range."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from algokit.types import Finding, Ints

Values = NDArray[np.float32]
# The responses of the challenge are z-scored betas from -9.62 to 14.35, and predictions vary less than what they
# predict. Seven times that is no longer a z-score: percent, raw betas (300 times percent) or a wrong unit. Below a
# millionth it is no z-score either. The score is blind to scale, so that it can only be a warning.
_PLAUSIBLE = 100.0
_TINY = 1e-6
_STEPS = 16  # different values that float32 can tell between a column's lowest and highest, at least
_SAMPLED_COLUMNS = 64
_LISTED_GROUPS = 5


def flat_columns(values: Values) -> NDArray[np.bool_]:
    """Columns that score 0 whatever the truth: constant, or with a value that is not finite; (n_vertices,) bool."""
    return _flat(*_extent(values))


def value_problems(values: Values) -> Iterator[Finding]:
    """Findings without their place, on an (n_images, n_vertices) array; its columns and rows are looked at once."""
    low, high = _extent(values)
    flat = _flat(low, high)
    if flat.any():
        yield from _flat_problems(values, flat)
    if flat.all():
        return
    varying = np.flatnonzero(~flat)
    yield from _range_problems(low[varying], high[varying], len(flat))
    yield from _repeated_rows(values, varying)
    yield from _repeated_column(values, varying)


def _extent(values: Values) -> tuple[Values, Values]:
    """Lowest and highest of every column; NaN where a column holds one."""
    with np.errstate(invalid="ignore"):
        return values.min(axis=0), values.max(axis=0)


def _flat(low: Values, high: Values) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        span = high.astype(np.float64) - low.astype(np.float64)
    flat: NDArray[np.bool_] = ~(np.isfinite(span) & (span > 0))
    return flat


def _flat_problems(values: Values, flat: NDArray[np.bool_]) -> Iterator[Finding]:
    suspects = values[:, flat]
    finite = np.isfinite(suspects)
    constant: NDArray[np.bool_] = np.logical_and.reduce(finite, axis=0)
    n_vertices, n_constant = values.shape[1], int(np.count_nonzero(constant))
    if not constant.all():
        row, column = np.unravel_index(int(np.argmin(finite)), finite.shape)
        n_bad = finite.size - np.count_nonzero(finite)
        vertex = np.flatnonzero(flat)[column]
        first = f"the first is {suspects[row, column]} at image {row}, vertex {vertex}"
        found = f"{n_bad} in {constant.size - n_constant} of {n_vertices} vertices; {first}"
        advice = "these vertices would score 0; predict them again"
        yield Finding("values that are not finite", found=found, advice=advice, code="not-finite")
    if n_constant == n_vertices:
        what = "constant over images at every vertex" if suspects.any() else "all zero"
        yield Finding(what, advice="nothing was predicted", code="all-constant")
    elif n_constant:
        n_zero = int(np.count_nonzero(~suspects[0, constant].astype(bool)))
        found = f"{n_constant} of {n_vertices} vertices" + f", {n_zero} of them zero" * bool(n_zero)
        yield Finding("constant over images", "", "", "", found, "they score 0", "warning", "constant-columns")


def _range_problems(low: Values, high: Values, n_vertices: int) -> Iterator[Finding]:
    """Columns that vary, but not as z-scored betas do."""
    highest = np.maximum(np.abs(low), np.abs(high))
    beyond = int(np.count_nonzero(highest > _PLAUSIBLE))
    expected = "about -10 to 15, as z-scored betas have"
    found = f"{low.min():.4g} to {high.max():.4g}"
    advice = "the score does not depend on scale; see that these are predictions, in the unit of the training responses"
    what = "values out of any plausible range"
    if beyond:
        found += f"; larger than {_PLAUSIBLE:.0f} at {beyond} of {n_vertices} vertices"
        yield Finding(what, "", "", expected, found, advice, "warning", "implausible-range")
    elif highest.max() < _TINY:
        yield Finding(what, "", "", expected, found, advice, "warning", "implausible-range")
    coarse = int(np.count_nonzero(high.astype(np.float64) - low < _STEPS * np.spacing(highest)))
    if coarse:
        what, found = "hardly varies beside its offset", f"{coarse} of {n_vertices} vertices"
        advice = "float32 keeps too few digits here, and rounding becomes the score; take the offset off first"
        expected = f"at least {_STEPS} steps of float32"
        yield Finding(what, "", "", expected, found, advice, "warning", "coarse-values")


def _repeated_rows(values: Values, varying: Ints) -> Iterator[Finding]:
    """Images with the very same prediction; only rows alike in a few columns are compared as a whole."""
    sample = varying[np.unique(np.linspace(0, len(varying) - 1, _SAMPLED_COLUMNS).astype(int))]
    alike = _grouped(values, range(len(values)), sample)
    groups = [group for rows in alike for group in _grouped(values, rows, slice(None))]
    if groups:
        shares = f"{sum(map(len, groups))} of {len(values)} images share theirs"
        listed = "; ".join(" = ".join(map(str, rows[:_LISTED_GROUPS])) for rows in groups[:_LISTED_GROUPS])
        cut = len(groups) > _LISTED_GROUPS or any(len(rows) > _LISTED_GROUPS for rows in groups[:_LISTED_GROUPS])
        found = f"{shares}: rows {listed}" + ", ..." * cut + " (counted from 0)"
        advice = "see that no image was read twice and none left out; rows follow test-0001, test-0002, ..."
        what = "the same prediction for different images"
        yield Finding(what, "", "", "", found, advice, "warning", "duplicate-rows")


def _repeated_column(values: Values, varying: Ints) -> Iterator[Finding]:
    """One column at more than half of all vertices: an axis that was broadcast. One per ROI is a legal readout."""
    alike, n_vertices = varying, values.shape[1]
    for row in values:
        if 2 * len(alike) <= n_vertices:
            return
        here = row[alike]  # a value that more than half of them have stands in the middle of them
        alike = alike[here == np.partition(here, len(here) // 2)[len(here) // 2]]
    if 2 * len(alike) > n_vertices:
        what, found = "the same prediction for most vertices", f"{len(alike)} of {n_vertices} vertices share one column"
        advice = f"see that no axis was broadcast; the first of them are {', '.join(map(str, alike[:3]))} (from 0)"
        yield Finding(what, "", "", "", found, advice, "warning", "duplicate-columns")


def _grouped(values: Values, rows: Iterable[int], columns: Ints | slice) -> list[list[int]]:
    """Those of the rows that have the same bytes in these columns as another one, together."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for row in rows:
        part = np.ascontiguousarray(values[row, columns])
        groups[hashlib.blake2b(part.data, digest_size=16).digest()].append(row)
    return [group for group in groups.values() if len(group) > 1]
