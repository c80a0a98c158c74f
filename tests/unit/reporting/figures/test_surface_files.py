"""The surface we read from nilearn's files is the one its public functions give."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from algokit.errors import MachineError
from algokit.reporting.figures import Surface, load_surface


def test_the_meshes_are_those_of_nilearns_public_functions(surface: Surface) -> None:
    from nilearn.datasets import load_fsaverage, load_fsaverage_data

    template = load_fsaverage("fsaverage5")
    depth = load_fsaverage_data(mesh="fsaverage5", data_type="sulcal").data.parts
    for hemisphere, side in (("lh", "left"), ("rh", "right")):
        mesh = surface.meshes[hemisphere]
        for ours, theirs in ((mesh.inflated, template["inflated"]), (mesh.sphere, template["sphere"])):
            np.testing.assert_array_equal(ours, theirs.parts[side].coordinates)
            np.testing.assert_array_equal(mesh.faces, theirs.parts[side].faces)
        np.testing.assert_array_equal(mesh.sulcal_depth, np.ravel(depth[side]))


def test_without_the_files_it_says_which_are_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere = importlib.util.spec_from_file_location("nilearn", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: elsewhere)
    with pytest.raises(MachineError) as caught:
        load_surface()
    assert caught.value.findings[0].where.endswith("infl_left.gii.gz")
