"""Image files -> batches of pixels, in row order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algokit.backbones import Preprocess
from algokit.errors import DataError
from algokit.types import Finding

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def pixels(path: Path, how: Preprocess) -> NDArray[np.uint8]:
    """Decode one image and bring it to the size of the network's input.

    Returns
    -------
    (size_px, size_px, 3) uint8, RGB.

    Raises
    ------
    DataError : the file cannot be decoded.
    """
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        finding = Finding(
            "this image cannot be decoded",
            where=str(path),
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
            advice="copy it again from the download; algokit data check lists every bad file",
            code="image-unreadable",
        )
        raise DataError("an image cannot be read", [finding]) from error
    return np.asarray(_resized(image, how))


def _resized(image: Image.Image, how: Preprocess) -> Image.Image:
    if how.resize == "squash":
        size = (how.resize_px, how.resize_px)
    else:
        scale = how.resize_px / min(image.size)
        size = (max(how.resize_px, round(image.width * scale)), max(how.resize_px, round(image.height * scale)))
    if size != image.size:
        image = image.resize(size, _FILTERS[how.interpolation])
    if how.crop == "center":
        left, top = (image.width - how.size_px) // 2, (image.height - how.size_px) // 2
        image = image.crop((left, top, left + how.size_px, top + how.size_px))
    return image


def batches(
    paths: Sequence[Path], how: Preprocess, batch_size: int, n_workers: int
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Images in order, as (how many are real, (batch_size, size_px, size_px, 3) uint8).

    The last batch is filled up with repeats of its last image, so that every image goes through a batch of the same
    size: the arithmetic of an image then does not depend on how many others there are.
    """
    with ThreadPoolExecutor(n_workers, "decode") as pool:
        ahead = max(2, n_workers // 4)  # batches decoded while the device works
        starts = range(0, len(paths), batch_size)
        pending = [pool.map(lambda path: pixels(path, how), paths[s : s + batch_size]) for s in starts[:ahead]]
        for position in range(len(starts)):
            rows = list(pending.pop(0))
            upcoming = position + ahead
            if upcoming < len(starts):
                start = starts[upcoming]
                pending.append(pool.map(lambda path: pixels(path, how), paths[start : start + batch_size]))
            n_real = len(rows)
            rows += [rows[-1]] * (batch_size - n_real)
            yield n_real, np.stack(rows)
