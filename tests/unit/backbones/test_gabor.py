"""The Gabor pyramid against filters sampled in space, and against what a grating must do to it."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import fftconvolve
from torch.utils.flop_counter import FlopCounterMode

from algokit.backbones import CATALOGUE, GaborSpec, PreprocessOverride, gabor_backbone

DEFAULT = GaborSpec(kind="gabor")
LAYERS = ("gabor.0", "gabor.1", "gabor.2", "gabor.3", "texture")
ODD = GaborSpec(kind="gabor", size_px=50, n_orientations=3, wavelengths_px=(5.0, 11.5, 40.0))


def grating(wavelength: float, angle: float, phase: float = 0.0, size: int = 96) -> NDArray[np.float64]:
    """Grey values around 0.5, amplitude 0.5; phase is taken at the centre of the image."""
    y, x = np.indices((size, size)) - (size - 1) / 2
    return 0.5 + 0.5 * np.cos(2 * np.pi * (x * math.cos(angle) + y * math.sin(angle)) / wavelength + phase)


def activations(images: NDArray[np.float64], spec: GaborSpec = DEFAULT) -> dict[str, NDArray[np.float32]]:
    """Of grey images (n, size, size)."""
    batch = torch.from_numpy(np.repeat(images[:, None], 3, axis=1).astype(np.float32))
    backbone = gabor_backbone.load(spec, "cpu")
    return {
        name: maps.numpy() for name, maps in backbone.activations(batch, [x.name for x in backbone.card.layers]).items()
    }


def at_centre(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    return maps[..., maps.shape[-2] // 2, maps.shape[-1] // 2]


def convolved(image: NDArray[np.float64], wavelength: float, angle: float) -> NDArray[np.float64]:
    """Energy at every pixel, by a filter sampled on the pixel grid and a zero-mean correction measured on it."""
    sd = wavelength * 3 / math.pi * math.sqrt(math.log(2) / 2)
    reach = math.ceil(5 * sd)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    window = np.exp(-(x**2 + y**2) / (2 * sd**2))
    wave = np.exp(2j * np.pi * (x * math.cos(angle) + y * math.sin(angle)) / wavelength)
    kernel = window * (wave - (window * wave).sum() / window.sum()) / window.sum()
    return 2 * np.abs(fftconvolve(np.pad(image, reach, mode="symmetric"), kernel, mode="valid"))


@pytest.fixture
def noise() -> NDArray[np.float64]:
    return np.random.default_rng(0).random((3, 96, 96))


@pytest.mark.parametrize(
    "layer, wavelength, first, stride", [(0, 4, 0, 2), (1, 8, 1, 4), (2, 16, 3, 8), (3, 32, 7, 16)]
)
def test_energy_equals_a_convolution_in_space(
    noise: NDArray[np.float64], layer: int, wavelength: int, first: int, stride: int
) -> None:
    found = activations(noise)[f"gabor.{layer}"]
    for k in range(8):
        expected = np.stack([convolved(image, wavelength, math.pi * k / 8) for image in noise])
        np.testing.assert_allclose(found[:, k], expected[:, first::stride, first::stride], atol=2e-5)


def test_texture_is_the_energy_of_the_finest_energy(noise: NDArray[np.float64]) -> None:
    found = activations(noise)
    for fine in range(8):
        for coarse in range(8):
            expected = convolved(found["gabor.0"][0, fine], 8, math.pi * coarse / 8)[1::4, 1::4]
            np.testing.assert_allclose(found["texture"][0, 8 * fine + coarse], expected, atol=2e-5)


def test_a_grating_excites_its_own_filter_most_and_by_its_contrast() -> None:
    angles = np.pi * np.arange(8) / 8
    for index, wavelength in enumerate((4, 8, 16, 32)):
        maps = activations(np.stack([grating(wavelength, angle) for angle in angles]))
        tuning = np.stack([at_centre(maps[f"gabor.{i}"]) for i in range(4)], axis=1)
        for k in range(8):
            assert np.unravel_index(tuning[k].argmax(), (4, 8)) == (index, k)
            assert tuning[k, index, k] == pytest.approx(0.5, rel=0.04)
            assert tuning[k, index, (k + 4) % 8] < 0.03  # the mirrored border adds a little


def test_filters_are_one_octave_wide_at_half_height() -> None:
    # One octave: the upper half-height frequency, 4/3 of the centre, is twice the lower one, 2/3 of it.
    below, centre, above = (activations(grating(16 / f, 0.0)[None])["gabor.2"] for f in (2 / 3, 1, 4 / 3))
    assert at_centre(below)[0, 0] / at_centre(centre)[0, 0] == pytest.approx(0.5, abs=0.02)
    assert at_centre(above)[0, 0] / at_centre(centre)[0, 0] == pytest.approx(0.5, abs=0.02)


def test_energy_does_not_depend_on_phase() -> None:
    phases = np.stack([grating(8, 0.0, phase) for phase in np.linspace(0, np.pi, 7)])
    energy = at_centre(activations(phases)["gabor.1"])[:, 0]
    assert np.ptp(energy) < 0.01 * energy.mean()


def test_a_constant_image_excites_nothing() -> None:
    for maps in activations(np.full((1, 96, 96), 0.8)).values():
        assert np.abs(maps).max() < 1e-5


def test_texture_sees_a_contrast_border_that_coarse_energy_does_not() -> None:
    stripes = grating(4, np.pi / 2) - 0.5
    modulated = 0.5 + stripes * grating(16, 0.0)
    maps = activations(np.stack([modulated, 0.5 + stripes / 2]))
    horizontal_stripes_vertical_border = 8 * 4 + 0
    assert at_centre(maps["texture"])[0].argmax() == horizontal_stripes_vertical_border
    assert at_centre(maps["texture"])[0].max() > 0.1
    assert at_centre(maps["texture"])[1].max() < 0.01
    assert at_centre(maps["gabor.2"])[0].max() < 0.01


def test_channels_add_up_to_grey_by_luma() -> None:
    backbone = gabor_backbone.load(DEFAULT, "cpu")
    image = torch.from_numpy(grating(8, 0.0).astype(np.float32))
    zero = torch.zeros_like(image)
    alone = [torch.stack([image if i == c else zero for i in range(3)]) for c in range(3)]
    energy = backbone.activations(torch.stack(alone), ["gabor.1"])["gabor.1"][:, 0, 12, 12]
    np.testing.assert_allclose(energy, 0.5 * np.array([0.299, 0.587, 0.114]), rtol=0.02)


@pytest.mark.parametrize("spec", [DEFAULT, ODD])
def test_activations_have_the_shapes_the_card_declares(spec: GaborSpec) -> None:
    card = gabor_backbone.describe(spec)
    found = activations(np.random.default_rng(0).random((2, spec.size_px, spec.size_px)), spec)
    assert list(found) == [layer.name for layer in card.layers]
    for layer in card.layers:
        assert (layer.layout, found[layer.name].shape) == ("map", (2, layer.channels, layer.height, layer.width))


def test_layer_sizes_follow_a_stated_input_size() -> None:
    spec = GaborSpec(kind="gabor", preprocess=PreprocessOverride(size_px=64, resize_px=64))
    card = gabor_backbone.describe(spec)
    assert card.preprocess.size_px == 64
    assert activations(np.zeros((1, 64, 64)), spec)["gabor.0"].shape[2:] == (
        card.layers[0].height,
        card.layers[0].width,
    )


def test_only_the_layers_asked_for_are_returned_in_that_order() -> None:
    backbone = gabor_backbone.load(DEFAULT, "cpu")
    images = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    some = backbone.activations(images, ["texture", "gabor.2"])
    everything = backbone.activations(images, LAYERS)
    assert list(some) == ["texture", "gabor.2"]
    assert all(torch.equal(some[name], everything[name]) for name in some)


def test_an_image_gives_the_same_activations_alone_and_in_a_batch() -> None:
    images = torch.rand(5, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    backbone = gabor_backbone.load(DEFAULT, "cpu")
    together = backbone.activations(images, LAYERS)
    for row in range(5):
        alone = backbone.activations(images[row : row + 1], LAYERS)
        for name in LAYERS:
            torch.testing.assert_close(alone[name][0], together[name][row], rtol=1e-5, atol=1e-6)


def test_the_cards_flops_are_those_torch_counts() -> None:
    for spec in (DEFAULT, ODD):
        backbone = gabor_backbone.load(spec, "cpu")
        names = [layer.name for layer in backbone.card.layers]
        with FlopCounterMode(display=False) as counter:
            backbone.activations(torch.zeros(1, 3, spec.size_px, spec.size_px), names)
        assert backbone.card.flops_per_image == 4 * counter.get_total_flops()  # torch counts complex numbers as real


def test_there_are_no_weights_and_the_record_says_so() -> None:
    record = gabor_backbone.weights_digest(DEFAULT)
    assert (record.source, record.sha256, record.is_random) == ("no weights (Gabor formula 1)", "", False)
    assert gabor_backbone.describe(DEFAULT).n_parameters == 0


@pytest.mark.parametrize("kind", ["gabor", "tiny"])
def test_describing_a_weight_free_backbone_does_not_import_torch(kind: str) -> None:
    code = (
        "import sys; from pydantic import TypeAdapter; from algokit.backbones import BackboneSpec, CATALOGUE\n"
        f"CATALOGUE.load('{kind}').describe(TypeAdapter(BackboneSpec).validate_python({{'kind': '{kind}'}}))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert kind in CATALOGUE.rows()
