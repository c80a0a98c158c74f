"""The rows of a study as a Parquet file, with the type of every column: for pandas, polars, R and DuckDB."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, fields

from algokit.studies.tidy import StudyRow

_TYPES = {"int": "int64", "int | None": "int64", "float": "float64", "float | None": "float64"}


def rows_parquet(rows: Sequence[StudyRow]) -> bytes:
    """The bytes of the file; a value that is not known is null, and all else is text or a number as in the CSV."""
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(one.name, _TYPES.get(str(one.type), "string")) for one in fields(StudyRow)])
    table = pyarrow.Table.from_pylist([asdict(row) for row in rows], schema=schema)
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
