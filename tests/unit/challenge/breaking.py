"""Ways to break the small challenge: each function returns a change to make to its folder."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from algokit.challenge import check_data

TRAIN = "train_data/subj01/training_split"
TEST = "test_data/subj01/test_split"
IMAGES = f"{TRAIN}/training_images"
FMRI = f"{TRAIN}/training_fmri/lh_training_fmri.npy"
MASKS = "train_data/subj01/roi_masks"
CEILING = f"{TEST}/noise_ceiling/rh_noise_ceiling.npy"

Break = Callable[[Path], object]
Expected = tuple[str, str, str, str]  # code, file, and parts of what is expected and found
Case = tuple[str, Break, list[Expected]]


def image(number: int, image_id: int | None = None) -> str:
    """The name of a training image, by default of the one that belongs there."""
    return f"{IMAGES}/train-{number:04d}_nsd-{image_id or 10 * number:05d}.png"


def both(*changes: Break) -> Break:
    return lambda root: [change(root) for change in changes]


def assert_found(root: Path, expected: Sequence[Expected]) -> None:
    """The errors and warnings about ``root`` are exactly these."""
    findings = [finding for finding in check_data(root) if finding.severity != "note"]
    assert [finding.code for finding in findings] == [code for code, *_ in expected]
    for finding, (_, name, wanted, found) in zip(findings, expected, strict=True):
        assert finding.where == str(root / name)
        assert wanted in finding.expected
        assert found in finding.found
        assert finding.advice


def remove(*names: str) -> Break:
    def change(root: Path) -> None:
        for name in names:
            path = root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def rename(*pairs: tuple[str, str]) -> Break:
    def change(root: Path) -> None:
        for before, after in pairs:
            (root / before).rename(root / after)

    return change


def copy(before: str, after: str) -> Break:
    def change(root: Path) -> None:
        (shutil.copytree if (root / before).is_dir() else shutil.copy)(root / before, root / after)

    return change


def content(name: str, data: bytes) -> Break:
    return lambda root: (root / name).write_bytes(data)


def cut(name: str, n_bytes: int) -> Break:
    """Change the length of a file."""
    return lambda root: os.truncate(root / name, (root / name).stat().st_size + n_bytes)


def picture(name: str, mode: str, width: int, height: int) -> Break:
    return lambda root: Image.new(mode, (width, height)).save(root / name)


def array(name: str, change: Callable[[np.ndarray], object]) -> Break:
    """Replace an array by a function of it."""
    return lambda root: np.save(root / name, change(np.load(root / name)))  # type: ignore[arg-type]


def value(name: str, index: object, new: float) -> Break:
    """Replace one value of an array."""

    def change(values: np.ndarray) -> np.ndarray:
        values[index] = new
        return values

    return array(name, change)


def objects(name: str) -> Break:
    return lambda root: np.save(root / name, np.array([{"a": 1}, None], object))


def pipe(name: str) -> Break:
    """A pipe nobody writes to: who opens it waits for ever."""
    return lambda root: ((root / name).unlink(), os.mkfifo(root / name))


def changed(name: str, change: Callable[[bytes], bytes]) -> Break:
    return lambda root: (root / name).write_bytes(change((root / name).read_bytes()))


def with_pixels(data: bytes, n_bytes: int) -> bytes:
    """A PNG file whose pixels are ``n_bytes`` zeros, every checksum right."""
    body = zlib.compress(bytes(n_bytes))
    chunk = len(body).to_bytes(4, "big") + b"IDAT" + body + zlib.crc32(b"IDAT" + body).to_bytes(4, "big")
    return data[:33] + chunk + data[-12:]
