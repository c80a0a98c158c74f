"""The methods paragraphs say what the plan does, and cite what they name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from algokit import verbs
from algokit.recipe.load import shipped_recipes
from algokit.recipe.plan import Plan
from algokit.reporting.methods import Methods, methods
from algokit.reporting.references import REFERENCES, backbone_references, lettered

RECIPES = shipped_recipes()


@cache
def planned(name: str, *overrides: str) -> Plan:
    return verbs.plan(RECIPES[name], overrides=overrides)


def written(plan: Plan, *, is_official: bool = True) -> Methods:
    return methods(plan, {}, is_official=is_official, versions={"numpy": "2.0"})


@pytest.mark.parametrize("name", RECIPES)
def test_every_citation_has_its_reference_and_every_reference_is_cited(name: str) -> None:
    said = written(planned(name))
    text = " ".join(said.paragraphs)
    cited = {short for group in re.findall(r"\(([A-Z][^()]*\d{4}[a-z]?)\)", text) for short in group.split("; ")}
    assert {reference.short for reference in said.references} == cited
    assert cited
    assert [one.full for one in said.references] == sorted(one.full for one in said.references)


@pytest.mark.parametrize("name", RECIPES)
def test_every_backbone_its_weights_and_the_number_of_its_feature_spaces_are_named(name: str) -> None:
    plan = planned(name)
    text = " ".join(written(plan).paragraphs)
    for member in plan.members:
        assert member.card.name.startswith("gabor") or member.card.name in text
        assert f"which gave {len(member.spaces)} feature space" in text


def test_the_demo_recipe_is_told_with_its_own_numbers() -> None:
    text = " ".join(written(planned("demo")).paragraphs)
    for words in (
        "8 subjects of the Natural Scenes Dataset",
        "315,997 vertices in all, 8,779 to 9,841 training and 159 to 395 test images",
        "10 % per subject, drawn at random (seed 0)",
        "96 × 96 pixels (bicubic)",
        "adaptive max pooling to grids of 1 × 1, 2 × 2 and 4 × 4, which gave 15 feature spaces",
        "13 candidate penalties from 1 to 10⁶",
        "held out from every choice, and from the fits behind the local validation score",
        "the test images were predicted by fits on all training images",
        "5 folds of shuffled training images, seed 0",
        "standardised",
    ):
        assert words in text


def test_a_changed_recipe_changes_the_words() -> None:
    change = ("members.0.readout.folds.n=7", "members.0.readout.standardize=false", "val=null")
    text = " ".join(written(planned("demo", *change)).paragraphs)
    assert "7 folds" in text
    assert "centred" in text
    assert "held out" not in text


@pytest.mark.parametrize(
    ("reduction", "words"),
    [
        ("{kind: gram}", "inner products with the training images were kept in its place. Features were centred"),
        (
            "{kind: pca, n_components: 1500}",
            "Up to 1,500 principal components of each were computed on the training images ",
        ),
        (
            "{kind: sparse_projection, n_components: 64, standardize: true}",
            "random projection (Li et al., 2006), seed 0.",
        ),
    ],
)
def test_a_reduction_is_told_between_features_and_readout(reduction: str, words: str) -> None:
    change = (f"members.0.reduction={reduction}", "members.0.readout.standardize=false")
    said = written(planned("demo", *change))
    text = " ".join(said.paragraphs)
    assert words in text
    assert ("standard deviations over the training images that were not held out" in text) == (
        "standardize" in reduction
    )
    assert ("Li et al., 2006" in {one.short for one in said.references}) == ("sparse" in reduction)


def test_a_pruned_search_is_told_and_an_exhaustive_one_is_not() -> None:
    change = "members.0.readout.search={kind: pruned, n_vertices: 600, loss: 0.02}"
    text = " ".join(written(planned("demo", change)).paragraphs)
    assert (
        "up to 600 vertices were drawn at random (seed 0); spaces were left out as long as at most 1 % of one" in text
    )
    assert "lose more than 0.02" in text
    assert "left out" not in " ".join(written(planned("demo")).paragraphs)


def test_principal_components_and_least_squares_are_not_called_ridge() -> None:
    text = " ".join(written(planned("tutorial_alexnet")).paragraphs)
    assert "100 principal components of the feature space" in text
    assert "training images (for the validation score, without those held out)" in text
    assert "ridge" not in text
    assert "drawn at random (seed 5)" in text


@pytest.mark.parametrize(
    ("readout", "words"),
    [
        ("{kind: ridge, selection: loo}", "highest Pearson correlation of leave-one-out predictions"),
        ("{kind: ridge, selection: gcv}", "smallest generalised cross-validation error"),
        ("{kind: ridge, folds: {kind: grouped}}", "shuffled training images, all rows of an image in one fold"),
        ("{kind: ridge, folds: {kind: grouped}}", "drawn at random (seed 0, all rows of an image together)"),
        ("{kind: banded_ridge, n_iter: 9}", "from 15 feature spaces jointly. For every vertex the penalty of each"),
        ("{kind: banded_ridge, n_iter: 9}", "9 random mixes, seed 0"),
    ],
)
def test_the_way_of_choosing_is_the_one_that_was_used(readout: str, words: str) -> None:
    assert words in " ".join(written(planned("demo", f"members.0.readout={readout}")).paragraphs)


def test_an_ensemble_is_said_to_be_averaged_and_a_single_member_is_not() -> None:
    assert "The predictions of the 6 members were averaged" in " ".join(written(planned("eva_ensemble")).paragraphs)
    assert "averaged with" not in " ".join(written(planned("demo")).paragraphs)


@pytest.mark.parametrize(
    ("kind", "words", "source"),
    [
        ("stacking", "weights that are nonnegative, sum to one", "Breiman, 1996"),
        ("greedy", "of at most 20 picks those up to the best were averaged", "Caruana et al., 2004"),
    ],
)
def test_learned_weights_are_told_with_the_images_they_come_from(kind: str, words: str, source: str) -> None:
    said = written(planned("eva_ensemble", f"ensemble={{kind: {kind}}}", "val={fraction: 0.1}"))
    text = " ".join(said.paragraphs)
    assert words in text
    assert "out-of-fold predictions of the training images that were not held out" in text
    assert "averaged with equal weights" not in text
    assert source in {one.short for one in said.references}


def test_untrained_weights_are_said_loudly() -> None:
    plan = planned("reference_squeezenet", "members.0.backbone.weights=random", "members.0.backbone.checkpoint=null")
    assert "RANDOM, UNTRAINED" in " ".join(written(plan).paragraphs)


def test_other_data_are_never_called_measurements_of_a_brain() -> None:
    text = " ".join(written(planned("demo"), is_official=False).paragraphs)
    assert "fMRI" not in text
    assert "but not its data" in text


def test_without_a_plan_and_scores_nothing_is_claimed() -> None:
    assert methods(None, {"test": None}, is_official=True, versions={}) == Methods((), ())


def test_the_shipped_models_architectures_are_known() -> None:
    cards = Path(verbs.__file__).parents[1] / "backbones" / "cards"
    for card in cards.glob("*.json"):
        kind, name = card.stem.split("--")
        libraries = {"timm", "open_clip", "torchvision"}
        assert set(backbone_references(kind, name)) - libraries, name
    assert backbone_references("cornet", "CORnet-S", "imagenet1k") == ("cornet",)
    assert backbone_references("timm", "vit_base_patch14_reg4_dinov2") == ("vit", "dinov2", "registers", "timm")
    assert backbone_references("open_clip", "EVA02-L-14")[:2] == ("eva02", "evaclip")
    assert backbone_references("timm", "unheard_of") == ("timm",)


@pytest.mark.parametrize(
    ("kind", "name", "tag", "keys"),
    [
        ("timm", "vit_base_patch16_clip_224.openai", "", ("vit", "clip", "timm")),
        ("timm", "convnext_base.clip_laion2b", "", ("convnext", "clip", "laion", "open_clip", "timm")),
        ("timm", "vit_base_patch16_siglip_224.webli", "", ("vit", "siglip", "timm")),
        ("timm", "vit_base_patch16_224.mae", "", ("vit", "mae", "timm")),
        ("timm", "convnextv2_base.fcmae", "", ("convnextv2", "timm")),
        ("timm", "vit_base_patch14_dinov2.lvd142m", "", ("vit", "dinov2", "timm")),
        ("timm", "vit_base_patch16_224.dino", "", ("vit", "dino", "timm")),
        ("timm", "deit3_base_patch16_224.fb_in1k", "", ("vit", "deit3", "timm")),
        ("timm", "deit_base_patch16_224.fb_in1k", "", ("vit", "deit", "timm")),
        ("timm", "beit_base_patch16_224.in22k_ft_in22k", "", ("vit", "beit", "timm")),
        ("timm", "resnext50_32x4d.a1_in1k", "", ("resnext", "timm")),
        ("timm", "eva02_base_patch16_clip_224.merged2b", "", ("eva02", "evaclip", "timm")),
        ("open_clip", "ViT-B-32", "laion2b_s34b_b79k", ("vit", "clip", "laion", "open_clip")),
        ("open_clip", "ViT-B-16-SigLIP", "webli", ("vit", "siglip", "open_clip")),
        ("torchvision", "wide_resnet50_2", "", ("resnet", "torchvision")),
    ],
)
def test_a_model_is_cited_by_its_architecture_its_training_and_its_library(
    kind: str, name: str, tag: str, keys: tuple[str, ...]
) -> None:
    assert backbone_references(kind, name, tag) == keys


def test_weights_that_were_not_trained_cite_no_training() -> None:
    name = "vit_base_patch16_clip_224.openai"
    assert backbone_references("timm", name, is_trained=False) == ("vit", "timm")


def test_a_model_that_nothing_is_known_of_is_said_to_have_no_reference() -> None:
    plan = planned("reference_squeezenet")
    member = plan.members[0]
    card = member.card.model_copy(update={"name": "unheard_of"})
    unknown = plan.model_copy(update={"members": (member.model_copy(update={"card": card}),)})
    assert "unheard_of (no reference known)" in " ".join(written(unknown).paragraphs)
    assert "no reference known" not in " ".join(written(plan).paragraphs)


def test_letters_are_given_to_references_of_one_year_and_only_where_there_are_two() -> None:
    alone = lettered({"eva02": REFERENCES["eva02"]})
    assert alone["eva02"].short == "Fang et al., 2023"
    both = lettered({"eva": REFERENCES["eva"], "eva02": REFERENCES["eva02"]})
    assert [one.full for one in both.values()] == sorted(one.full for one in both.values())
    assert [one.short[-5:] for one in both.values()] == ["2023a", "2023b"]
    assert all(f"({one.short[-5:]})" in one.full for one in both.values())


def test_only_software_that_took_part_is_listed() -> None:
    installed = dict.fromkeys(
        ("python", "numpy", "torch", "torchvision", "timm", "open_clip_torch", "scikit-learn"), "1"
    )

    def software(name: str) -> set[str]:
        text = methods(planned(name), {}, is_official=True, versions=installed).paragraphs[-1]
        return {one for one in installed if f"{one} 1" in text}

    assert software("demo") == {"python", "numpy", "torch"}
    assert software("tutorial_alexnet") == {"python", "numpy", "torch", "torchvision", "scikit-learn"}


def test_references_are_complete_and_their_links_are_permanent() -> None:
    for one in REFERENCES.values():
        assert one.short.split(",")[0].split(" ")[0] in one.full
        assert re.search(r"\d{4}", one.short).group() in one.full  # type: ignore[union-attr]
        assert one.url.startswith(("https://doi.org/", "https://arxiv.org/abs/", "https://github.com/"))
