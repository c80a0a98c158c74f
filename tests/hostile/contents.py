"""Hostile and merely wrong files: submissions as names and bytes, and everything that is to be found in each."""

from __future__ import annotations

import io
import pickle
import struct

import numpy as np
from small_submission import LEFT, RIGHT, Files, good, npy, values, with_left

Expected = list[tuple[str, str]]  # (code, path) of every finding, in order

BODY = npy(values())
RAW = values().tobytes()


def without(*names: str) -> Files:
    return {name: content for name, content in good().items() if name not in names}


def renamed(old: str, new: str) -> Files:
    return {name.replace(old, new): content for name, content in good().items()}


def left_bytes(content: bytes) -> Files:
    """Good but for the bytes of the first file."""
    return {**good(), LEFT: content}


def spoilt(row: object, column: object, value: float) -> np.ndarray:
    array = values()
    array[row, column] = value  # type: ignore[index]
    return array


def header(shape: str, dtype: str = "'<f4'", order: str = "False", version: bytes = b"\x01\x00") -> bytes:
    """A header that says whatever it is told to."""
    return literal(f"{{'descr': {dtype}, 'fortran_order': {order}, 'shape': {shape}, }}", version)


def literal(text: str, version: bytes = b"\x01\x00") -> bytes:
    """Any text where the header's dictionary should be."""
    size = struct.pack("<H" if version[0] == 1 else "<I", len(text) + 1)
    return b"\x93NUMPY" + version + size + text.encode() + b"\n"


def long_header() -> bytes:
    """An honest header, but for 12 000 spaces."""
    return literal("{'descr': '<f4', 'fortran_order': False, 'shape': (7, 11)" + 12_000 * " " + "}")


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, values())
    return stream.getvalue()


def constant_columns() -> np.ndarray:
    array = values()
    array[:, [2, 5]] = 0.1
    return array


def repeated_rows() -> np.ndarray:
    array = values()
    array[[4, 6]] = array[1]
    return array


_NOT_NPY: Expected = [("not-npy", LEFT)]

NAMES: dict[str, tuple[Files, Expected]] = {
    "one file missing": (without(LEFT), [("missing-file", LEFT)]),
    "one subject missing": (without(LEFT, RIGHT), [("missing-subject", "subj01")]),
    "a subject too many": ({**good(), "subj09/lh_pred_test.npy": BODY}, [("extra-subject", "subj09")]),
    "one folder too many": (renamed("subj", "best/subj"), [("extra-folder-level", "best/")]),
    "nothing": ({}, [("missing-subject", "subj01"), ("missing-subject", "subj06")]),
    "no subject folders": (
        {"lh_pred_test.npy": BODY},
        [
            ("missing-file", LEFT),
            ("missing-file", RIGHT),
            ("missing-file", "subj06/lh_pred_test.npy"),
            ("missing-file", "subj06/rh_pred_test.npy"),
            ("extra-file", "lh_pred_test.npy"),
        ],
    ),
    "wrong case of a folder": (
        renamed("subj01", "Subj01"),
        [("wrong-case", "Subj01/lh_pred_test.npy"), ("wrong-case", "Subj01/rh_pred_test.npy")],
    ),
    "wrong case of a file": (
        renamed("lh_pred", "LH_pred"),
        [("wrong-case", "subj01/LH_pred_test.npy"), ("wrong-case", "subj06/LH_pred_test.npy")],
    ),
    "a wrong name": (
        renamed(LEFT, "subj01/lh_test_pred.npy"),
        [("missing-file", LEFT), ("extra-file", "subj01/lh_test_pred.npy")],
    ),
    "a name ending in a space": (renamed(LEFT, LEFT + " "), [("missing-file", LEFT), ("extra-file", LEFT + " ")]),
    "two extensions": (renamed(LEFT, LEFT + ".txt"), [("missing-file", LEFT), ("extra-file", LEFT + ".txt")]),
    "predictions of another split": (
        renamed(LEFT, "subj01/lh_pred_val.npy"),
        [("missing-file", LEFT), ("extra-file", "subj01/lh_pred_val.npy")],
    ),
    "a subject's number without its zero": (
        renamed("subj01", "subj1"),
        [("missing-file", LEFT), ("missing-file", RIGHT), ("extra-subject", "subj1")],
    ),
    "another array beside": ({**good(), "subj01/lh_old.npy": BODY}, [("extra-file", "subj01/lh_old.npy")]),
    "everything at once": (
        {RIGHT: npy(values(hemisphere="rh").T.copy()), "subj06/lh_pred_test.npy": b"x", "subj07/a.npy": b"x"},
        [
            ("missing-file", LEFT),
            ("missing-file", "subj06/rh_pred_test.npy"),
            ("extra-subject", "subj07"),
            ("transposed", RIGHT),
            ("not-npy", "subj06/lh_pred_test.npy"),
        ],
    ),
}
ARRAYS: dict[str, tuple[Files, Expected]] = {
    "float64": (with_left(values().astype(np.float64)), [("float64", LEFT)]),
    "float16": (with_left(values().astype(np.float16)), [("float16", LEFT)]),
    "float128": (with_left(values().astype(np.longdouble)), [("float128", LEFT)]),
    "integers": (with_left(values().astype(np.int32)), [("wrong-dtype", LEFT)]),
    "truth values": (with_left(values() > 0), [("wrong-dtype", LEFT)]),
    "complex numbers": (with_left(values().astype(np.complex64)), [("wrong-dtype", LEFT)]),
    "text": (with_left(values().astype("S4")), [("wrong-dtype", LEFT)]),
    "dates": (with_left(values().astype(int).astype("datetime64[s]")), [("wrong-dtype", LEFT)]),
    "fields": (with_left(np.zeros((7, 11), [("a", "<f4")])), [("wrong-dtype", LEFT)]),
    "big-endian": (with_left(values().astype(">f4")), [("big-endian", LEFT)]),
    "Fortran order": (with_left(np.asfortranarray(values())), [("fortran-order", LEFT)]),
    "transposed": (with_left(values().T.copy()), [("transposed", LEFT)]),
    "hemispheres swapped": (
        {**good(), LEFT: npy(values(hemisphere="rh")), RIGHT: npy(values(hemisphere="lh"))},
        [("hemispheres-swapped", LEFT), ("hemispheres-swapped", RIGHT)],
    ),
    "both of another subject": (with_left(values("subj06")), [("another-subject", LEFT)]),
    "images of another subject": (with_left(np.ones((9, 11), np.float32)), [("another-subject", LEFT)]),
    "training images": (with_left(np.ones((20, 11), np.float32)), [("training-images", LEFT)]),
    "one image short": (with_left(values()[:-1]), [("wrong-images", LEFT)]),
    "one vertex short": (with_left(values()[:, :-1].copy()), [("wrong-shape", LEFT)]),
    "flattened": (with_left(values().ravel()), [("wrong-shape", LEFT)]),
    "an axis too many": (with_left(values()[None]), [("wrong-shape", LEFT)]),
    "a scalar": (with_left(np.float32(1)), [("wrong-shape", LEFT)]),
    "no images": (with_left(values()[:0]), [("wrong-images", LEFT)]),
    "wrong shape and wrong dtype": (
        with_left(values().T.astype(np.int64)),
        [("transposed", LEFT), ("wrong-dtype", LEFT)],
    ),
    "NaN": (with_left(spoilt(3, 4, np.nan)), [("not-finite", LEFT)]),
    "NaN for one image": (with_left(spoilt(3, slice(None), np.nan)), [("not-finite", LEFT)]),
    "infinite": (with_left(spoilt(3, 4, -np.inf)), [("not-finite", LEFT)]),
    "beyond float32": (with_left(values().astype(np.float64) * 1e300), [("float64", LEFT), ("not-finite", LEFT)]),
    "constant vertices": (with_left(constant_columns()), [("constant-columns", LEFT)]),
    "all zero": (with_left(np.zeros_like(values())), [("all-constant", LEFT)]),
    "every vertex constant": (
        with_left(np.ones_like(values()) * np.arange(11)),
        [("float64", LEFT), ("all-constant", LEFT)],
    ),
    "the same prediction for three images": (with_left(repeated_rows()), [("duplicate-rows", LEFT)]),
    "raw betas": (with_left(300 * values()), [("implausible-range", LEFT)]),
    "one wild value": (with_left(spoilt(3, 4, 3e38)), [("implausible-range", LEFT)]),
    "a vanishing scale": (with_left(1e-30 * values()), [("implausible-range", LEFT)]),
    "an offset that swallows the digits": (
        with_left((values().astype(np.float64) + 1e7).astype(np.float32)),
        [("implausible-range", LEFT), ("coarse-values", LEFT)],
    ),
    "pickled objects": (with_left(values().astype(object), allow_pickle=True), [("pickled", LEFT)]),
    "pickled fields": (with_left(np.zeros(2, [("a", object)]), allow_pickle=True), [("pickled", LEFT)]),
}
BYTES: dict[str, tuple[Files, Expected]] = {
    "empty": (left_bytes(b""), _NOT_NPY),
    "a web page": (left_bytes(b"<html>please log in</html>"), _NOT_NPY),
    "a bare pickle": (left_bytes(pickle.dumps(1)), _NOT_NPY),
    "an .npz under another name": (left_bytes(npz()), _NOT_NPY),
    "a pointer of Git LFS": (left_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), _NOT_NPY),
    "cut inside its header": (left_bytes(BODY[:40]), _NOT_NPY),
    "cut inside its values": (left_bytes(BODY[:-5]), [("truncated", LEFT)]),
    "no values at all": (left_bytes(BODY[:128]), [("truncated", LEFT)]),
    "bytes after the end": (left_bytes(BODY + b"\0"), [("over-long", LEFT)]),
    "two arrays in one file": (left_bytes(BODY + BODY), [("over-long", LEFT)]),
    "a header that claims terabytes": (
        left_bytes(header("(7, 1000000000000)") + RAW),
        [("wrong-shape", LEFT), ("truncated", LEFT)],
    ),
    "a header that claims a wider type": (
        left_bytes(header("(7, 11)", "'<f8'") + RAW),
        [("float64", LEFT), ("truncated", LEFT)],
    ),
    "a size of ten thousand digits": (left_bytes(header(f"(7, 0x{'f' * 9900})") + RAW), _NOT_NPY),
    "a size beyond any array's": (left_bytes(header(f"(7, {1 << 70})") + RAW), _NOT_NPY),
    "negative sizes": (left_bytes(header("(-7, -11)") + RAW), _NOT_NPY),
    "sizes that are fractions": (left_bytes(header("(7.0, 11.0)") + RAW), _NOT_NPY),
    "a thousand axes": (left_bytes(header(f"({'1, ' * 1000})") + RAW), _NOT_NPY),
    "a shape that is no tuple": (left_bytes(header("77") + RAW), _NOT_NPY),
    "a header that is code": (left_bytes(header("__import__('os').getpid()") + RAW), _NOT_NPY),
    "a header that is no dictionary": (left_bytes(literal("['<f4', (7, 11)]") + RAW), _NOT_NPY),
    "a header with a key missing": (left_bytes(literal("{'descr': '<f4', 'shape': (7, 11)}") + RAW), _NOT_NPY),
    "a header with a key too many": (
        left_bytes(literal("{'descr': '<f4', 'fortran_order': False, 'shape': (7, 11), 'x': 1}") + RAW),
        _NOT_NPY,
    ),
    "a header that is not text": (
        left_bytes(b"\x93NUMPY\x01\x00\x08\x00\xff\xfe\x00\x00\xff\xff\xff\n" + RAW),
        _NOT_NPY,
    ),
    "a header without end": (left_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + RAW), _NOT_NPY),
    "a header nested without end": (left_bytes(header("(" * 9000)), _NOT_NPY),
    "a header of minus signs": (left_bytes(header("-" * 9000 + "1")), _NOT_NPY),
    "a dtype that is none": (left_bytes(header("(7, 11)", "'<q99'") + RAW), _NOT_NPY),
    "a dtype of a terabyte each": (
        left_bytes(header("(7, 11)", "'V1000000000'") + RAW),
        [("wrong-dtype", LEFT), ("truncated", LEFT)],
    ),
    "a dtype that is an array": (
        left_bytes(header("(7, 11)", "('<f4', (2, 2))") + RAW),
        [("wrong-dtype", LEFT), ("truncated", LEFT)],
    ),
    "a header longer than NumPy reads": (left_bytes(long_header() + RAW), _NOT_NPY),
    "an unknown format": (left_bytes(header("(7, 11)", version=b"\x09\x00") + RAW), _NOT_NPY),
}
CONTENTS = {**NAMES, **ARRAYS, **BYTES}
