"""What to spend compute on: parameters and images of the best score at every compute, from a joint law.

With ``y = E + A N^-alpha + B D^-beta`` and ``C = m (N D)^n``, y is least at

    N = G (C/m)^(p/n),  D = (1/G) (C/m)^(q/n),  p = beta/(alpha+beta),  q = alpha/(alpha+beta),
    G = (alpha A / (beta B))^(1/(alpha+beta)).

``p`` and ``q`` are the published allocation exponents, of the product N D; of C itself they are p/n and q/n.

Source: Hoffmann et al. 2022, section 3.3; Gokce & Schrimpf 2025.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algokit.errors import UsageError
from algokit.studies.bootstrap import resample_weights
from algokit.studies.fit import Fit, Interval, percentiles
from algokit.studies.laws import constants
from algokit.studies.terms import Floats
from algokit.types import Finding


@dataclass(frozen=True)
class ComputeLaw:
    """``C = m (N D)^n`` with N and D unscaled, by least squares of log10 C.

    Attributes
    ----------
    log10_m, n : constants.
    largest_error : the factor by which a point lies off at most.
    """

    log10_m: float
    n: float
    largest_error: float


@dataclass(frozen=True)
class BestSplit:
    """The best split of one compute budget.

    Attributes
    ----------
    compute, parameters, images : in their own units.
    parameters_interval, images_interval, score_interval : 95 % over resamples; None without resamples.
    beyond : how many times the largest predictor of the data is exceeded; 1 or less inside.
    """

    compute: float
    parameters: float
    images: float
    score: float
    parameters_interval: Interval | None
    images_interval: Interval | None
    score_interval: Interval | None
    beyond: float


@dataclass(frozen=True)
class Allocation:
    """How parameters and images should grow with compute.

    Attributes
    ----------
    fit : the joint law.
    compute : the compute law of all points.
    resampled_compute : (n_resamples, 2) log10 m and n of the same resamples as the fit's.
    """

    fit: Fit
    compute: ComputeLaw
    resampled_compute: Floats

    @property
    def parameter_exponent(self) -> float:
        """``beta / (alpha + beta)``: N ~ (N D)^p."""
        return float(_share(self.fit.theta[None])[0])

    @property
    def image_exponent(self) -> float:
        """``alpha / (alpha + beta)``: D ~ (N D)^q."""
        return 1.0 - self.parameter_exponent

    @property
    def parameter_interval(self) -> Interval | None:
        """95 % over resamples; that of images is one minus it."""
        return percentiles(_share(self.fit.resampled)) if len(self.fit.resampled) else None

    def growth(self, factor: float) -> dict[str, tuple[float, Interval | None]]:
        """By what parameters and images grow when compute grows by ``factor``: the number and its interval."""
        shares = {"parameters": self.parameter_exponent, "images": self.image_exponent}
        found: dict[str, tuple[float, Interval | None]] = {}
        for name, share in shares.items():
            interval = None
            if len(self.fit.resampled):
                drawn = _share(self.fit.resampled)
                drawn = drawn if name == "parameters" else 1 - drawn
                interval = percentiles(factor ** (drawn / self.resampled_compute[:, 1]))
            found[name] = (factor ** (share / self.compute.n), interval)
        return found

    def best_split(self, compute: float) -> BestSplit:
        """The split of one compute budget with the best score.

        Raises
        ------
        UsageError : the budget is not above 0.
        """
        if not np.isfinite(compute) or compute <= 0:
            raise UsageError("no such budget", [Finding("compute is not above 0", found=f"{compute:g}")])
        law = np.array([[self.compute.log10_m, self.compute.n]])
        n, d, score = (float(one[0]) for one in self._split(self.fit.theta[None], law, compute))
        drawn = self._split(self.fit.resampled, self.resampled_compute, compute)
        intervals = [percentiles(one) if len(one) else None for one in drawn]
        largest = [values.max() for values in self.fit.observations.predictors]
        beyond = float(max(n / largest[0], d / largest[1]))
        return BestSplit(compute, n, d, score, intervals[0], intervals[1], intervals[2], beyond)

    @property
    def largest_inside(self) -> float:
        """The largest compute whose best split needs no more parameters and images than the data have."""
        found = {name: float(value[0]) for name, value in constants("joint", self.fit.theta[None]).items()}
        total = found["alpha"] + found["beta"]
        balance = (found["alpha"] * found["A"] / (found["beta"] * found["B"])) ** (1 / total)
        n, d = (float(one.max()) for one in self.fit.observations.scaled)
        product = min((n / balance) ** (total / found["beta"]), (d * balance) ** (total / found["alpha"]))
        log10_product = np.log10(product) + float(np.sum(np.log10(self.fit.observations.scales)))
        return float(10 ** (self.compute.log10_m + self.compute.n * log10_product))

    def frontier(self, n_budgets: int = 13, factor: float = 10.0) -> tuple[BestSplit, ...]:
        """The efficient frontier: best splits from the smallest compute of the data to ``factor`` times the largest."""
        product = np.prod(self.fit.observations.predictors, axis=0)
        ends = 10 ** (self.compute.log10_m + self.compute.n * np.log10([product.min(), product.max()]))
        return tuple(self.best_split(float(one)) for one in np.geomspace(ends[0], factor * ends[1], n_budgets))

    def _split(self, theta: Floats, compute_law: Floats, compute: float) -> tuple[Floats, Floats, Floats]:
        """N, D and score of every problem, N and D unscaled."""
        scale_n, scale_d = self.fit.observations.scales
        found = constants("joint", theta)
        total = found["alpha"] + found["beta"]
        balance = (found["alpha"] * found["A"] / (found["beta"] * found["B"])) ** (1 / total)
        log10_product = (np.log10(compute) - compute_law[:, 0]) / compute_law[:, 1] - np.log10(scale_n * scale_d)
        n = balance * 10 ** (log10_product * found["beta"] / total)
        d = 10**log10_product / n
        y = np.exp(theta[:, 0]) + found["A"] * n ** -found["alpha"] + found["B"] * d ** -found["beta"]
        return n * scale_n, d * scale_d, 1 - y


def allocate(fit: Fit, compute: Floats, *, seed: int = 42) -> Allocation:
    """Allocation from a joint fit and the compute of its points.

    Parameters
    ----------
    compute : (n_points,) training compute of the fit's points, in FLOP or any unit; NaN where it is not known.
    seed : that of the fit's resamples, so that both laws are of the same ones.

    Raises
    ------
    UsageError : the fit is not a joint one, or fewer than three points have a compute above 0.
    """
    if fit.law != "joint":
        raise UsageError("an allocation needs a joint law", [Finding("another law", expected="joint", found=fit.law)])
    known = np.isfinite(compute) & (compute > 0)
    if known.sum() < 3:
        finding = Finding("compute is hardly known", expected="3 points or more", found=str(int(known.sum())))
        raise UsageError("an allocation needs the compute of the points", [finding])
    n, d = fit.observations.predictors
    x, y = np.log10(n * d), np.log10(np.where(known, compute, 1.0))
    (log10_m, slope), *_ = _lines(x, y, known[None].astype(np.float64))
    weights = resample_weights(fit.observations.units, len(fit.resampled), seed) * known
    errors = np.abs(y - log10_m - slope * x)[known]
    law = ComputeLaw(float(log10_m), float(slope), float(10 ** errors.max()))
    return Allocation(fit, law, _lines(x, y, weights))


def _lines(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Intercept and slope of weighted least squares: (n_resamples, 2)."""
    total = weights.sum(axis=1)
    mean_x, mean_y = weights @ x / total, weights @ y / total
    centred = x - mean_x[:, None]
    slope = np.sum(weights * centred * y, axis=1) / np.sum(weights * np.square(centred), axis=1)
    return np.column_stack([mean_y - slope * mean_x, slope])


def _share(theta: Floats) -> Floats:
    alpha, beta = theta[:, 2], theta[:, 4]
    share: Floats = beta / (alpha + beta)
    return share
