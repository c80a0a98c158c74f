"""Image files -> batches: exact preprocessing, order, and what happens to bad files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from algokit.backbones import Preprocess
from algokit.errors import DataError
from algokit.pipeline.forward import normalised
from algokit.pipeline.images import batches, pixels

PLAIN = Preprocess(size_px=8, resize="squash", resize_px=8, crop="none", mean=(0.5, 0.25, 0.0), std=(0.5, 1.0, 2.0))


def prepare(path: Path, how: Preprocess) -> np.ndarray:
    """(3, size_px, size_px) float32: what the network sees of one image."""
    return normalised(torch.from_numpy(pixels(path, how).copy())[None], how)[0].numpy()


def _write(path: Path, picture: np.ndarray) -> Path:
    Image.fromarray(picture).save(path)
    return path


def _noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_normalisation_is_per_rgb_channel(tmp_path: Path) -> None:
    picture = _noise(8, 8)
    got = prepare(_write(tmp_path / "a.png", picture), PLAIN)
    for channel, (mean, std) in enumerate(zip(PLAIN.mean, PLAIN.std, strict=True)):
        np.testing.assert_allclose(got[channel], (picture[:, :, channel] / 255 - mean) / std, rtol=1e-5, atol=1e-6)


def test_short_side_and_centre_crop_match_a_hand_made_crop(tmp_path: Path) -> None:
    how = PLAIN.model_copy(update={"resize": "short_side", "resize_px": 8, "crop": "center", "size_px": 6})
    picture = _noise(8, 12)
    got = prepare(_write(tmp_path / "a.png", picture), how)
    expected = (picture[1:7, 3:9, 0] / 255 - 0.5) / 0.5
    np.testing.assert_allclose(got[0], expected, rtol=1e-5, atol=1e-6)


def test_squash_ignores_the_aspect_ratio(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.png", np.full((30, 10, 3), 255, np.uint8))
    assert prepare(path, PLAIN).shape == (3, 8, 8)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_other_colour_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.fromarray(_noise(8, 8)).convert(mode).save(path)
    with Image.open(path) as opened:
        expected = np.asarray(opened.convert("RGB"), np.float32)[:, :, 1] / 255
    np.testing.assert_allclose(prepare(path, PLAIN)[1] + 0.25, expected, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"not an image", None])
def test_an_unreadable_image_is_one_named_finding(tmp_path: Path, content: bytes | None) -> None:
    path = _write(tmp_path / "a.png", _noise(64, 64))
    path.write_bytes(path.read_bytes()[:2000] if content is None else content)
    with pytest.raises(DataError) as caught:
        prepare(path, PLAIN)
    assert caught.value.findings[0].where == str(path)


@pytest.mark.parametrize("n_workers", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 7, 50])
def test_batches_keep_row_order_and_full_size_for_any_batch_size(
    tmp_path: Path, batch_size: int, n_workers: int
) -> None:
    paths = [_write(tmp_path / f"{i}.png", np.full((8, 8, 3), i, np.uint8)) for i in range(11)]
    seen = []
    for n_real, batch in batches(paths, PLAIN, batch_size, n_workers):
        assert batch.shape == (batch_size, 8, 8, 3)
        seen += [int(row[0, 0, 2]) for row in batch[:n_real]]
    assert seen == list(range(11))
