"""Rounding away the low bits of float32 predictions, so that deflate has less to keep."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.submission_check import flat_columns
from algokit.challenge.untrusted_npy import as_float32

MANTISSA_BITS = 23
MOST_BITS = 20  # three bits are left: beyond that it is no rounding any more
DEFAULT_BITS = 8  # the lowest byte becomes 0: 237 instead of 295 MB, for a relative error of at most 2 ** -16


def round_mantissa(values: NDArray[Any], n_bits: int) -> NDArray[np.float32]:
    """Round every value to the nearest one whose lowest ``n_bits`` mantissa bits are 0; of two, to the even one.

    NaN and infinities stay as they are, and a finite value never becomes infinite: where rounding up would, it is
    rounded down. Subnormal numbers are rounded to the same bits, perhaps to 0; signs are kept.

    Parameters
    ----------
    values : floats of any shape; taken as float32.
    n_bits : 1 to `MOST_BITS`.

    Returns
    -------
    float32 of the same shape, a new array.

    Raises
    ------
    ValueError : ``n_bits`` is out of range.
    """
    if not 1 <= n_bits <= MOST_BITS:
        raise ValueError(f"{n_bits} mantissa bits cannot be rounded away, only 1 to {MOST_BITS}")
    given = as_float32(values)
    bits = given.view(np.uint32)
    low = np.uint32((1 << n_bits) - 1)
    # Adding just under half a unit, and one more where the kept part is odd, carries exactly when rounding up is due;
    # a carry into the exponent is the right answer, for the next power of two follows the largest mantissa.
    odd = (bits >> np.uint32(n_bits)) & np.uint32(1)
    nearest = ((bits + (low >> np.uint32(1)) + odd) & ~low).view(np.float32)
    towards_zero = (bits & ~low).view(np.float32)
    finite = np.isfinite(given)
    return np.where(finite, np.where(np.isfinite(nearest), nearest, towards_zero), given)


def trimmed(values: NDArray[Any], n_bits: int) -> tuple[NDArray[np.float32], int]:
    """Predictions with rounded mantissas; a column that would become constant by it keeps the values it has.

    Parameters
    ----------
    values : (n_images, n_vertices).

    Returns
    -------
    The rounded predictions, and how many columns were left as they were.
    """
    given = as_float32(values)
    rounded = round_mantissa(given, n_bits)
    kept = flat_columns(rounded) & ~flat_columns(given)
    rounded[:, kept] = given[:, kept]
    return rounded, int(np.count_nonzero(kept))
