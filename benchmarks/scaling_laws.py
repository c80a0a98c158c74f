"""How fast are all starts and 1000 resamples of a joint scaling law? algokit against a loop over scipy's BFGS.

    python benchmarks/scaling_laws.py                      444 made-up models
    python benchmarks/scaling_laws.py --table FILE.csv     the published points, from benchmark_scores.csv
    python benchmarks/scaling_laws.py --json               the last line is one JSON object

Both minimise the same sum of Huber's function. The loop calls ``scipy.optimize.minimize(method="BFGS")`` with the
gradient in closed form, for every start of the grid on all points, and for --starts starts spread over the grid on
every resample. That would take very long, so the loop runs on --compared resamples and is scaled up by the number of
calls. algokit runs everything. Seconds are without imports; algokit's are the median of --repeats.

``vs_scipy_loop`` is the loop's seconds over ours: above 1, algokit is faster. ``vs_scipy_one_start`` is the same for a
loop that runs one start per resample alone. ``worse_optima`` counts the compared resamples, all points among them,
where scipy's best of all starts lies below ours by more than 1e-9 + 1e-6 of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from page import cpu, write_section
from scipy.optimize import minimize

from algokit.studies.bootstrap import bootstrap, resample_weights
from algokit.studies.laws import make_law
from algokit.studies.objective import DELTA
from algokit.studies.observations import Observations, observe
from algokit.studies.restarts import multi_start
from algokit.studies.selection import Selecting, select
from algokit.studies.table import parse_filter, read_table

FLAGS = ("is_pretrained", "is_random", "is_ssl", "is_adv", "is_ablation")
WHERE = (
    *(f"{flag}=False" for flag in FLAGS),
    "dataset=imagenet,ecoset",
    "arch_family!=ConvNeXt,ConvNeXtFlex,ViT,ViTFlex|samples_per_class=0,300",
)


def main() -> None:
    """Run both and print what they took."""
    arguments = _arguments()
    points = _published(arguments.table) if arguments.table else _made_up(arguments.points)
    weights = resample_weights(points.units, arguments.resamples, seed=42)
    ours = [_algokit(points, weights) for _ in range(arguments.repeats)]
    summary = _summary(points, weights, ours, arguments)
    text = _table(summary)
    print(text)
    if arguments.write:
        write_section("scaling_laws.py", "scaling laws", text)
    if arguments.json:
        print(json.dumps(summary))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", type=Path, help="benchmark_scores.csv of the published fits")
    parser.add_argument("--points", type=int, default=444, help="of the made-up table (444)")
    parser.add_argument("--resamples", type=int, default=1000, help="bootstrap resamples (1000)")
    parser.add_argument("--starts", type=int, default=24, help="of the loop, per resample (24)")
    parser.add_argument("--compared", type=int, default=20, help="resamples the loop is really run on (20)")
    parser.add_argument("--repeats", type=int, default=3, help="of algokit (3)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser.parse_args()


def _published(path: Path) -> Observations:
    asked = Selecting(
        x=("n_params", "n_samples_seen"),
        y="score",
        scales=(1e5, 1e4),
        filters=tuple(map(parse_filter, WHERE)),
        point="model_id",
        mean_over="region",
    )
    return select(read_table(path), asked).groups[0].observations


def _made_up(n_points: int) -> Observations:
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(0, 7, n_points)), np.exp(rng.uniform(0, 9, n_points))
    y = (0.52 + 0.18 * n**-0.6 + 0.5 * d**-0.22) * np.exp(rng.laplace(0, 0.03, n_points))
    return observe([n, d], 1 - y)


def _algokit(points: Observations, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Seconds, and the loss of all points and of every resample."""
    started = time.perf_counter()
    restarts = multi_start("joint", points.scaled, points.log_y)
    optima = bootstrap("joint", points.scaled, points.log_y, weights, restarts)
    return time.perf_counter() - started, np.concatenate([restarts.loss[:1], optima.loss])


def _scipy(points: Observations, weights: np.ndarray, starts: np.ndarray) -> float:
    """The lowest loss of BFGS from every start."""
    (n, d), log_y = (np.log(one) for one in points.scaled), points.log_y

    def value_and_slope(theta: np.ndarray) -> tuple[float, np.ndarray]:
        e, a, alpha, b, beta = theta
        terms = np.stack([np.full(len(n), e), a - alpha * n, b - beta * d])
        top = terms.max(axis=0)
        shares = np.exp(terms - top)
        total = shares.sum(axis=0)
        residual = top + np.log(total) - log_y
        clipped = np.clip(residual, -DELTA, DELTA)
        pull = weights * clipped
        by_term = (shares / total) @ pull
        slope_n, slope_d = (shares[1] / total * pull) @ n, (shares[2] / total * pull) @ d
        slope = np.array([by_term[0], by_term[1], -slope_n, by_term[2], -slope_d])
        return float(pull @ (residual - clipped / 2)), slope

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        ends = [minimize(value_and_slope, start, jac=True, method="BFGS").fun for start in starts]
    return float(np.nanmin(ends))


def _summary(
    points: Observations, weights: np.ndarray, ours: list[tuple[float, np.ndarray]], arguments: argparse.Namespace
) -> dict[str, Any]:
    grid = make_law("joint", points.scaled).starts()
    starts = grid[np.linspace(0, len(grid) - 1, arguments.starts).astype(int)]
    n_compared = min(arguments.compared, len(weights))
    compared = [np.ones(weights.shape[1]), *weights[:n_compared]]
    started = time.perf_counter()
    theirs = [_scipy(points, row, starts) for row in compared]
    per_call_s = (time.perf_counter() - started) / (len(compared) * len(starts))
    ours_s, losses = statistics.median(seconds for seconds, _ in ours), ours[0][1]
    worse = sum(mine > best + 1e-9 + 1e-6 * best for mine, best in zip(losses, theirs, strict=False))
    better = sum(best > mine + 1e-9 + 1e-6 * mine for mine, best in zip(losses, theirs, strict=False))
    loop_s = per_call_s * (len(grid) + len(weights) * len(starts))
    return {
        "vs_scipy_loop": loop_s / ours_s,
        "vs_scipy_one_start": per_call_s * (len(grid) + len(weights)) / ours_s,
        "worse_optima": int(worse),
        "better_optima": int(better),
        "compared_optima": len(compared),
        "algokit_s": ours_s,
        "scipy_loop_s": loop_s,
        "scipy_call_s": per_call_s,
        "scipy_calls_measured": len(compared) * len(starts),
        "n_points": len(points.score),
        "n_starts": len(grid),
        "n_starts_per_resample": len(starts),
        "n_resamples": len(weights),
        "cpu": cpu(),
    }


def _table(one: dict[str, Any]) -> str:
    n_calls = one["n_starts"] + one["n_resamples"] * one["n_starts_per_resample"]
    n_fewest = one["n_starts"] + one["n_resamples"]
    return "\n".join(
        [
            f"{one['cpu']}; {one['n_points']} points, {one['n_starts']} starts, {one['n_resamples']} resamples.",
            "",
            "| route | seconds | algokit is faster by |",
            "|---|--:|--:|",
            f"| algokit | {one['algokit_s']:.2f} | 1 |",
            f"| scipy BFGS, {one['n_starts_per_resample']} starts per resample* | {one['scipy_loop_s']:.0f} "
            f"| {one['vs_scipy_loop']:.0f} |",
            f"| scipy BFGS, 1 start per resample* | {one['vs_scipy_one_start'] * one['algokit_s']:.0f} "
            f"| {one['vs_scipy_one_start']:.0f} |",
            "",
            f"* scaled up from {one['scipy_calls_measured']} calls to {n_calls} and to {n_fewest}. "
            f"Of {one['compared_optima']} compared optima {one['worse_optima']} are worse than scipy's best and "
            f"{one['better_optima']} are better.",
        ]
    )


if __name__ == "__main__":
    main()
