"""A study small enough for every test: the tiny network on a small demo challenge."""

from __future__ import annotations

from pathlib import Path

SMALL_STUDY = """algokit: 1
study: data_size
name: small
about: A small study.
images: {sizes: [12, 20, 40], draws: 2, seed: 3}
scores: {roi_class: streams, metric: noise_normalized}
members:
  - backbone: {kind: tiny}
    layers: [conv, tokens]
    poolings: [{kind: adaptive_mean, grid: [1, 2]}]
    readout: {kind: ridge, alphas: [1.0, 100.0], folds: {n: 3, seed: 1}, standardize: true}
"""


def small_study(folder: Path, *changes: tuple[str, str]) -> Path:
    """The recipe as a file, with some of its words replaced."""
    text = SMALL_STUDY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return path
