"""The findings of a validation as SARIF 2.1.0, which code hosts show beside the files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from algokit.reporting.junit import Checked
from algokit.types import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_text(reports: Sequence[Checked]) -> str:
    """The JSON document: one run, one rule per code, one result per finding."""
    found = [(report.path, finding) for report in reports for finding in report.findings]
    codes = sorted({finding.code for _, finding in found})
    rules = [{"id": code, "shortDescription": {"text": code.replace("-", " ").capitalize()}} for code in codes]
    driver = {"name": "algokit", "version": version("algokit"), "rules": rules}
    results = [_result(path, finding, codes.index(finding.code)) for path, finding in found]
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(document, indent=1) + "\n"


def _result(path: Path, finding: Finding, rule_index: int) -> dict[str, Any]:
    details = [("expected", finding.expected), ("found", finding.found), ("", finding.advice)]
    said = "; ".join(" ".join(part for part in pair if part) for pair in details if pair[1])
    return {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": finding.severity,
        "message": {"text": finding.what + (f" ({said})" if said else "")},
        "locations": [_location(path, finding)],
    }


def _location(path: Path, finding: Finding) -> dict[str, Any]:
    """The file where there is one; what lies in a zip or a stream is named beside the archive."""
    inside = path / finding.path
    place = inside if path.is_dir() else path
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": _uri(place)}}}
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.path}]
    return location


def _uri(path: Path) -> str:
    """A relative reference, or a file URI where the path is absolute; percent-encoded."""
    encoded = quote(path.as_posix().encode("utf-8", "surrogateescape"))
    return f"file://{encoded}" if path.is_absolute() else encoded
