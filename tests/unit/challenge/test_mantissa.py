"""Rounding mantissas: bit by bit what integers say, and nothing else changes."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algokit.challenge.mantissa import MOST_BITS, round_mantissa, trimmed

SINGLE = np.float32
HALF_UNIT = SINGLE(2) ** -16  # of the last kept bit of 1.0, when 8 bits go


def bits_of(value: float) -> int:
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    return int(bits)


def float_of(bits: int) -> float:
    (value,) = struct.unpack("<f", struct.pack("<I", bits))
    return float(value)


def rounded_by_integers(bits: int, n_bits: int) -> int:
    """The rule in exact arithmetic: the nearer of the two neighbours, of equally near ones the even."""
    value = Fraction(float_of(bits & 0x7FFFFFFF))
    below = (bits & 0x7FFFFFFF) >> n_bits << n_bits
    above = below + (1 << n_bits)
    if above >= 0x7F800000:  # there is no finite number above
        return bits & 0x80000000 | below
    to_below, to_above = value - Fraction(float_of(below)), Fraction(float_of(above)) - value
    if to_below == to_above:
        chosen = below if below >> n_bits & 1 == 0 else above
    else:
        chosen = below if to_below < to_above else above
    return bits & 0x80000000 | chosen


@given(st.integers(0, 2**32 - 1), st.integers(1, MOST_BITS))
def test_every_bit_pattern_is_rounded_to_the_nearest_even_one(bits: int, n_bits: int) -> None:
    value = np.array([bits], dtype=np.uint32).view(np.float32)
    found = int(round_mantissa(value, n_bits).view(np.uint32)[0])
    expected = rounded_by_integers(bits, n_bits) if math.isfinite(float_of(bits)) else bits
    assert found == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SINGLE(1) + HALF_UNIT, SINGLE(1)),  # halfway: down to the even one
        (SINGLE(1) + 3 * HALF_UNIT, SINGLE(1) + 4 * HALF_UNIT),  # halfway: up to the even one
        (np.nextafter(SINGLE(2), SINGLE(0)), SINGLE(2)),  # the carry into the exponent
        (-np.nextafter(SINGLE(2), SINGLE(0)), SINGLE(-2)),
        (np.finfo(SINGLE).max, SINGLE(np.finfo(SINGLE).max) - (SINGLE(2) ** 112 - SINGLE(2) ** 104)),  # never to inf
        (np.finfo(SINGLE).smallest_subnormal, SINGLE(0)),
        (-np.finfo(SINGLE).smallest_subnormal, SINGLE(-0.0)),
        (SINGLE(-0.0), SINGLE(-0.0)),
        (SINGLE(np.inf), SINGLE(np.inf)),
    ],
)
def test_the_corners_of_eight_bits(value: np.float32, expected: np.float32) -> None:
    found = round_mantissa(np.array([value], SINGLE), 8)
    assert bits_of(float(found[0])) == bits_of(float(expected))


def test_not_a_number_keeps_its_very_bits() -> None:
    patterns = np.array([0x7F800001, 0x7FC00000, 0xFFFFFFFF, 0xFF8000FF], dtype=np.uint32)
    assert round_mantissa(patterns.view(np.float32), 20).view(np.uint32).tolist() == patterns.tolist()


def test_rounding_twice_is_rounding_once_and_what_was_given_stays() -> None:
    values = np.random.default_rng(0).standard_normal((20, 30)).astype(np.float32)
    before = values.copy()
    once = round_mantissa(values, 9)
    np.testing.assert_array_equal(round_mantissa(once, 9), once)
    np.testing.assert_array_equal(values, before)
    for other in (np.asfortranarray(values), values.astype(">f4"), values.astype(np.float64)):
        np.testing.assert_array_equal(round_mantissa(other, 9), once)


@pytest.mark.parametrize("n_bits", [0, -1, MOST_BITS + 1, 32])
def test_impossible_numbers_of_bits_are_refused(n_bits: int) -> None:
    with pytest.raises(ValueError, match="mantissa bits"):
        round_mantissa(np.ones(3, np.float32), n_bits)


def test_columns_keep_varying_and_constant_ones_are_no_exception_to_rounding() -> None:
    steps = np.arange(5, dtype=np.float32)[:, None]
    varying, flat, close = steps / 3, np.full((5, 1), 1 / 3, np.float32), 1 + steps * np.float32(2) ** -23
    given_values = np.hstack([varying, flat, close]).astype(np.float32)
    found, n_kept = trimmed(given_values, 8)
    assert n_kept == 1
    np.testing.assert_array_equal(found[:, 2], given_values[:, 2])
    assert not np.any(found[:, :2].view(np.uint32) & 0xFF)
