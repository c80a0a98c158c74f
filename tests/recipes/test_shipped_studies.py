"""Every shipped study opens with its header, loads, is planned without data, and keeps to its source."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path

import pytest

from algokit import verbs
from algokit.errors import RecipeError
from algokit.recipe.load import load_recipe
from algokit.recipe.study_load import load_members, load_study, shipped_studies, study_schema

STUDIES = shipped_studies()


@pytest.fixture(params=STUDIES)
def path(request: pytest.FixtureRequest) -> Path:
    return STUDIES[request.param]


def header(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[: next(number for number, line in enumerate(lines) if not line.startswith("#"))]


def test_the_questions_of_both_seeds_are_shipped() -> None:
    assert {load_study(path).study for path in STUDIES.values()} == {
        "data_size",
        "parameter_size",
        "compute",
        "depth",
        "grid",
    }


def test_the_header_gives_needs_command_override_and_expectation(path: Path) -> None:
    text = "\n".join(header(path))
    assert all(f"\n# {word} " in text for word in ("Needs", "Run", "Change", "Expect"))
    assert f"algokit study run recipes/studies/{path.name} --data " in text
    assert load_study(path).about


def test_the_override_of_the_header_is_accepted(path: Path) -> None:
    words = shlex.split(next(line for line in header(path) if line.startswith("# Change")))
    overrides = [value for flag, value in itertools.pairwise(words) if flag == "--set"]
    assert overrides
    assert load_study(path, overrides) != load_study(path)


def test_the_schema_knows_every_key_a_study_uses(path: Path) -> None:
    schema = study_schema()
    used = set(load_study(path).model_dump(exclude_unset=True))
    assert set(schema["required"]) <= used <= set(schema["properties"])


def test_it_is_costed_without_data_or_weights(path: Path) -> None:
    plan = verbs.study_plan(path)
    assert plan.n_points == sum(len(curve.sizes) * len(curve.seeds) for curve in plan.curves)
    assert all(curve.flops > 0 and curve.memory_bytes > 0 for curve in plan.curves)
    assert all(key is None for curve in plan.curves for key in curve.keys)


def test_a_study_is_no_recipe_and_its_members_are_those_that_weights_are_fetched_for(path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert "algokit study run" in caught.value.findings[0].advice
    assert load_members(path).members == load_study(path).members


def test_the_data_study_is_that_of_the_paper_but_for_its_draws() -> None:
    study = load_study(STUDIES["data_size"])
    (member,) = study.members
    sizes = study.images.of(8779)
    assert (member.backbone.name, member.layers, sizes[-1], len(sizes)) == ("EVA02-L-14", "all", 8779, 10)
    assert study.images.draws > 1 and study.scores.roi_class == "streams"
    first = load_study(STUDIES["data_size"], ["images.order=first", "images.draws=1", "law.resample=points"])
    assert first.images.order == "first"


def test_the_parameter_study_is_that_of_the_paper() -> None:
    study = load_study(STUDIES["parameter_size"])
    assert (study.images.sizes, study.val and study.val.n, len(study.members)) == ((4500,), 500, 6)
    millions = {
        one.series.member: one.series.n_parameters / 1e6 for one in verbs.study_plan(STUDIES["parameter_size"]).curves
    }
    assert list(millions.values()) == [pytest.approx(stated, rel=0.05) for stated in (86, 300, 4400, 1000, 850, 1500)]
