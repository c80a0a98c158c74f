"""What changed the score: the input that differs, every candidate where there are several, and nothing more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from small_card import RECIPE, card, changed, digest, scores

from algokit.reporting.card import headline_scores
from algokit.reporting.card_diff import CardDiff, diff_cards
from algokit.reporting.card_documents import diff_document
from algokit.reporting.card_schema import Card
from algokit.reporting.card_verdict import diff_verdict


def compared(old: dict[str, Any], new: dict[str, Any]) -> CardDiff:
    return diff_cards(Card.model_validate(old), Card.model_validate(new))


def other_predictions(document: dict[str, Any], test: float | None = 51.25) -> dict[str, Any]:
    """The card with other bytes in one prediction file, and another score."""
    document = json.loads(json.dumps(document))
    document["files"]["subj01/lh_pred_test.npy"] = digest("other predictions")
    document["scores"] = headline_scores({"test": None if test is None else scores("test", test), "val": None})
    return document


def verdict(old: dict[str, Any], new: dict[str, Any]) -> str:
    return "\n".join(diff_verdict(compared(old, new)))


def test_a_card_and_itself_have_the_same_inputs_predictions_and_score() -> None:
    diff = compared(card(), card())
    assert diff.is_same
    assert not diff.inputs
    assert diff_verdict(diff) == ("test: the score is the same (50.00)", "same inputs, same predictions")


def test_times_and_what_came_out_of_a_run_are_no_inputs() -> None:
    new = changed(changed(card(), "timings/total_s", 99.0), "notes", {"fit/net/subj01": ["odd"]})
    assert not compared(card(), new).inputs


def test_the_only_input_that_differs_is_named_with_its_path_and_both_values() -> None:
    new = other_predictions(changed(card(), "recipe/members/0/poolings/0/grid", [1, 2, 3, 4]))
    words = verdict(card(), new)
    assert "test: the score changed by +1.25 points (50.00 -> 51.25)" in words
    assert "the one input that differs: recipe members[0].poolings[0].grid [1, 2, 4] -> [1, 2, 3, 4]" in words
    assert "cannot tell" not in words


def test_of_two_inputs_neither_is_blamed_alone() -> None:
    new = changed(card(), "recipe/members/0/poolings/0/grid", [8])
    new = other_predictions(changed(new, "versions/torch", "2.15.0"))
    words = verdict(card(), new)
    assert "two cards cannot tell which" in words
    assert "members[0].poolings[0].grid" in words
    assert "torch 2.14.0 -> 2.15.0" in words


def test_other_versions_and_device_are_told_apart_from_other_recipes() -> None:
    new = other_predictions(changed(changed(card(), "versions/torch", "2.15.0"), "device", "cuda"))
    words = verdict(card(), new)
    assert "same recipe, data and weights" in words
    assert "torch 2.14.0 -> 2.15.0, device cpu -> cuda" in words


def test_a_device_that_nothing_was_computed_on_tells_nothing() -> None:
    assert not compared(card(), changed(card(), "device", None)).inputs


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("test_data/subj01/noise_ceiling.lh", digest("o"), "noise ceilings of subj01"),
        ("test_data/subj02/test_fmri.lh", digest("o"), "test responses of subj02"),
        ("test_data/subj02/ncsnr.lh", digest("o"), "noise ceilings of subj02"),
        ("scores/test/ceiling_source", "ncsnr", "ceilings of test the files -> ncsnr"),
        ("scores/test/metrics/noise_normalized_mean/version", 2, "version of noise_normalized_mean (test) 1 -> 2"),
        ("algokit_version", "0.2.0", "algokit 0.1.0 -> 0.2.0"),
        ("challenge/manifest_digest", digest("o"), "manifest"),
    ],
)
def test_the_same_predictions_with_another_score_blame_the_scoring(path: str, value: Any, said: str) -> None:
    name = path.replace("test_data/", "")
    new = changed(card(60.0), path, value) if "test_data" not in path else card(60.0)
    if "test_data" in path:
        new["test_data"][name] = value
    assert not compared(card(), new).is_same
    words = verdict(card(), new)
    assert "the predictions are the same bytes: only the scoring changed" in words
    assert said in words


def test_a_changed_roi_mask_is_shown_and_never_blamed_for_the_score_of_all_vertices() -> None:
    new = card()
    new["test_data"]["subj01/roi_challenge_space.lh.floc-bodies"] = digest("o")
    diff = compared(card(), new)
    assert [(one.what, one.reach) for one in diff.inputs] == [("ROI masks of subj01", "nothing")]
    assert diff.is_same


def test_another_score_of_the_same_everything_is_said_to_be_unexplained() -> None:
    assert "the cards cannot say" in verdict(card(), card(60.0))
    assert "no recorded input differs" in verdict(card(), other_predictions(card()))


def test_inputs_that_differ_without_effect_are_said_to_have_none() -> None:
    new = changed(card(), "versions/torch", "2.15.0")
    diff = compared(card(), new)
    assert diff.is_same
    assert "what differs made no difference (torch 2.14.0 -> 2.15.0)" in verdict(card(), new)


def test_data_are_compared_by_subject_and_told_together() -> None:
    new = changed(card(), "data/responses", {"subj01": digest("x"), "subj02": digest("y")})
    (found,) = compared(card(), new).inputs
    assert (found.group, found.what) == ("data", "responses of subj01, subj02")


def test_a_member_more_is_one_input_and_not_a_shift_of_all_others() -> None:
    second = {**RECIPE["members"][0], "name": "first"}
    new = changed(card(), "recipe/members", [second, RECIPE["members"][0]])
    (found,) = compared(card(), new).inputs
    assert found.what == "members[0]"


def test_weights_of_another_network_follow_from_the_recipe_and_are_not_a_second_cause() -> None:
    new = changed(card(), "recipe/members/0/backbone/name", "resnet50")
    new = other_predictions(changed(new, "weights/net/sha256", digest("b")))
    diff = compared(card(), new)
    assert [one.reach for one in diff.inputs] == ["predictions", "nothing"]
    assert "the one input that differs: recipe members[0].backbone.name" in verdict(card(), new)


def test_other_weights_under_one_name_are_an_input() -> None:
    new = other_predictions(changed(card(), "weights/net/sha256", digest("b")))
    assert "the one input that differs: weights of net" in verdict(card(), new)


def test_names_and_places_of_weights_files_change_nothing() -> None:
    new = changed(changed(card(), "recipe/name", "again"), "recipe/members/0/backbone/checkpoint", "b.safetensors")
    diff = compared(card(), changed(new, "plan_key", digest("renamed")))
    assert [one.reach for one in diff.inputs] == ["nothing", "nothing"]


def test_subjects_the_recipe_left_out_are_not_a_second_cause() -> None:
    new = changed(changed(card(), "geometry/subj02", ...), "recipe/subjects", ["subj01"])
    for kind in ("images", "responses"):
        new = changed(new, f"data/{kind}/subj02", ...)
    causes = [one.what for one in compared(card(), new).reaching("predictions", "both")]
    assert causes == ["subjects"]


def test_other_steps_of_the_same_inputs_are_named() -> None:
    new = other_predictions(changed(card(), "plan_key", digest("other steps")))
    assert "the one input that differs: steps of the plan" in verdict(card(), new)


def test_scores_in_one_card_only_and_scores_without_ceilings() -> None:
    assert "only the first card has a score (50.00)" in verdict(card(), card(test=None))
    assert "neither card has a score" in verdict(card(test=None), card(test=None))
    raw = card()
    raw["scores"] = headline_scores({"test": scores("test", 31.5, ceilings=False)})
    assert "test: the score changed by -0.1850 in r (0.5000 -> 0.3150)" in verdict(card(), raw)


def test_entries_of_a_newer_algokit_are_compared_and_not_blamed() -> None:
    old, new = (changed(card(), "hardware/driver", one) for one in ("550", "560"))
    (found,) = compared(old, new).inputs
    assert (found.group, found.what, found.reach) == ("other", "hardware.driver", "nothing")


def test_true_is_not_one_and_an_absent_key_is_not_null() -> None:
    old, new = (changed(card(), "recipe/members/0/backbone/weights", one) for one in (True, 1))
    assert compared(old, new).inputs
    assert compared(changed(card(), "recipe/val", None), changed(card(), "recipe/val", ...)).inputs


def test_the_document_for_programs_is_plain_json_and_leaves_out_what_is_absent() -> None:
    diff = compared(changed(card(), "recipe/val", ...), other_predictions(card()))
    document = json.loads(json.dumps(diff_document(diff, diff_verdict(diff)), allow_nan=False))
    assert document["same"] is False
    assert document["scores"][0]["change"] == 1.25
    assert document["inputs"][0]["what"] == "val"
    assert "old" not in document["inputs"][0]
    assert document["predictions"]["differing"] == ["subj01/lh_pred_test.npy"]
