"""The forms of scaling laws: what misalignment ``y = 1 - S`` is as a function of the predictors, in log space.

    log       S = a + b log10 X
    power     y = E + A X^-alpha                    the plateau of the score is S_max = 1 - E
    shifted   y = E + A (X + 10^lambda)^-alpha
    broken    y = E + A X^-alpha (1 + (X/x_break)^(1/f))^(-gamma f)
    joint     y = E + A N^-alpha + B D^-beta        N the first predictor, D the second

Inside, ``E = exp(e)``, ``A = exp(a)``, ``B = exp(b)``; sums of terms are taken as log-sum-exp with the largest term set
apart, which cannot overflow. Predictors are in units the caller scaled them to.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

import numpy as np

from algokit.studies.terms import BrokenPower, Floats, Plateau, Power, ShiftedPower, Term

LawName: TypeAlias = Literal["log", "power", "shifted", "broken", "joint"]
LAW_NAMES: tuple[LawName, ...] = ("log", "power", "shifted", "broken", "joint")
N_PREDICTORS: dict[LawName, int] = {"log": 1, "power": 1, "shifted": 1, "broken": 1, "joint": 2}

# Wide enough that no fit of scores comes near them, unless the data do not say where the parameter is.
_PLATEAU = (-12.0, 3.0)
_AMPLITUDE = (-60.0, 60.0)
_EXPONENT = (0.0, 20.0)
# The published grid of starts.
_E, _AB, _EXPONENTS = np.arange(-1, 1.01, 0.5), np.arange(0, 25.1, 5.0), np.arange(0, 2.01, 0.5)


@dataclass(frozen=True)
class Expansion:
    """``log y^`` at parameters, with derivatives.

    Attributes
    ----------
    log_prediction : (n_problems, n_points); not finite where the law gives no positive y.
    jacobian : one (n_problems, n_points) per parameter.
    bend : weights (n_problems, n_points) -> sum over points of weight * (Hessian of log y^ + gradient gradient').
    """

    log_prediction: Floats
    jacobian: list[Floats]
    bend: Callable[[Floats], Floats]


class Law(Protocol):
    """One form, bound to predictors."""

    @property
    def name(self) -> LawName:
        """The form."""
        ...

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the columns of theta."""
        ...

    @property
    def low(self) -> Floats:
        """(n_parameters,) lower bounds."""
        ...

    @property
    def high(self) -> Floats:
        """(n_parameters,) upper bounds."""
        ...

    def starts(self) -> Floats:
        """(n_starts, n_parameters): a grid over all that is plausible."""
        ...

    def log_prediction(self, theta: Floats) -> Floats:
        """``log y^``: (n_problems, n_parameters) -> (n_problems, n_points)."""
        ...

    def expand(self, theta: Floats) -> Expansion:
        """``log y^`` and its derivatives."""
        ...


@dataclass(frozen=True)
class SumLaw:
    """A law that is a sum of terms, each with parameters of its own."""

    name: LawName
    terms: tuple[Term, ...]
    parameters: tuple[str, ...]
    low: Floats
    high: Floats
    grid: tuple[Floats, ...]

    def starts(self) -> Floats:
        """Every combination of the grid."""
        return np.array(list(itertools.product(*self.grid)))

    def log_prediction(self, theta: Floats) -> Floats:
        """``log(sum of exp(t))``."""
        values, top = self._values(theta)
        found: Floats = top + np.log(sum(np.exp(value - top) for value in values))
        return found

    def expand(self, theta: Floats) -> Expansion:
        """Log-sum-exp: the gradient weighs each term's by its share of the sum."""
        values, top = self._values(theta)
        shares = [value - top for value in values]
        for share in shares:
            np.exp(share, out=share)
        total = shares[0] + shares[1]
        for share in shares[2:]:
            total += share
        for share in shares:
            share /= total
        log_prediction = np.log(total, out=total)
        log_prediction += top
        blocks = self._blocks(theta)
        jacobian = [
            row
            for term, block, share in zip(self.terms, blocks, shares, strict=True)
            for row in term.gradient(block, share)
        ]

        def bend(weights: Floats) -> Floats:
            found = np.zeros((len(theta), len(self.parameters), len(self.parameters)))
            start = 0
            for term, block, share in zip(self.terms, blocks, shares, strict=True):
                stop = start + block.shape[1]
                found[:, start:stop, start:stop] = term.second(block, weights * share)
                start = stop
            return found

        return Expansion(log_prediction, jacobian, bend)

    def _values(self, theta: Floats) -> tuple[list[Floats], Floats]:
        values = [term.value(block) for term, block in zip(self.terms, self._blocks(theta), strict=True)]
        top = values[0]
        for value in values[1:]:
            top = np.maximum(top, value)
        return values, top

    def _blocks(self, theta: Floats) -> list[Floats]:
        edges = np.cumsum([len(term.parameters) for term in self.terms])[:-1]
        return np.split(theta, edges, axis=1)


@dataclass(frozen=True)
class LogLaw:
    """``S = a + b log10 X``: no plateau; y falls below 0 somewhere, and there the law says nothing."""

    log10_x: Floats
    name: LawName = "log"
    parameters: tuple[str, ...] = ("a", "b")

    @property
    def low(self) -> Floats:
        """Lowest values of a and b."""
        return np.array([-20.0, -20.0])

    @property
    def high(self) -> Floats:
        """Highest values of a and b."""
        return np.array([20.0, 20.0])

    def starts(self) -> Floats:
        """Lines that stay below a score of 1 at every point."""
        middle = float(self.log10_x.mean())
        slopes, levels = np.array([-0.05, 0.0, 0.02, 0.05, 0.1, 0.2]), np.array([-0.5, 0.0, 0.25, 0.5])
        lines = [(level - slope * middle, slope) for level, slope in itertools.product(levels, slopes)]
        reach = np.abs(self.log10_x - middle).max()
        return np.array([line for line in lines if line[0] + line[1] * middle + abs(line[1]) * reach < 1])

    def log_prediction(self, theta: Floats) -> Floats:
        """``log(1 - a - b log10 X)``, NaN where a score of 1 is reached."""
        y = 1.0 - theta[:, 0:1] - theta[:, 1:2] * self.log10_x
        return np.log(np.where(y > 0, y, np.nan))

    def expand(self, theta: Floats) -> Expansion:
        """y is linear: the Hessian of its logarithm is minus the outer product of the gradient, so nothing bends."""
        log_prediction = self.log_prediction(theta)
        slope = -np.exp(-log_prediction)
        n_problems = len(theta)
        return Expansion(log_prediction, [slope, slope * self.log10_x], lambda _: np.zeros((n_problems, 2, 2)))


def make_law(name: LawName, predictors: Sequence[Floats], *, plateau: bool = True) -> Law:
    """A form bound to predictors.

    Parameters
    ----------
    predictors : one (n_points,) float64 per predictor, scaled, all above 0.
    plateau : False holds the plateau at a score of 1, as if scores could rise for ever.
    """
    x = [np.log(np.asarray(one, np.float64)) for one in predictors]
    if name == "log":
        return LogLaw(x[0] / np.log(10.0))
    law = _joint(*x) if name == "joint" else _ONE_PREDICTOR[name](x[0])
    if plateau:
        return law
    high = law.high.copy()
    high[0] = law.low[0]
    return replace(law, high=high, grid=(law.low[:1], *law.grid[1:]))


def constants(name: LawName, theta: Floats) -> dict[str, Floats]:
    """The constants people write, by name, of parameters (n_problems, n_parameters); in units of scaled predictors."""
    columns = list(np.moveaxis(theta, 1, 0))
    if name == "log":
        return {"a": columns[0], "b": columns[1]}
    found = {"S_max": 1.0 - np.exp(columns[0]), "A": np.exp(columns[1]), "alpha": columns[2]}
    if name == "joint":
        found |= {"B": np.exp(columns[3]), "beta": columns[4]}
    if name == "shifted":
        found["shift"] = 10.0 ** columns[3]
    if name == "broken":
        found |= {"gamma": columns[3], "x_break": np.exp(columns[4]), "f": np.exp(columns[5])}
    return found


def predicted_score(name: LawName, theta: Floats, predictors: Sequence[Floats]) -> Floats:
    """Scores of scaled predictors: (n_problems, n_points); NaN where the logarithmic form says more than 1."""
    found: Floats = 1.0 - np.exp(make_law(name, predictors).log_prediction(theta))
    return found


def _sum_law(name: LawName, terms: tuple[Term, ...], bounds: list[tuple[float, float]], grid: list[Floats]) -> SumLaw:
    names = [parameter for term in terms for parameter in term.parameters]
    if name == "joint":
        names = ["e", "a", "alpha", "b", "beta"]
    low, high = np.array(bounds, np.float64).T
    return SumLaw(name, terms, tuple(names), low, high, tuple(grid))


def _power(x: Floats) -> SumLaw:
    return _sum_law("power", (Plateau(), Power(x)), [_PLATEAU, _AMPLITUDE, _EXPONENT], [_E, _AB, _EXPONENTS])


def _joint(n: Floats, d: Floats) -> SumLaw:
    bounds = [_PLATEAU, _AMPLITUDE, _EXPONENT, _AMPLITUDE, _EXPONENT]
    grid = [_E, _AB, _EXPONENTS, _AB, _EXPONENTS]
    return _sum_law("joint", (Plateau(), Power(n), Power(d)), bounds, grid)


def _shifted(x: Floats) -> SumLaw:
    """Shifts from a thousandth of the smallest predictor, which is none, to the largest."""
    low, high = x.min() / np.log(10.0), x.max() / np.log(10.0)
    bounds = [_PLATEAU, _AMPLITUDE, _EXPONENT, (low - 3, high)]
    grid = [_E, _AB, _EXPONENTS, np.linspace(low - 1, high - 0.2, 4)]
    return _sum_law("shifted", (Plateau(), ShiftedPower(x)), bounds, grid)


def _broken(x: Floats) -> SumLaw:
    """Breaks inside the data, from a tenth of an e-fold wide to as wide as the data."""
    low, high = float(x.min()), float(x.max())
    bounds = [_PLATEAU, _AMPLITUDE, _EXPONENT, (-20.0, 20.0), (low, high), (np.log(0.1), np.log(max(high - low, 0.2)))]
    places = np.quantile(x, [0.2, 0.5, 0.8])
    exponents, changes = np.array([0.05, 0.3, 1.0]), np.array([-0.2, 0.2, 1.0])
    grid = [np.array([-1.0, -0.5]), np.array([0.0, 5.0]), exponents, changes, places, np.log([0.3, 1.0])]
    return _sum_law("broken", (Plateau(), BrokenPower(x)), bounds, grid)


_ONE_PREDICTOR: dict[LawName, Callable[[Floats], SumLaw]] = {"power": _power, "shifted": _shifted, "broken": _broken}
