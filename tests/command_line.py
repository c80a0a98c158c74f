"""A command as a user types it, in this process."""

from __future__ import annotations

import sys

import pytest

from algokit.cli import main


def called(*words: object) -> int | str | None:
    """Exit code of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["algokit", *map(str, words)])
        with pytest.raises(SystemExit) as way_out:
            main()
    return way_out.value.code
