"""How fast and how small is a verdict? algokit against a loop over scipy.stats.pearsonr and against plain NumPy.

    python benchmarks/scoring.py                              full size: 8 subjects, 79 million values, about 3 minutes
    python benchmarks/scoring.py --subjects 2 --fraction 0.05    a quick look
    python benchmarks/scoring.py --data DIR --submission PATH    with what you have
    python benchmarks/scoring.py --json                       the last line is one JSON object

Each route runs in a process of its own, from files on disk to the official score: algokit opens the challenge,
validates every value and scores every subject, hemisphere and ROI; the two others load the arrays and compute the
score over all vertices, nothing else, and check nothing. Seconds are medians over --repeats, without the imports.
The loop over scipy runs on the first subject and is extrapolated by the number of vertices; the other subjects have at
least as many images, so this flatters the loop.

``vs_scipy_loop`` and ``vs_numpy`` are their seconds divided by those of algokit: above 1, algokit is faster.
``peak_memory_bytes`` is the largest resident set of algokit's process, files it has mapped included.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from algokit.challenge import Challenge

Result = dict[str, Any]
Pair = tuple[str, NDArray[Any], NDArray[Any], NDArray[Any]]


def main() -> None:
    """Run every route and print what it took."""
    arguments = _arguments()
    if arguments.route:
        print(json.dumps(ROUTES[arguments.route](arguments.data, arguments.submission)))
        return
    with tempfile.TemporaryDirectory(prefix="algokit-benchmark-") as folder:
        data, submission = arguments.data, arguments.submission
        if data is None or submission is None:
            data, submission = Path(folder, "data"), Path(folder, "submission")
            _say(f"writing {arguments.subjects} made-up subjects, {100 * arguments.fraction:g} % of the vertices ...")
            _child("make", data, submission, arguments)
        results = {
            name: [_child(name, data, submission, arguments) for _ in range(arguments.repeats)]
            for name in ("algokit", "scipy", "numpy")
        }
    summary = _summary(results)
    _print_table(summary, arguments.repeats)
    if arguments.json:
        print(json.dumps(summary))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a challenge directory with test responses and ceilings")
    parser.add_argument("--submission", type=Path, help="a submission folder for it")
    parser.add_argument("--subjects", type=int, default=8, help="how many made-up subjects (8)")
    parser.add_argument("--fraction", type=float, default=1.0, help="of their vertices (1.0)")
    parser.add_argument("--repeats", type=int, default=3, help="times every route runs (3)")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--route", choices=ROUTES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if (arguments.data is None) != (arguments.submission is None):
        parser.error("--data and --submission belong together")
    return arguments


def _child(route: str, data: Path, submission: Path, arguments: argparse.Namespace) -> Result:
    """One route in a fresh process: its peak memory is then its own."""
    command = [sys.executable, __file__, "--route", route, "--data", str(data), "--submission", str(submission)]
    command += ["--subjects", str(arguments.subjects), "--fraction", str(arguments.fraction)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: Result = json.loads(ran.stdout)
    return result


def make(data: Path, submission: Path) -> Result:
    """The made-up challenge and its submission."""
    from made_up_challenge import write_challenge

    arguments = _arguments()
    write_challenge(data, submission, n_subjects=arguments.subjects, fraction=arguments.fraction)
    return {}


def with_algokit(data: Path, submission: Path) -> Result:
    """Validate and score, as the two commands do, in one process."""
    from algokit.challenge import open_challenge
    from algokit.challenge.submission_check import validate_submission
    from algokit.scoring import score_document, score_submission
    from algokit.types import errors_among

    started = time.perf_counter()
    challenge = open_challenge(data)
    geometry = {subject: challenge.geometry(subject) for subject in challenge.subjects}
    findings = validate_submission(submission, geometry, challenge=challenge)
    assert not errors_among(findings), findings
    validated = time.perf_counter()
    scores = score_submission(submission, challenge)
    scored = time.perf_counter()
    return {
        "seconds": scored - started,
        "validate_s": validated - started,
        "score_s": scored - validated,
        "score": score_document(scores)["noise_normalized_mean"],
        "first": _digest(scores.vertices[0].normalized),
        "n_rows": len(scores.rows) - 1,
        "n_vertices": scores.n_vertices,
        "n_values": sum(one.n_test * sum(one.n_vertices.values()) for one in geometry.values()),
        "peak_memory_bytes": _peak_bytes(),
    }


def with_scipy(data: Path, submission: Path) -> Result:
    """``scipy.stats.pearsonr``, vertex by vertex; of the first subject, extrapolated."""
    from scipy.stats import pearsonr

    challenge = _challenge(data)
    total = sum(sum(challenge.geometry(one).n_vertices.values()) for one in challenge.subjects)
    first: list[NDArray[Any]] = []
    started = time.perf_counter()
    for _, truth, predicted, ceilings in _pairs(challenge, submission, challenge.subjects[:1]):
        r = np.array([pearsonr(truth[:, v], predicted[:, v])[0] for v in range(truth.shape[1])])
        first.append(_normalized(r, ceilings))
    seconds = time.perf_counter() - started
    n_vertices = sum(map(len, first))
    return {
        "seconds": seconds * total / n_vertices,
        "measured_s": seconds,
        "measured_vertices": n_vertices,
        "first": _digest(first[0]),
        "peak_memory_bytes": _peak_bytes(),
    }


def with_numpy(data: Path, submission: Path) -> Result:
    """The one-liner that most people write: z-score both as a whole, mean of the products."""
    challenge = _challenge(data)
    normalized: list[NDArray[Any]] = []
    started = time.perf_counter()
    for _, truth, predicted, ceilings in _pairs(challenge, submission, challenge.subjects):
        x, y = truth.astype(np.float64), predicted.astype(np.float64)
        r = ((x - x.mean(0)) / x.std(0) * ((y - y.mean(0)) / y.std(0))).mean(0)
        normalized.append(_normalized(r, ceilings))
    score = 100 * float(np.concatenate(normalized).mean())
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "score": score,
        "first": _digest(normalized[0]),
        "peak_memory_bytes": _peak_bytes(),
    }


def _challenge(data: Path) -> Challenge:
    from algokit.challenge import open_challenge

    return open_challenge(data)


def _pairs(challenge: Challenge, submission: Path, subjects: tuple[str, ...]) -> Iterator[Pair]:
    """Place, responses, predictions and ceilings of every hemisphere, loaded as a whole."""
    from algokit.challenge.submission import prediction_file
    from algokit.types import HEMISPHERES

    for subject in subjects:
        for hemisphere in HEMISPHERES:
            truth = np.load(challenge.response_path(subject, hemisphere, "test"))
            predicted = np.load(submission / prediction_file(subject, hemisphere))
            ceilings = np.load(challenge.files(subject)[f"noise_ceiling.{hemisphere}"])
            yield f"{subject} {hemisphere}", truth, predicted, ceilings


def _normalized(r: NDArray[Any], ceilings: NDArray[Any]) -> NDArray[Any]:
    return np.minimum(np.maximum(r, 0) ** 2 / np.where(ceilings == 0, 1e-14, ceilings), 1)


def _digest(values: NDArray[Any] | None) -> list[float]:
    """A few numbers that two routes share only if all their vertices agree: weighted sums and every hundredth value."""
    assert values is not None
    weights = np.cos(np.arange(len(values)))
    return [float(values @ weights), float(values.sum()), *values[::100].astype(float).tolist()]


def _peak_bytes() -> int:
    """The largest resident set of this process.

    The kernel's own counter of this process where there is one: getrusage also counts what the process that started
    this one held at that moment.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        (line,) = (one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _summary(results: dict[str, list[Result]]) -> Result:
    def median(route: str, name: str) -> float:
        return statistics.median(one[name] for one in results[route])

    ours, scipy, plain = (results[route][0] for route in ("algokit", "scipy", "numpy"))
    # scipy keeps the dtype of what it is given, here float32; the two others compute in float64.
    assert np.allclose(ours["first"], plain["first"], rtol=1e-9, atol=1e-9)
    assert np.allclose(ours["first"], scipy["first"], rtol=1e-4, atol=1e-4)
    assert abs(ours["score"] - plain["score"]) < 1e-9
    seconds = {route: median(route, "seconds") for route in results}
    return {
        "vs_scipy_loop": seconds["scipy"] / seconds["algokit"],
        "vs_numpy": seconds["numpy"] / seconds["algokit"],
        "peak_memory_bytes": max(one["peak_memory_bytes"] for one in results["algokit"]),
        "algokit_s": seconds["algokit"],
        "algokit_validate_s": median("algokit", "validate_s"),
        "algokit_score_s": median("algokit", "score_s"),
        "scipy_loop_s": seconds["scipy"],
        "scipy_measured_s": median("scipy", "measured_s"),
        "scipy_measured_vertices": scipy["measured_vertices"],
        "scipy_peak_memory_bytes": max(one["peak_memory_bytes"] for one in results["scipy"]),
        "numpy_s": seconds["numpy"],
        "numpy_peak_memory_bytes": max(one["peak_memory_bytes"] for one in results["numpy"]),
        "score": ours["score"],
        "n_rows": ours["n_rows"],
        "n_vertices": ours["n_vertices"],
        "n_values": ours["n_values"],
    }


def _print_table(summary: Result, repeats: int) -> None:
    print(f"{summary['n_values']:,} values at {summary['n_vertices']:,} vertices, medians of {repeats}")
    print(f"{'':34}{'seconds':>9}{'ratio':>8}{'peak memory':>14}")
    rows = [
        ("algokit: validate and score", "algokit", 1.0),
        ("loop over scipy.stats.pearsonr *", "scipy", summary["vs_scipy_loop"]),
        ("NumPy, whole arrays", "numpy", summary["vs_numpy"]),
    ]
    for label, route, ratio in rows:
        seconds = summary["scipy_loop_s" if route == "scipy" else f"{route}_s"]
        peak = summary["peak_memory_bytes" if route == "algokit" else f"{route}_peak_memory_bytes"]
        print(f"{label:34}{seconds:>9.2f}{ratio:>8.2f}{peak / 1e6:>11.0f} MB")
    print(f"  of algokit: validate {summary['algokit_validate_s']:.2f} s, score {summary['algokit_score_s']:.2f} s")
    measured, n_vertices = summary["scipy_measured_s"], summary["scipy_measured_vertices"]
    print(f"* extrapolated from {n_vertices:,} vertices in {measured:.2f} s")
    print(f"the score is {summary['score']:.6f} by both; algokit's has {summary['n_rows']:,} rows more")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


ROUTES: dict[str, Callable[[Path, Path], Result]] = {
    "make": make,
    "algokit": with_algokit,
    "scipy": with_scipy,
    "numpy": with_numpy,
}

if __name__ == "__main__":
    main()
