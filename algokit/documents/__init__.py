"""YAML and JSON documents whose every problem is a finding at ``file:line:col``. The only package that knows YAML."""

from algokit.documents.differences import ABSENT, Change, changes, value_text
from algokit.documents.json_reading import read_json_document
from algokit.documents.reading import (
    AFTER_FILE,
    Document,
    Position,
    Steps,
    parse_value,
    path_text,
    read_document,
    short_text,
)
from algokit.documents.validating import validated

__all__ = [
    "ABSENT",
    "AFTER_FILE",
    "Change",
    "Document",
    "Position",
    "Steps",
    "changes",
    "parse_value",
    "path_text",
    "read_document",
    "read_json_document",
    "short_text",
    "validated",
    "value_text",
]
