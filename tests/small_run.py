"""A run of the demo recipe on a small challenge, for tests that need a real submission folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from algokit import verbs
from algokit.recipe.load import shipped_recipes


@dataclass(frozen=True)
class SmallRun:
    """Where a run read and wrote; only to be read."""

    data: Path
    store: Path
    out: Path

    def copied(self, place: Path) -> Path:
        """The submission folder, copied to be changed."""
        return Path(shutil.copytree(self.out, place))

    def again(self, out: Path) -> verbs.RunReport:
        """The same run into another folder; everything is in the store."""
        return verbs.run(shipped_recipes()["demo"], data=self.data, out=out, store=self.store)


def small_run(data: Path, folder: Path) -> SmallRun:
    """Run the demo recipe on the challenge in ``data``; store and submission go into ``folder``."""
    run = SmallRun(data, folder / "store", folder / "out")
    run.again(run.out)
    return run
