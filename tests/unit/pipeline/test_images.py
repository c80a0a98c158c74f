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


def _channels(path: Path) -> np.ndarray:
    return pixels(path, PLAIN).transpose(2, 0, 1)


def test_grey_images_have_three_equal_channels(tmp_path: Path) -> None:
    grey = _noise(8, 8)[:, :, 0]
    assert (_channels(_write(tmp_path / "a.png", grey)) == grey).all()


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    grey = _noise(8, 8)[:, :, 0]
    path = _write(tmp_path / "a.png", grey.astype(np.uint16) * 257)
    with Image.open(path) as opened:
        assert opened.mode.startswith("I")
    assert (_channels(path) == grey).all()


def test_transparency_is_dropped_and_the_colours_below_it_stay(tmp_path: Path) -> None:
    picture = _noise(8, 8)
    Image.fromarray(np.dstack([picture, _noise(8, 8, seed=1)[:, :, 0]])).save(tmp_path / "a.png")
    assert (pixels(tmp_path / "a.png", PLAIN) == picture).all()
    flat = Image.fromarray(picture).quantize(16)
    flat.save(tmp_path / "b.png", transparency=bytes(range(16)))
    assert (pixels(tmp_path / "b.png", PLAIN) == np.asarray(flat.convert("RGB"))).all()


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    cmyk = np.broadcast_to(np.array([0, 255, 255, 0], np.uint8), (16, 16, 4))  # red
    Image.fromarray(cmyk, "CMYK").save(tmp_path / "a.jpg", quality=95)
    red, green, blue = _channels(tmp_path / "a.jpg").astype(int)
    assert red.min() > 245
    assert max(green.max(), blue.max()) < 10


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_exif_says(tmp_path: Path, orientation: int) -> None:
    """Against the definition of the tag: where the first row and the first column of the file belong."""
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:4] += 100  # the file's first rows
    picture[:, :4] += 50  # and first columns
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture).save(tmp_path / "a.png", exif=exif)
    top, left = [("t", "l"), ("t", "r"), ("b", "r"), ("b", "l"), ("l", "t"), ("r", "t"), ("r", "b"), ("l", "b")][
        orientation - 1
    ]
    halves = {"t": np.s_[:4], "b": np.s_[4:], "l": np.s_[:, :4], "r": np.s_[:, 4:]}
    expected = np.zeros((8, 8), int)
    expected[halves[top]] += 100
    expected[halves[left]] += 50
    assert (pixels(tmp_path / "a.png", PLAIN)[:, :, 1] == expected).all()


@pytest.mark.parametrize("content", [b"", b"not an image", None])
def test_an_unreadable_image_is_one_named_finding(tmp_path: Path, content: bytes | None) -> None:
    path = _write(tmp_path / "a.png", _noise(64, 64))
    path.write_bytes(path.read_bytes()[:2000] if content is None else content)
    with pytest.raises(DataError) as caught:
        pixels(path, PLAIN)
    assert caught.value.findings[0].where == str(path)


def test_floats_and_images_of_absurd_size_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="floating-point"):
        pixels(_write(tmp_path / "a.tiff", _noise(8, 8)[:, :, 0].astype(np.float32)), PLAIN)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(DataError, match="exceeds limit"):
        pixels(_write(tmp_path / "b.png", _noise(8, 8)), PLAIN)


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("n_workers", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 7, 50])
def test_batches_keep_row_order_and_full_size_for_any_batch_size(
    tmp_path: Path, batch_size: int, n_workers: int, ahead: bool
) -> None:
    paths = [_write(tmp_path / f"{i}.png", np.full((8, 8, 3), i, np.uint8)) for i in range(11)]
    seen = []
    for n_real, batch in batches(paths, PLAIN, batch_size, n_workers, ahead=ahead):
        assert batch.shape == (batch_size, 8, 8, 3)
        seen += [int(row[0, 0, 2]) for row in batch[:n_real]]
    assert seen == list(range(11))


def test_nothing_is_decoded_while_the_caller_has_a_batch_where_both_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "a.png", _noise(8, 8))
    decoded = []

    def counted(path: Path, how: Preprocess) -> np.ndarray:
        decoded.append(path)
        return pixels(path, how)

    monkeypatch.setattr("algokit.pipeline.images.pixels", counted)
    with_each = [len(decoded) for _ in batches([path] * 100, PLAIN, 30, 3, ahead=False)]
    assert with_each == [30, 60, 90, 100]
