"""Rates of a machine as if it had been measured: round numbers, so that forecasts can be worked out by hand."""

from __future__ import annotations

from algokit.recipe.forecast import Rates


def rates(**others: float) -> Rates:
    """Of a processor, some of them others."""
    usual = dict.fromkeys(("map_flops", "token_flops", "product_flops", "memory_bytes"), 1000000000.0)
    disk = {"disk_write_bytes": 1e8, "disk_read_bytes": 1e8}
    return Rates.model_validate({"device": "cpu", "images": 100.0, **usual, **disk, **others})
