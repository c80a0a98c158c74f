"""The size and shape of a demo challenge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from algokit.challenge.manifest import Manifest
from algokit.registry import did_you_mean
from algokit.types import Finding

N_NSD_IMAGES = 73000


@dataclass(frozen=True)
class DemoSettings:
    """What a subject gets does not depend on which other subjects there are.

    Attributes
    ----------
    subjects : of the real challenge, whose odd vertex counts, repeats and empty ROIs they inherit.
    n_train, n_test : images per subject; a quarter of the training images is shared by all.
    image_px : side of the PNG images.
    vertex_fraction : of the real vertex counts, rounded down.
    layout : a row of the manifest's layouts; "challenge" leaves out the test responses and ceilings.
    """

    subjects: tuple[str, ...] = ("subj01", "subj06")
    n_train: int = 240
    n_test: int = 60
    image_px: int = 128
    vertex_fraction: float = 0.01
    layout: str = "released"

    def findings(self, official: Manifest) -> list[Finding]:
        """Everything about these settings from which no challenge can be made."""
        most = N_NSD_IMAGES // len(official.subjects)
        in_range = {
            "subjects": (len(self.subjects) > 0, "at least one"),
            "n_train": (10 <= self.n_train <= most - self.n_test, f"10 to {most} less the test images"),
            "n_test": (self.n_test >= 3, "at least 3"),
            "image_px": (16 <= self.image_px <= 1024, "16 to 1024"),
            "vertex_fraction": (0.0005 <= self.vertex_fraction <= 1, "0.0005 to 1"),
        }
        return [
            *(_unknown("subjects", name, official.subjects) for name in self.subjects if name not in official.subjects),
            *(_unknown("layout", name, official.layouts) for name in (self.layout,) if name not in official.layouts),
            *(
                Finding("outside its range", path=name, expected=expected, found=str(getattr(self, name)))
                for name, (fine, expected) in in_range.items()
                if not fine
            ),
        ]


def _unknown(setting: str, name: str, known: Iterable[str]) -> Finding:
    return Finding("unknown name", path=setting, found=repr(name), advice=did_you_mean(name, known))
