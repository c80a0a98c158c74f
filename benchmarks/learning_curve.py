"""What does a learning curve cost beside its largest point? Ten nested subsets against one search of all images.

    python benchmarks/learning_curve.py            3000 images, 8000 features, 2000 targets
    python benchmarks/learning_curve.py --json     the last line is one JSON object

``curve_over_largest`` is the seconds of the curve over those of a curve of its largest size alone. ``draws_over_one``
is the seconds of several draws over so many times those of one: below 1, draws share. Medians of --repeats, in turn.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import numpy as np
import torch
from page import cpu, write_section

from algokit.readouts import FeatureSpace, Rows
from algokit.solvers.learning_curve import CurveSettings, learning_curves

ALPHAS = tuple(10.0**power for power in range(1, 8))


def main() -> None:
    """Time the three and print what they took."""
    arguments = _arguments()
    space, responses, rows = _problem(arguments)
    n = len(rows.fit)
    sizes = tuple(np.unique(np.geomspace(max(20, n // 88), n, arguments.points).round().astype(int)).tolist())
    seeds = list(range(arguments.draws))
    asked = {"curve": (sizes, [0]), "largest": (sizes[-1:], [0]), "draws": (sizes, seeds)}
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(arguments.repeats):
        for name, (some, draws) in asked.items():
            settings = CurveSettings(ALPHAS, some, n_folds=5)
            started = time.perf_counter()
            learning_curves([space], [responses], rows, settings, draws)
            seconds[name].append(time.perf_counter() - started)
    summary = _summary({name: statistics.median(one) for name, one in seconds.items()}, sizes, arguments)
    text = _table(summary)
    print(text)
    if arguments.write:
        write_section("learning_curve.py", "learning curve", text)
    if arguments.json:
        print(json.dumps(summary))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=3000, help="to fit on (3000)")
    parser.add_argument("--features", type=int, default=8000, help="of the space (8000)")
    parser.add_argument("--targets", type=int, default=2000, help="vertices (2000)")
    parser.add_argument("--points", type=int, default=10, help="sizes, evenly in the logarithm (10)")
    parser.add_argument("--draws", type=int, default=3, help="that share a Gram matrix (3)")
    parser.add_argument("--repeats", type=int, default=3, help="of everything (3)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser.parse_args()


def _problem(arguments: argparse.Namespace) -> tuple[FeatureSpace, Any, Rows]:
    rng, n = np.random.default_rng(0), arguments.images
    features = rng.standard_normal((n + 100, arguments.features), np.float32)
    weights = rng.standard_normal((arguments.features, arguments.targets), np.float32)
    drive = features[:n] @ weights / arguments.features**0.5
    responses = drive + rng.standard_normal(drive.shape, np.float32)
    return FeatureSpace("space", features[:n], features[n:]), responses, Rows(np.arange(n), np.arange(0))


def _summary(median_s: dict[str, float], sizes: tuple[int, ...], arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "curve_over_largest": median_s["curve"] / median_s["largest"],
        "draws_over_one": median_s["draws"] / (arguments.draws * median_s["curve"]),
        **{f"{name}_s": value for name, value in median_s.items()},
        "sizes": list(sizes),
        "n_draws": arguments.draws,
        "n_features": arguments.features,
        "n_targets": arguments.targets,
        "n_threads": torch.get_num_threads(),
    }


def _table(summary: dict[str, Any]) -> str:
    sizes = summary["sizes"]
    head = f"{cpu()}, {summary['n_threads']} threads; {sizes[-1]} images, {summary['n_features']} features, "
    head += f"{summary['n_targets']} targets, {len(ALPHAS)} alphas, 5 folds."
    rows = [
        (f"the largest point, {sizes[-1]} images", summary["largest_s"], 1.0),
        (f"{len(sizes)} points from {sizes[0]}", summary["curve_s"], summary["curve_over_largest"]),
        (f"{summary['n_draws']} draws of these", summary["draws_s"], summary["draws_s"] / summary["largest_s"]),
    ]
    body = "\n".join(f"| {name} | {seconds:.2f} | {ratio:.2f} |" for name, seconds, ratio in rows)
    return f"{head}\n\n| what | seconds | of the largest point's |\n|---|--:|--:|\n{body}"


if __name__ == "__main__":
    main()
