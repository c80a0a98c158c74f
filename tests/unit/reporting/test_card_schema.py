"""A card that was written is a card by its schema; whatever else stands in the file is told with its place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_card import card, changed, digest, places, values

from algokit.errors import UsageError
from algokit.reporting.card_diff import diff_cards
from algokit.reporting.card_reading import read_card
from algokit.reporting.card_schema import Card, card_schema
from algokit.reporting.card_verdict import diff_verdict

SCHEMA = card_schema()
BROKEN: dict[str, tuple[str, Any]] = {
    "no key": ("plan_key", ...),
    "a key that is no digest": ("plan_key", "abc"),
    "a number for a text": ("algokit_version", 1),
    "no recipe": ("recipe", ...),
    "a recipe that is a list": ("recipe", []),
    "a subject of another name": ("data/images", {"someone": digest("x")}),
    "a digest too short": ("data/responses/subj01", "00"),
    "an upper-case digest": ("files/plan.json", digest("x").upper()),
    "vertices of one hemisphere": ("geometry/subj01/n_vertices", {"lh": 3}),
    "a negative count": ("geometry/subj01/n_test", -1),
    "a count that is a text": ("geometry/subj01/n_test", "7"),
    "weights without a digest": ("weights/net", {"source": "a", "is_random": False}),
    "random, perhaps": ("weights/net/is_random", "yes"),
    "scores of another split": ("scores", {"train": None}),
    "a score without version": ("scores/test/metrics/pearson_r_mean", {"value": 0.5}),
    "a score in words": ("scores/test/metrics/pearson_r_mean/value", "high"),
    "notes that are no list": ("notes", {"fit/net/subj01": "odd"}),
    "timings without total": ("timings", {"steps_s": {}}),
    "a zip without digest": ("packed", {"zip": "a.zip", "n_bytes": 1}),
}


def written(folder: Path, document: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    return folder


def refusal(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_card(path)
    assert caught.value.findings
    return caught.value


def test_the_schema_is_one_and_a_written_card_fits_it() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(card(), SCHEMA)
    jsonschema.validate(card(test=None), SCHEMA)


@pytest.mark.parametrize(("path", "value"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_refused_by_the_schema_and_told_at_its_place(path: str, value: Any, tmp_path: Path) -> None:
    document = changed(card(), path, value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)
    finding = refusal(written(tmp_path, document)).findings[0]
    assert re.fullmatch(rf"{re.escape(str(tmp_path))}/card\.json:\d+:\d+", finding.where)
    assert finding.path.startswith(path.split("/")[0])


def test_all_problems_come_at_once_with_line_and_path(tmp_path: Path) -> None:
    document = card()
    for path, value in (("device", 3), ("geometry/subj01/n_test", None), ("plan_key", ...)):
        document = changed(document, path, value)
    found = refusal(written(tmp_path, document)).findings
    assert {one.path for one in found} == {"device", "geometry.subj01.n_test", "plan_key"}
    lines = (tmp_path / "card.json").read_text().splitlines()
    line = next(int(one.where.split(":")[-2]) for one in found if one.path == "device")
    assert lines[line - 1].strip().startswith('"device": 3')


def test_entries_of_a_newer_algokit_are_kept_and_fit_the_schema(tmp_path: Path) -> None:
    document = changed(changed(card(), "energy", {"joule": 3.5}), "hardware/driver", "550")
    jsonschema.validate(document, SCHEMA)
    assert read_card(written(tmp_path, document)).card.model_extra == {"energy": {"joule": 3.5}}


def test_a_card_without_scores_and_one_of_a_packed_submission_can_be_read(tmp_path: Path) -> None:
    older = changed(card(), "scores", ...)
    packed = changed(card(), "packed", {"zip": "a.zip", "sha256": digest("z"), "n_bytes": 9, "trim": {"n_bits": 8}})
    assert read_card(written(tmp_path / "older", older)).card.scores == {}
    zipped = read_card(written(tmp_path / "packed", packed)).card.packed
    assert zipped is not None
    assert zipped.trim == {"n_bits": 8}


@pytest.mark.parametrize("stated", ["algokit-card/2", "algokit-card/10"])
def test_a_card_of_another_version_is_named_as_such_and_nothing_else_is_said(stated: str, tmp_path: Path) -> None:
    document = {"schema": stated, "algokit_version": "3.1", "everything": "else"}
    error = refusal(written(tmp_path, document))
    assert "another version" in error.headline
    assert len(error.findings) == 1
    assert stated in error.findings[0].found
    assert "3.1" in error.findings[0].found


@pytest.mark.parametrize(
    "document", [{}, {"schema": None}, {"schema": "other/1"}, {"schema": {"a": 1}}, card()["recipe"]]
)
def test_what_is_no_card_is_called_so(document: dict[str, Any], tmp_path: Path) -> None:
    assert "is not a card" in refusal(written(tmp_path, document)).headline


def test_a_card_is_read_from_its_file_its_folder_and_the_provenance_of_a_zip(tmp_path: Path) -> None:
    folder = written(tmp_path / "submission", card())
    beside = tmp_path / "submission.zip.provenance.json"
    beside.write_text(json.dumps({"packed": {"zip": "submission.zip"}, "card": card()}), encoding="utf-8")
    cards = [read_card(path).card for path in (folder, folder / "card.json", beside)]
    assert cards[0] == cards[1] == cards[2]


def test_problems_in_a_provenance_file_are_told_at_their_place_in_it(tmp_path: Path) -> None:
    beside = tmp_path / "a.zip.provenance.json"
    beside.write_text(json.dumps({"packed": {}, "card": changed(card(), "device", 1)}, indent=1), encoding="utf-8")
    line = int(refusal(beside).findings[0].where.split(":")[-2])
    assert '"device": 1' in beside.read_text().splitlines()[line - 1]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.zip", "PK", "provenance.json"),
        ("card.json", "", "empty"),
        ("card.json", "not JSON", "not JSON"),
        ("card.json", "[1, 2]", "not a mapping"),
        ("card.json", '{"schema": "algokit-card/1", "schema": 2}', "duplicate key"),
        ("card.json", '{"a":' * 5000 + "1" + "}" * 5000, "nested more than"),
        ("card.json", '{"a": [' + "1," * 300_000 + "1]}", "more than 200000 values"),
        ("card.json", '{"a": "' + "x" * 17_000_000 + '"}', "larger than"),
        ("card.json", '{"a": NaN}', "NaN is not JSON"),
        ("card.json", '{"a": 1e400}', "too large"),
        ("card.json", '{"a": ' + "9" * 5000 + "}", "digits"),
        ("card.json", '{"a": "\\ud800"}', "surrogate"),
        ("card.json", '{"\\u001b[2J": 1}', "printable"),
        ("card.json", '{"packed": {}, "card": null}', "not a card"),
    ],
)
def test_hostile_files_are_findings(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    error = refusal(tmp_path / name)
    assert said in str(error)
    assert len(str(error)) < 2000


def test_a_thousand_problems_are_counted_and_not_all_printed(tmp_path: Path) -> None:
    error = refusal(written(tmp_path, changed(card(), "files", {f"f{index}": 0 for index in range(1000)})))
    assert len(error.findings) == 51
    assert "and 950 more" in error.findings[-1].what


def test_words_of_a_stranger_cannot_steer_the_terminal(tmp_path: Path) -> None:
    error = refusal(written(tmp_path, changed(card(), "device", ["\x1b[31m\x9b2J"])))
    assert all(one.found.isprintable() for one in error.findings)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere_is_a_finding_or_a_card_that_can_be_compared(tmp_path: Path, data: st.DataObject) -> None:
    document = card()
    for _ in range(data.draw(st.integers(1, 3))):
        *steps, last = data.draw(st.sampled_from(places(document)[1:]))
        place: Any = document
        for step in steps:
            place = place[step]
        place[last] = data.draw(values)
    (tmp_path / "card.json").write_text(json.dumps(document), encoding="utf-8")
    try:
        other = read_card(tmp_path).card
    except UsageError as error:
        assert error.findings
        return
    jsonschema.validate(document, SCHEMA)
    own = Card.model_validate(card())
    for pair in ((own, other), (other, own), (other, other)):
        assert diff_verdict(diff_cards(*pair))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_and_cut_bytes_are_a_finding_or_a_card(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(json.dumps(card()).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "card.json").write_bytes(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    try:
        read_card(tmp_path)
    except UsageError as error:
        assert error.findings
