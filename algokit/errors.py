"""Every error algokit raises on purpose. Leaves are named for what the caller can do about them.

    AlgokitError                 exit code
    ├── InputError               2   change what you gave
    │   ├── UsageError           2   the command line or a function's arguments
    │   ├── RecipeError          2   the recipe file
    │   ├── DataError            2   the challenge directory or its manifest
    │   └── SubmissionError      1   the submission has findings
    ├── RunError                 1   a step failed; what was finished is in the store
    ├── FitRefusedError          1   the data do not support the law that was to be fitted
    └── MachineError             3   the machine is not ready
        ├── DeviceError          3   the device asked for is not there, or too small
        ├── DiskError            3   no space left, or not writable
        └── WeightsError         3   weights are missing, unreadable or not the ones named

Anything else that escapes is a bug in algokit (exit code 70).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from algokit.types import Finding


class AlgokitError(Exception):
    """Base of all: a headline and a list of findings, all problems at once.

    Parameters
    ----------
    headline : one line that says what could not be done.
    findings : the problems, each with its place and advice.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, headline: str, findings: Iterable[Finding] = ()) -> None:
        self.headline = headline
        self.findings = tuple(findings)
        super().__init__("\n".join([headline, *(f"  {finding}" for finding in self.findings)]))


class InputError(AlgokitError):
    """Something the user gave has to change."""

    exit_code = 2


class UsageError(InputError):
    """The command line, or the arguments of a public function."""


class RecipeError(InputError):
    """The recipe cannot be read, or asks for the impossible."""


class DataError(InputError):
    """The challenge directory departs from what its manifest says."""


class SubmissionError(InputError):
    """The submission has findings of severity error."""

    exit_code = 1


class RunError(AlgokitError):
    """A step failed; finished steps are kept and the next run resumes after them."""


class FitRefusedError(AlgokitError):
    """A scaling law that the data do not support: the findings say why."""


class MachineError(AlgokitError):
    """The machine is not ready for what was asked."""

    exit_code = 3


class DeviceError(MachineError):
    """The device asked for is absent or too small."""


class MemoryShortageError(MachineError):
    """A step would take more memory than is free."""


class DiskError(MachineError):
    """No space left, or a folder that cannot be written."""


class WeightsError(MachineError):
    """Weights are missing, unreadable, or not those the recipe names."""
