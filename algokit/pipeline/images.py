"""Image files -> batches of pixels, in row order.

What is not plain 8-bit RGB is taken as a viewer shows it: grey becomes three equal channels, 16-bit grey is scaled to 8
bits (not cut off at 255, as Pillow's own conversion does), CMYK and palettes become RGB, pictures are turned as EXIF
says. Transparency is dropped, and the colours below it are used. A file that is empty, cut short, no image, or of
floats is refused with its name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

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
            image = _rgb(opened)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        finding = Finding(
            "this image cannot be decoded",
            where=str(path),
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
            advice="copy it again from the download; algokit data check lists every bad file",
            code="image-unreadable",
        )
        raise DataError("an image cannot be read", [finding]) from error
    return np.asarray(_resized(image, how))


def _rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB; see the top of this module for what happens to the rest."""
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers, whose range nobody knows")
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64).clip(0, 65535)
        image = Image.fromarray((values / 257).round().astype(np.uint8))  # 65535 is 255
    if "transparency" in image.info:  # of a palette, where Pillow warns of the way without alpha
        image = image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy


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
    paths: Sequence[Path], how: Preprocess, batch_size: int, n_workers: int, *, ahead: bool = True
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Images in order, as (how many are real, (batch_size, size_px, size_px, 3) uint8).

    The last batch is filled up with repeats of its last image, so that every image goes through a batch of the same
    size: the arithmetic of an image then does not depend on how many others there are.

    Parameters
    ----------
    ahead : decode further batches while the caller works on one. Where it works on the processors that decode, both
        would only delay each other.
    """
    # Threads, not processes: decoding, resizing and stacking release the interpreter's lock, so threads decode as many
    # images per second, start at once, share memory and need no copies between processes.
    with ThreadPoolExecutor(n_workers, "decode") as pool:
        n_ahead = max(2, n_workers // 4) if ahead else 0
        parts = [paths[start : start + batch_size] for start in range(0, len(paths), batch_size)]
        pending: deque[Iterator[NDArray[np.uint8]]] = deque()
        for position in range(len(parts)):
            for part in parts[position + len(pending) : position + n_ahead + 1]:
                pending.append(pool.map(lambda path: pixels(path, how), part))
            rows = list(pending.popleft())
            n_real = len(rows)
            rows += [rows[-1]] * (batch_size - n_real)
            yield n_real, np.stack(rows)
