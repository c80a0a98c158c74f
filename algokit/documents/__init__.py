"""YAML documents whose every problem is a finding at ``file:line:col``. The only package that knows YAML."""

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
    "AFTER_FILE",
    "Document",
    "Position",
    "Steps",
    "parse_value",
    "path_text",
    "read_document",
    "short_text",
    "validated",
]
