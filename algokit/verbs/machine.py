"""This machine: is it ready, how fast is it, and how long will a plan take on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algokit.types import Finding, ProgressCallback, no_progress

if TYPE_CHECKING:
    from algokit.pipeline.checkup import Check
    from algokit.pipeline.machine import Machine
    from algokit.recipe.forecast import Forecast
    from algokit.recipe.plan import Plan


@dataclass(frozen=True)
class DoctorReport:
    """What was looked at, and what is known of the machine's rates.

    Attributes
    ----------
    machine_file : where the rates are kept; None where nobody said.
    """

    checks: tuple[Check, ...]
    machine: Machine
    machine_file: Path | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of the checks that did not go well."""
        return tuple(check.finding for check in self.checks if check.finding)

    def document(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {
            "checks": [
                {"what": one.what, "found": one.found, "finding": one.finding.as_dict() if one.finding else None}
                for one in self.checks
            ],
            "machine_file": str(self.machine_file) if self.machine_file else None,
            "machine": self.machine.model_dump(mode="json"),
        }


def doctor(
    *,
    store: Path | None = None,
    machine_file: Path | None = None,
    measure: bool = False,
    device: str = "auto",
    n_workers: int = 4,
    progress: ProgressCallback = no_progress,
) -> DoctorReport:
    """Look at this machine.

    Parameters
    ----------
    store : where artefacts go; ``.algokit/store`` where None.
    machine_file : where rates are kept.
    measure : measure the rates of ``device`` first, and keep them; what runs taught about the old ones is forgotten.

    Raises
    ------
    DeviceError : the device to be measured is not there.
    DiskError : the store or the machine file cannot be written.
    """
    from algokit.pipeline.checkup import check_machine
    from algokit.pipeline.machine import read_machine, with_rates, write_machine
    from algokit.verbs.running import default_store

    place, machine = store or default_store(), read_machine(machine_file)
    if measure:
        machine = with_rates(machine, _measured(place, device, n_workers, progress))
        if machine_file is not None:
            write_machine(machine_file, machine)
    return DoctorReport(tuple(check_machine(place, machine)), machine, machine_file)


def _measured(store: Path, device: str, n_workers: int, progress: ProgressCallback) -> Any:
    from algokit.atomic import disk_errors
    from algokit.pipeline.measure import measure
    from algokit.pipeline.settings import checked_device

    with disk_errors(store):
        store.mkdir(parents=True, exist_ok=True)
    return measure(checked_device(device), store, n_workers, progress)


def forecasts(plan: Plan, machine_file: Path | None) -> tuple[Forecast, ...]:
    """How long the whole plan takes on each device that was measured; none where none was."""
    from algokit.pipeline.machine import read_machine
    from algokit.recipe.forecast import forecast

    devices = read_machine(machine_file).devices
    return tuple(forecast(plan, plan.steps, known.rates, known.learned) for _, known in sorted(devices.items()))
