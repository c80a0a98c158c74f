"""The parts of the demo challenge against what they must be: natural images, the backbone's features, NSD's noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from algokit.backbones import GaborSpec, gabor_backbone
from algokit.challenge.synthetic.features import LAYERS, GaborFeatures, grey, pooled
from algokit.challenge.synthetic.images import draw_scene, texture_tiles
from algokit.challenge.synthetic.trials import TRIALS_PER_SESSION, repeat_counts, respond, zscore_sessions

N_IMAGES = 40


@pytest.fixture(scope="module")
def scenes() -> NDArray[np.uint8]:
    tiles = texture_tiles(np.random.default_rng(0))
    return np.stack([draw_scene(np.random.default_rng([0, i]), tiles, 128) for i in range(N_IMAGES)])


def test_images_have_the_amplitude_spectrum_of_natural_images(scenes: NDArray[np.uint8]) -> None:
    luma = scenes @ np.array([0.299, 0.587, 0.114])
    window = np.hanning(128)[:, None] * np.hanning(128)
    amplitude = np.abs(np.fft.fft2((luma - luma.mean((1, 2), keepdims=True)) * window)).mean(0)
    frequency = 128 * np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128))
    rings = np.arange(2, 50)
    radial = [amplitude[np.abs(frequency - ring) < 0.5].mean() for ring in rings]
    slope = np.polyfit(np.log(rings), np.log(radial), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.4)  # white noise has 0, smooth blobs far below -2


def test_images_are_coloured_and_differ(scenes: NDArray[np.uint8]) -> None:
    assert scenes.shape == (N_IMAGES, 128, 128, 3) and scenes.dtype == np.uint8
    assert np.ptp(scenes.astype(float), axis=-1).mean() > 10
    assert len({scene.tobytes() for scene in scenes}) == N_IMAGES


def test_both_routes_to_the_gabor_features_agree(scenes: NDArray[np.uint8]) -> None:
    spec = GaborSpec(kind="gabor")
    backbone = gabor_backbone.load(spec, "cpu")
    assert tuple(layer.name for layer in backbone.card.layers) == LAYERS
    side = (spec.size_px, spec.size_px)
    resized = [np.asarray(Image.fromarray(s).resize(side, Image.Resampling.BICUBIC), np.float32) / 255 for s in scenes]
    found = backbone.activations(torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2), LAYERS)
    gabor = GaborFeatures()
    maps = [gabor.maps(grey(scene)) for scene in scenes]
    for layer in LAYERS:
        np.testing.assert_allclose(np.stack([m[layer] for m in maps]), found[layer].numpy(), atol=1e-4)
        for grid in (1, 2):
            own = np.stack([pooled(m[layer], grid) for m in maps])
            other = torch.nn.functional.adaptive_max_pool2d(found[layer], grid).flatten(1).numpy()
            r = [np.corrcoef(own[:, i], other[:, i])[0, 1] for i in range(own.shape[1])]
            assert min(r) > 0.999


def test_every_session_is_standardised_on_its_own() -> None:
    rng = np.random.default_rng(0)
    betas = rng.standard_normal((4 * TRIALS_PER_SESSION - 1, 5)) * [1, 2, 3, 4, 5] + np.linspace(0, 9, 799)[:, None]
    sessions = np.array_split(zscore_sessions(betas), 4)
    for session in sessions:
        np.testing.assert_allclose(session.mean(0), 0, atol=1e-12)
        np.testing.assert_allclose(session.std(0, ddof=0), 1)


def test_repeat_counts_keep_the_official_proportions() -> None:
    assert repeat_counts(9841, (8420, 1069, 352)) == (8420, 1069, 352)
    assert repeat_counts(60, (159, 0, 0)) == (60, 0, 0)
    for n in (7, 100, 241):
        counts = repeat_counts(n, (4424, 2623, 1732))
        assert sum(counts) == n
        np.testing.assert_allclose(counts, n * np.array([4424, 2623, 1732]) / 8779, atol=1)


@pytest.mark.parametrize("counts", [(800, 0, 0), (300, 300, 200)])
def test_responses_have_the_ceiling_and_the_variance_that_ncsnr_and_repeats_imply(counts: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((800, 60))
    signal = (signal - signal.mean(0)) / signal.std(0)
    ncsnr = np.repeat([0.0, 0.3, 1.0], 20)
    responses = respond(rng, signal, ncsnr, counts).astype(float)
    r2 = np.array([np.corrcoef(signal[:, v], responses[:, v])[0, 1] ** 2 for v in range(60)]).reshape(3, 20).mean(1)
    noise = (counts[0] / 3 + counts[1] / 2 + counts[2]) / 800
    s2 = np.array([0.0, 0.3, 1.0]) ** 2
    np.testing.assert_allclose(r2, s2 / (s2 + noise), atol=0.015)
    # A trial has variance s2 + 1 before it is divided by its session's SD; averages are not normalised again.
    np.testing.assert_allclose(responses.var(0).reshape(3, 20).mean(1), (s2 + noise) / (s2 + 1), rtol=0.03)
