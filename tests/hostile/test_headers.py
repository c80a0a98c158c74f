"""A header that cannot be used is refused with the very thing that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from contents import BODY, header, left_bytes, literal, long_header
from small_submission import check, write_folder


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (header("(-1, 950)"), "a negative size in its shape"),
        (header("(40.0, 950)"), "shape is not valid: (40.0, 950)"),
        (header("40"), "shape is not valid: 40"),
        (header("((40, 950),)"), "shape is not valid: ((40, 950),)"),
        (header(f"({1 << 80}, 2)"), "a size in its shape that is beyond any array's"),
        (header("(7, 11)", version=b"\x03\x00"), "npy format 3.0, which plain numbers never need"),
        (header("(7, 11)", "'<q99'"), "descr is not a valid dtype descriptor: '<q99'"),
        (header("(7, 11)", order="3"), "fortran_order is not a valid bool: 3"),
        (literal("[]"), "Header is not a dictionary: []"),
        (header("__import__('os')"), "a header that is no plain dictionary of shape, dtype and order"),
        (header("-" * 9000 + "1"), "a header that is no plain dictionary of shape, dtype and order"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f", "a header that is cut short, or longer than 16384 bytes"),
        (long_header(), "a header far longer than any that NumPy writes"),
        (BODY[:7], "EOF: reading magic string, expected 8 bytes got 7"),
    ],
)
def test_a_header_is_refused_with_what_is_wrong_with_it(tmp_path: Path, head: bytes, found: str) -> None:
    (finding,) = check(write_folder(tmp_path, left_bytes(head)))
    assert (finding.code, finding.what, finding.found) == ("not-npy", "a broken .npy header", found)
    assert "pickle" not in str(finding)
