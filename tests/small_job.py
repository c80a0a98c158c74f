"""A job of one tiny network on a small challenge, for tests of what runs one."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from algokit.challenge import DigestCache, open_challenge
from algokit.executors import Job
from algokit.pipeline.inputs import read_inputs
from algokit.pipeline.settings import RunSettings
from algokit.recipe.load import load_recipe
from algokit.recipe.planning import make_plan

RECIPE = """\
algokit: 1
name: tiny
members:
  - backbone: {kind: tiny}
    layers: [vector]
    poolings: [{kind: flatten}]
    readout: {kind: ridge, alphas: [1], folds: {n: 2}}
"""


def small_job(data: Path, folder: Path) -> Job:
    """The job on the challenge in ``data``; recipe and store lie in ``folder``."""
    path = folder / "tiny.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    challenge, recipe = open_challenge(data), load_recipe(path)
    planned, inputs = read_inputs(challenge, challenge.subjects, DigestCache())
    plan = make_plan(recipe, planned, version("algokit"))
    return Job(plan, recipe, inputs, folder / "store", RunSettings("cpu", 8, 1), data)
