"""Targets in blocks: many columns over few rows, read from memory maps and never copied as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algokit.errors import DataError, UsageError
from algokit.readouts import Rows
from algokit.solvers.factorise import first_non_finite
from algokit.solvers.memory import OPERATOR_BYTES, default_blocks
from algokit.types import Finding, Ints


@dataclass(frozen=True)
class TargetBlock:
    """Neighbouring targets, all training rows.

    Attributes
    ----------
    columns : where they lie among all targets.
    values : (n, n_columns) float32 on the device, less the mean over the fit rows.
    """

    columns: slice
    values: Tensor


class Targets:
    """All targets of one search.

    Parameters
    ----------
    responses : arrays (n, n_some_targets), usually memory maps; targets are numbered through them in order.
    rows : the fit and val rows, which together are all n rows.
    block_targets : targets per block; by default those of `algokit.solvers.memory.default_blocks`.
    operator_bytes : of operators held at once.

    Attributes
    ----------
    fit_mean, all_mean : (n_targets,) float64, mean over the fit rows and over all rows.

    Raises
    ------
    UsageError : the rows do not partition the responses' rows.
    DataError : a response is not finite; the first row and column are named.
    """

    def __init__(
        self,
        responses: Sequence[NDArray[np.float32]],
        rows: Rows,
        device: str,
        block_targets: int | None = None,
        operator_bytes: int = OPERATOR_BYTES,
    ) -> None:
        self._responses = tuple(responses)
        self.rows, self.device = rows, device
        self.n_rows = len(rows.fit) + len(rows.val)
        _check_rows(self._responses, rows)
        self.n_targets = sum(block.shape[1] for block in self._responses)
        self.block_targets = block_targets or default_blocks(device, self.n_rows).targets
        self.operator_bytes = operator_bytes
        self.fit_mean, self.all_mean = np.zeros(self.n_targets), np.zeros(self.n_targets)
        with np.errstate(invalid="ignore"):
            for columns, values in self._raw_blocks():
                self.all_mean[columns] = values.mean(axis=0, dtype=np.float64)
                fit = values[rows.fit].mean(axis=0, dtype=np.float64) if len(rows.val) else self.all_mean[columns]
                self.fit_mean[columns] = fit
        if not np.isfinite(self.all_mean).all():
            raise DataError("responses cannot be used", list(_non_finite_responses(self._responses)))

    def halve_blocks(self) -> bool:
        """Take half as many targets at a time from now on; says whether that was possible."""
        possible = self.block_targets > 1
        self.block_targets = max(1, self.block_targets // 2)
        return possible

    def blocks(self) -> Iterator[TargetBlock]:
        """All targets, block by block."""
        for columns, values in self._raw_blocks():
            centred = np.subtract(values, self.fit_mean[columns].astype(np.float32), dtype=np.float32)
            yield TargetBlock(columns, torch.from_numpy(centred).to(self.device))

    def flat(self, folds: Sequence[Ints]) -> Tensor:
        """Which targets have no variance, over a fold's rows or over the fit rows outside it.

        Returns
        -------
        (n_folds, n_targets) bool on the device, by equality of the values given and not by a threshold.
        """
        flat = np.zeros((len(folds), self.n_targets), dtype=bool)
        for columns, values in self._raw_blocks():
            low, high = (np.stack([reduce(values[fold], axis=0) for fold in folds]) for reduce in (np.min, np.max))
            for index in range(len(folds)):
                others = np.arange(len(folds)) != index
                flat[index, columns] = (low[index] == high[index]) | (
                    low[others].min(axis=0) == high[others].max(axis=0)
                )
        return torch.from_numpy(flat).to(self.device)

    def _raw_blocks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        offset = 0
        for block in self._responses:
            for start in range(0, block.shape[1], self.block_targets):
                values = block[:, start : start + self.block_targets]
                yield slice(offset + start, offset + start + values.shape[1]), values
            offset += block.shape[1]


def alpha_chunks(n_alphas: int, bytes_each: int, bytes_together: int) -> Iterator[slice]:
    """Runs of alphas whose operators, ``bytes_each`` for each alpha, fit ``bytes_together``."""
    step = max(1, bytes_together // max(1, bytes_each))
    for start in range(0, n_alphas, step):
        yield slice(start, start + step)


def _check_rows(responses: Sequence[NDArray[np.float32]], rows: Rows) -> None:
    n = len(rows.fit) + len(rows.val)
    findings = [
        Finding("wrong number of rows", where=f"responses[{index}]", expected=f"{n} rows", found=f"{len(block)} rows")
        for index, block in enumerate(responses)
        if len(block) != n
    ]
    if not np.array_equal(np.sort(np.concatenate([rows.fit, rows.val])), np.arange(n)):
        findings.append(
            Finding("fit and val rows do not partition the training rows", expected=f"each of 0..{n - 1} once")
        )
    if findings:
        raise UsageError("rows and responses do not belong together", findings)


def _non_finite_responses(responses: Sequence[NDArray[np.float32]]) -> Iterator[Finding]:
    for index, block in enumerate(responses):
        place = first_non_finite(block)
        if place is not None:
            yield Finding(
                "response is not finite",
                where=f"responses[{index}]",
                path=f"[{place[0]}, {place[1]}]",
                found=str(block[place]),
                advice="run: algokit data check",
                code="non-finite-response",
            )
