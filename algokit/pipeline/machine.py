"""The machine file: what was measured of this machine, and what runs taught. Outside of every recipe, plan and key.

It belongs to one machine: where a home folder is shared, another machine finds nothing in it and measures anew.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from algokit.atomic import write_text_atomically
from algokit.frozen import Frozen
from algokit.pipeline.surroundings import usable_processors
from algokit.recipe.forecast import Learned, Rates

SCHEMA: Literal["algokit-machine/1"] = "algokit-machine/1"


class Device(Frozen):
    """One device: its rates, and what runs on it taught, by group of steps."""

    rates: Rates
    learned: dict[str, Learned] = Field(default_factory=dict)


class Machine(Frozen):
    """The file. ``devices`` has "cpu", "cuda" or both."""

    schema_name: Literal["algokit-machine/1"] = SCHEMA
    machine: str
    devices: dict[str, Device] = Field(default_factory=dict)


def machine_words() -> str:
    """What tells this machine from another kind, without its name: system, processor, how many of them may be used."""
    return f"{platform.system()} {platform.machine()}, {usable_processors()} processors"


def read_machine(path: Path | None) -> Machine:
    """What is known of this machine; nothing where there is no such file, or it is of another machine or version."""
    empty = Machine(machine=machine_words())
    if path is None:
        return empty
    try:
        found = Machine.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):  # it can be measured again, and doctor says that it is not known
        return empty
    return found if found.machine == empty.machine else empty


def write_machine(path: Path, machine: Machine) -> None:
    """Replace the file as a whole.

    Raises
    ------
    DiskError : it cannot be written.
    """
    write_text_atomically(path, json.dumps(machine.model_dump(mode="json"), indent=1) + "\n")


def with_rates(machine: Machine, rates: Rates) -> Machine:
    """The machine with a device measured anew. What runs taught was about the old rates, and goes."""
    return machine.model_copy(update={"devices": {**machine.devices, rates.device: Device(rates=rates)}})


def with_runs(machine: Machine, device: str, taught: Mapping[str, tuple[float, float]]) -> Machine:
    """The machine with what one run taught.

    Parameters
    ----------
    taught : group -> (raw forecast, actual), in seconds.
    """
    known = machine.devices[device]
    learned = dict(known.learned)
    for group, (raw_s, actual_s) in taught.items():
        learned[group] = learned.get(group, Learned()).after(raw_s, actual_s)
    changed = known.model_copy(update={"learned": learned})
    return machine.model_copy(update={"devices": {**machine.devices, device: changed}})
