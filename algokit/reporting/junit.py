"""The findings of a validation as JUnit XML: one suite per submission, one test per file that was asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

from algokit.types import Finding, Severity

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WHOLE = "the submission as a whole"


class Checked(Protocol):
    """One submission that was checked."""

    @property
    def path(self) -> Path: ...

    @property
    def findings(self) -> Sequence[Finding]: ...

    @property
    def files(self) -> Sequence[str]:
        """The names of the files asked for."""
        ...


def junit_text(reports: Sequence[Checked], *, strict: bool = False) -> str:
    """The XML document.

    Parameters
    ----------
    strict : whether a warning fails a test; else it is the test's output.
    """
    failing: tuple[Severity, ...] = ("error", "warning") if strict else ("error",)
    root = ElementTree.Element("testsuites", name="algokit validate")
    for report in reports:
        root.append(_suite(report, failing))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(report: Checked, failing: tuple[Severity, ...]) -> ElementTree.Element:
    name = _xml(str(report.path))
    suite = ElementTree.Element("testsuite", name=name)
    by_test: dict[str, list[Finding]] = {_WHOLE: [], **{file: [] for file in report.files}}
    for finding in report.findings:
        by_test[finding.path if finding.path in by_test else _WHOLE].append(finding)
    for test, findings in by_test.items():
        case = ElementTree.SubElement(suite, "testcase", classname=name, name=test, time="0")
        failures = [finding for finding in findings if finding.severity in failing]
        if failures:
            message = _xml("; ".join(finding.what for finding in failures))
            kinds = _xml(" ".join(dict.fromkeys(finding.code for finding in failures)))
            ElementTree.SubElement(case, "failure", message=message, type=kinds).text = _lines(failures)
        if others := [finding for finding in findings if finding.severity not in failing]:
            ElementTree.SubElement(case, "system-out").text = _lines(others)
    suite.set("tests", str(len(by_test)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", "0")
    return suite


def _lines(findings: Sequence[Finding]) -> str:
    return _xml("\n".join(f"{finding.severity}: {finding}" for finding in findings))


def _xml(text: str) -> str:
    """The text without the characters that XML cannot hold, however they are escaped."""
    return _NOT_XML.sub("\ufffd", text)
