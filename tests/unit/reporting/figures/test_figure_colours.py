from __future__ import annotations

import numpy as np
import pytest

from algokit.reporting.figures.colours import MAGMA, PLASMA, VIRIDIS, ColourMap

# Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113, severity 1, on linear RGB.
PROTANOPE = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTERANOPE = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]


def lightness(colours: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB colours as that eye sees them."""
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ eye.T, 0, 1)
    luminance = seen @ (0.2126, 0.7152, 0.0722)
    return 116 * np.where(luminance > 0.008856, np.cbrt(luminance), 7.787 * luminance + 16 / 116) - 16


@pytest.mark.parametrize("colours", [VIRIDIS, PLASMA, MAGMA], ids=["viridis", "plasma", "magma"])
@pytest.mark.parametrize("eye", [np.eye(3), PROTANOPE, DEUTERANOPE], ids=["trichromat", "protanope", "deuteranope"])
def test_lightness_rises_all_the_way_for_every_eye(colours: ColourMap, eye: object) -> None:
    steps = np.diff(lightness(colours.rgb(np.linspace(0, 1, 33)), np.asarray(eye)))
    assert steps.min() > 0


def test_colours_between_two_anchors_lie_between_them() -> None:
    two = ColourMap(anchors=("000000", "64c800"))
    assert two.rgb([0, 0.25, 1, 7]).tolist() == [[0, 0, 0], [25, 50, 0], [100, 200, 0], [100, 200, 0]]
    assert two.hexes(3) == ["#000000", "#326400", "#64c800"]
    assert two.hexes(1) == ["#326400"]
