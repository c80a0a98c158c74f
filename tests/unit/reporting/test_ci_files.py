"""JUnit and SARIF hold every finding at its place, and stay well-formed whatever a stranger called their files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from algokit.reporting.junit import junit_text
from algokit.reporting.sarif import sarif_text
from algokit.types import Finding

LEFT, RIGHT = "subj01/lh_pred_test.npy", "subj01/rh_pred_test.npy"
NASTY = "a\x00\x1b[2J<b attr=\"'>&amp;\ud800\ufffe]]>\n\u202e"


@dataclass
class Report:
    path: Path
    findings: list[Finding]
    files: list[str] = field(default_factory=lambda: [LEFT, RIGHT])


ERROR = Finding("transposed", "sub", LEFT, "(7, 11)", "(11, 7)", "turn it", code="transposed")
SECOND = Finding("not floats", "sub", LEFT, advice="save it as float32", code="wrong-dtype")
WARNING = Finding("big-endian", "sub", RIGHT, severity="warning", code="big-endian")
WHOLE = Finding("missing subject", "sub", "subj02", advice="add it", code="missing-subject")
NOTE = Finding("a comment", "sub", severity="note", code="archive-comment")
REPORTS = [Report(Path("sub"), [WHOLE, ERROR, SECOND, WARNING, NOTE]), Report(Path("good.zip"), [])]


def parsed(reports: list[Report], *, strict: bool = False) -> ElementTree.Element:
    return ElementTree.fromstring(junit_text(reports, strict=strict).encode())


def failed(root: ElementTree.Element) -> dict[str, str]:
    cases = [case for case in root.iter("testcase") if case.find("failure") is not None]
    return {case.attrib["name"]: case.find("failure").attrib["type"] for case in cases}  # type: ignore[union-attr]


def test_junit_has_a_suite_per_submission_and_a_test_per_file_asked_for() -> None:
    suites = parsed(REPORTS).findall("testsuite")
    assert [suite.attrib["name"] for suite in suites] == ["sub", "good.zip"]
    for suite in suites:
        assert [case.attrib["name"] for case in suite] == ["the submission as a whole", LEFT, RIGHT]


@pytest.mark.parametrize("strict", [False, True])
def test_junit_fails_the_tests_with_errors_and_with_strict_those_with_warnings(strict: bool) -> None:
    root = parsed(REPORTS, strict=strict)
    expected = {"the submission as a whole": "missing-subject", LEFT: "transposed wrong-dtype"}
    assert failed(root) == (expected | {RIGHT: "big-endian"} if strict else expected)
    assert root.attrib["failures"] == str(len(failed(root)))


def test_junit_counts_are_those_of_its_elements() -> None:
    root = parsed(REPORTS)
    for element in (root, *root):
        assert int(element.attrib["tests"]) == len(list(element.iter("testcase")))
        assert int(element.attrib["failures"]) == len(list(element.iter("failure")))
        assert int(element.attrib["errors"]) == len(list(element.iter("error"))) == 0
    assert all(len(case.findall("failure")) <= 1 for case in root.iter("testcase"))


def test_junit_says_all_of_a_finding_and_shows_what_does_not_fail_as_output() -> None:
    root = parsed(REPORTS)
    (failure,) = (case.find("failure") for case in root.iter("testcase") if case.attrib["name"] == LEFT and len(case))
    assert failure is not None
    assert "turn it" in (failure.text or "")
    assert "(11, 7)" in (failure.text or "")
    outputs = [element.text or "" for element in root.iter("system-out")]
    assert [text.partition(":")[0] for text in outputs] == ["note", "warning"]


def test_junit_stays_well_formed_whatever_files_are_called() -> None:
    finding = Finding(NASTY, NASTY, NASTY, NASTY, NASTY, NASTY, code="x")
    root = parsed([Report(Path(NASTY.replace("\x00", "")), [finding])])
    (failure,) = root.iter("failure")
    assert "<b attr=\"'>&amp;" in (failure.text or "")


def document(reports: list[Report]) -> dict:  # type: ignore[type-arg]
    found = json.loads(sarif_text(reports))
    assert isinstance(found, dict)
    return found


def test_sarif_has_what_its_schema_requires() -> None:
    log = document(REPORTS)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "algokit"
    identifiers = [rule["id"] for rule in driver["rules"]]
    assert len(set(identifiers)) == len(identifiers)
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    assert len(run["results"]) == 5
    for result in run["results"]:
        assert identifiers[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        assert len(result["locations"]) == 1


def test_sarif_places_are_files_of_a_folder_and_the_archive_itself(tmp_path: Path) -> None:
    folder, packed = tmp_path / "sub", tmp_path / "sub.zip"
    folder.mkdir()
    results = document([Report(folder, [ERROR]), Report(packed, [ERROR])])["runs"][0]["results"]
    places = [result["locations"][0] for result in results]
    uris = [place["physicalLocation"]["artifactLocation"]["uri"] for place in places]
    assert uris == [(folder / LEFT).as_uri(), packed.as_uri()]
    assert [place["logicalLocations"][0]["fullyQualifiedName"] for place in places] == [LEFT, LEFT]


@pytest.mark.parametrize("name", ["a b%20c#?.zip", "c:d/x.zip", "\u00e9\u202e.zip", "\udcff.zip"])
def test_sarif_places_are_uri_references_whatever_files_are_called(name: str) -> None:
    (result,) = document([Report(Path(name), [ERROR])])["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert unquote(parts.path, errors="surrogateescape") == name
