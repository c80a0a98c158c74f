"""The demo pipeline killed at twenty random moments; `make faults` kills it two hundred times."""

from __future__ import annotations

import sys
from pathlib import Path

from running import PATIENCE_S, ended


def test_twenty_kills_at_random_moments_lose_nothing_and_change_no_byte() -> None:
    script = str(Path(__file__).with_name("killing.py"))
    over = ended((sys.executable, script, "--kills", "20", "--small"), patience_s=3 * PATIENCE_S)
    assert over.code == 0, over.out + over.err
    assert over.out.splitlines()[-1].startswith("20 kills, 0 problems")
