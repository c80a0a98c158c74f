"""This machine: is it ready, how fast is it, and how long will a plan take on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algokit.errors import AlgokitError
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
    data: Path | None = None,
    recipe: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> DoctorReport:
    """Look at this machine.

    Parameters
    ----------
    store : where artefacts go; ``.algokit/store`` where None.
    machine_file : where rates are kept.
    data, recipe : a challenge directory and a recipe to look at too: whether they are in order, and the weights here.
    measure : measure the rates of ``device`` first, and keep them; what runs taught about the old ones is forgotten.

    Raises
    ------
    DeviceError : the device to be measured is not there.
    DiskError : the store or the machine file cannot be written.
    """
    from algokit.executors.checkup import check_containers
    from algokit.pipeline.checkup import check_machine
    from algokit.pipeline.machine import read_machine, with_rates, write_machine
    from algokit.verbs.preparing import default_store

    place, machine = store or default_store(), read_machine(machine_file)
    if measure:
        machine = with_rates(machine, _measured(place, device, n_workers, progress))
        if machine_file is not None:
            write_machine(machine_file, machine)
    checks = [*check_machine(place, machine), *_inputs(data, recipe), *check_containers()]
    return DoctorReport(tuple(checks), machine, machine_file)


def _inputs(data: Path | None, recipe: Path | None) -> Iterator[Check]:
    """The challenge and the recipe that were named, each with the first of what is wrong with it."""
    from algokit.pipeline.checkup import Check

    looks = {"data": (data, _data_words), "recipe and weights": (recipe, _weights_words)}
    for what, (path, words) in looks.items():
        if path is None:
            continue
        try:
            yield Check(what, words(path))
        except AlgokitError as error:
            (first, *_) = error.findings or (Finding(error.headline, str(path)),)
            yield Check(what, f"{path}: {error.headline}", first)


def _data_words(data: Path) -> str:
    from algokit.verbs.opening import opened

    challenge = opened(data, None)
    return f"{data}: {challenge.manifest.name}, {len(challenge.subjects)} subjects"


def _weights_words(recipe: Path) -> str:
    from algokit.pipeline.weights.needed import needed_weights
    from algokit.verbs.preparing import loaded_to_run

    loaded, _ = loaded_to_run(recipe, (), None)
    return f"{recipe}: {len(needed_weights(loaded))} published weights, all here"


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
