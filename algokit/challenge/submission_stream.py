"""A submission that arrives as a stream of bytes, perhaps without end, from a stranger."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from algokit.atomic import disk_errors
from algokit.errors import SubmissionError
from algokit.types import Finding

STREAM_LIMIT_BYTES = 2_000_000_000  # three times all files as float64
_PIECE_BYTES = 1 << 20


@contextlib.contextmanager
def spooled(stream: BinaryIO, name: Path, limit_bytes: int = STREAM_LIMIT_BYTES) -> Iterator[io.FileIO]:
    """The stream's bytes in a temporary file that has no name and is gone with this block, or with the process.

    Parameters
    ----------
    name : what to call the stream in findings.

    Raises
    ------
    SubmissionError : it does not end within ``limit_bytes``.
    DiskError : there is no space for it.
    """
    with tempfile.TemporaryFile(buffering=0) as file:
        n_bytes = 0
        while piece := stream.read(_PIECE_BYTES):
            n_bytes += len(piece)
            if n_bytes > limit_bytes:
                limit, advice = f"at most {limit_bytes / 1e6:,.0f} MB", "give the zip of one submission"
                what = "a stream too long to be a submission"
                raise SubmissionError(
                    f"{name} is too long", [Finding(what, str(name), "", limit, advice=advice, code="too-long-stream")]
                )
            with disk_errors(Path(tempfile.gettempdir())):
                file.write(piece)
        file.seek(0)
        yield file
