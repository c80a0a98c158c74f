"""How fast, how small and how exact is the ridge search? algokit against himalaya, scikit-learn and a loop.

    python benchmarks/ridge.py                    the three problems of the project's targets, about ten minutes
    python benchmarks/ridge.py --scale 0.1        a quick look
    python benchmarks/ridge.py --growth           how seconds grow with n, features, targets, alphas, folds
    python benchmarks/ridge.py --gpu              true size on a GPU (see ridge_gpu.py)
    python benchmarks/ridge.py --write            put what was measured into docs/benchmarks.md
    python benchmarks/ridge.py --json             the last line is one JSON object

Every route solves the same problem on the same folds and alphas in a process of its own, one after the other in each
round, so that whatever else the machine does meets all alike. Seconds are medians over --repeats, without imports and
reading; the slow routes whose ratio nobody needs run once (*), a few on part of the work, extrapolated (**). Memory is
the largest resident set beyond what lay in memory before the start (inputs, libraries).

``dual_vs_himalaya_best`` and its like are himalaya's seconds over ours: above 1, algokit is faster. Agreement is with a
float64 reference in NumPy: the share of targets with the same alpha and space, those aside where the two best r differ
by less than 1e-4, and the largest difference in r of what was chosen.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from page import cpu, say, write_section
from ridge_problems import PROBLEMS, Problem, read_problem, write_problem

Result = dict[str, Any]
MEGABYTE = 1e6
REPEATED = {
    "dual": ("algokit", "himalaya KernelRidgeCV, tuned batches", "himalaya RidgeCV, tuned batches"),
    "primal": ("algokit", "himalaya RidgeCV, tuned batches"),
    "seed": ("algokit", "himalaya KernelRidgeCV"),
}
ONCE = {
    "dual": ("himalaya KernelRidgeCV", "scikit-learn RidgeCV (leave-one-out)", "naive loop"),
    "primal": ("himalaya RidgeCV", "scikit-learn RidgeCV (leave-one-out)", "naive loop"),
    "seed": (),
}
PRELOADED = ["ridge_routes", "torch", "himalaya.kernel_ridge", "himalaya.ridge", "sklearn.linear_model"]
EXTRAPOLATED = ("naive loop",)
REFERENCE = "float64 reference"
CLOSE_R = 1e-4


def main() -> None:
    """Run what was asked for."""
    arguments = _arguments()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    if arguments.gpu:
        from ridge_gpu import measure

        print(json.dumps(measure(arguments.device, arguments.scale)))
        return
    text, summary = _growth(arguments) if arguments.growth else _compare(arguments)
    print(text)
    if arguments.write:
        write_section("ridge.py", "growth" if arguments.growth else "ridge", text)
    if arguments.json:
        print(json.dumps(summary))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of rows, features and targets (1.0)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="for every route (all cores)")
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--growth", action="store_true", help="seconds as sizes grow, instead of the comparison")
    parser.add_argument("--gpu", action="store_true", help="true size on a GPU, instead of the comparison")
    parser.add_argument("--device", default="cuda", help="of --gpu (cuda)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser.parse_args()


def _compare(arguments: argparse.Namespace) -> tuple[str, Result]:
    rate = _gemm_rate(arguments)
    results = {name: _solve(PROBLEMS[name].scaled(arguments.scale), arguments) for name in arguments.problems}
    summary: Result = {
        "gemm_gflops": rate / 1e9,
        "threads": arguments.threads,
        "cpu": cpu(),
        "date": f"{date.today()}",
    }
    for name, result in results.items():
        summary |= _ratios(name, result)
    ours = [result["algokit"] for result in results.values()]
    summary["max_abs_delta_r"] = max(one["max_abs_delta_r"] for one in ours)
    summary["alpha_agreement"] = min(one["alpha_agreement"] for one in ours)
    summary["max_relative_prediction_error"] = max(one["prediction_error"] for one in ours)
    tables = [_table(PROBLEMS[name].scaled(arguments.scale), result, rate) for name, result in results.items()]
    return "\n\n".join([_machine(summary, arguments.repeats), *tables]), summary


def _solve(problem: Problem, arguments: argparse.Namespace) -> dict[str, Result]:
    """Every route's medians on one problem."""
    with tempfile.TemporaryDirectory(prefix="algokit-ridge-") as name:
        folder = Path(name)
        write_problem(problem, folder)
        runs: dict[str, list[Result]] = {}
        for number in range(arguments.repeats):
            for route in (*REPEATED[problem.name], *(ONCE[problem.name] if number == 0 else ())):
                say(f"{problem.name}, round {number + 1} of {arguments.repeats}: {route}")
                runs.setdefault(route, []).append(_child(route, problem, folder, arguments.threads))
        _child(REFERENCE, problem, folder, arguments.threads)
        return {route: _median(each) | _agreement(folder, route) for route, each in runs.items()}


def _child(route: str, problem: Problem, folder: Path, threads: int) -> Result:
    """One route in a process of its own: its peak memory is then its own.

    Processes come from a server that has loaded the libraries and started no thread.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_solve_once, args=(route, problem, folder, threads, theirs))
    process.start()
    theirs.close()
    try:
        result: Result = ours.recv()
    except EOFError:
        raise SystemExit(f"{route} failed on {problem.name}; see above") from None
    finally:
        process.join()
    return result


def _solve_once(route_name: str, problem: Problem, folder: Path, threads: int, answer: Connection) -> None:
    import torch
    from ridge_routes import ROUTES

    torch.set_num_threads(threads)
    route = ROUTES[route_name]
    if route_name != REFERENCE:
        _warm_up(route, problem)
    spaces, targets = read_problem(problem, folder)
    before = _start_of_peak()
    started = time.perf_counter()
    solution = route(problem, spaces, targets)
    seconds = (time.perf_counter() - started) / solution.share
    peak = _status_bytes("VmHWM") - before
    np.savez(_saved(folder, route_name), alpha=solution.alpha, r=solution.r, predictions=solution.predictions)
    answer.send({"seconds": seconds, "peak_bytes": peak, "share": solution.share})


def _warm_up(route: Any, problem: Problem) -> None:
    """Load libraries and start threads, on a problem of no size."""
    small = replace(problem, n=40, n_features=20, n_targets=4 * problem.n_hemispheres, n_folds=2, n_test=5)
    with tempfile.TemporaryDirectory() as name:
        write_problem(small, Path(name))
        route(small, *read_problem(small, Path(name)))


def _start_of_peak() -> int:
    """Let the kernel's counter of the largest resident set begin anew; returns what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status_bytes("VmRSS")


def _status_bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def _saved(folder: Path, route: str) -> Path:
    return folder / f"{route.replace(' ', '_').replace(',', '')}.npz"


def _median(runs: list[Result]) -> Result:
    medians = {name: statistics.median(one[name] for one in runs) for name in ("seconds", "peak_bytes")}
    return medians | {"share": runs[0]["share"], "n_runs": len(runs)}


def _agreement(folder: Path, route: str) -> Result:
    """How near a route's choices, r and predictions are to the reference's."""
    ours, truth = np.load(_saved(folder, route)), np.load(_saved(folder, REFERENCE))
    same = np.isclose(ours["alpha"], truth["alpha"], rtol=1e-4)  # himalaya's are float32
    delta = np.abs(ours["r"] - truth["r"])
    settled = same | (delta >= CLOSE_R)  # another alpha whose r is as good is no disagreement
    error = np.nan
    if len(ours["predictions"]):
        a, b = ours["predictions"][:, same], truth["predictions"][:, same]
        error = float(np.sqrt(np.square(a - b).sum() / np.square(b - b.mean(axis=0)).sum()))
    return {
        "alpha_agreement": float(same[settled].mean()),
        "same_alpha": float(same.mean()),
        "max_abs_delta_r": float(delta.max()),
        "prediction_error": error,
    }


def _ratios(name: str, result: dict[str, Result]) -> Result:
    def seconds(route: str) -> float:
        return float(result[route]["seconds"])

    ours = seconds("algokit")
    ratios: Result = {f"{name}_s": ours}
    himalaya = {route: seconds(route) for route in result if route.startswith("himalaya")}
    if name == "seed":
        ratios["seed_setting_vs_himalaya"] = himalaya["himalaya KernelRidgeCV"] / ours
    else:
        ratios[f"{name}_vs_himalaya_best"] = min(himalaya.values()) / ours
    if name == "dual":
        primal_estimators = [value for route, value in himalaya.items() if route.startswith("himalaya RidgeCV")]
        ratios["dual_vs_himalaya_ridgecv"] = min(primal_estimators) / ours
        peaks = {route: result[route]["peak_bytes"] for route in result}
        ratios["peak_memory_ratio"] = peaks["algokit"] / peaks["himalaya KernelRidgeCV"]
        ratios["peak_memory_ratio_tuned"] = peaks["algokit"] / peaks["himalaya KernelRidgeCV, tuned batches"]
    return ratios


def _gemm_rate(arguments: argparse.Namespace) -> float:
    """float32 operations per second of one large product, as torch does it here."""
    import torch

    torch.set_num_threads(arguments.threads)
    a, b = torch.randn(2000, 2000), torch.randn(2000, 2000)
    a @ b
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - started)
    return 2 * 2000**3 / statistics.median(seconds)


def _table(problem: Problem, result: dict[str, Result], rate: float) -> str:
    sizes = f"n {problem.n}, {problem.n_features} features, {problem.n_targets} targets, {problem.n_alphas} alphas"
    head = f"### {problem.name}: {sizes}, {problem.n_folds} folds, {problem.n_spaces} feature spaces\n"
    lines = [
        head,
        "| route | seconds | of algokit's | memory beyond inputs | same alpha | error in r | of predictions |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    ours = result["algokit"]["seconds"]
    for route, one in sorted(result.items(), key=lambda item: float(item[1]["seconds"])):
        star = "**" if route in EXTRAPOLATED else "*" if one["n_runs"] == 1 else ""
        differs = route.startswith("scikit") or route in EXTRAPOLATED
        cells = [
            route + star,
            f"{one['seconds']:.2f}",
            f"{one['seconds'] / ours:.1f}",
            f"{one['peak_bytes'] / MEGABYTE:.0f} MB",
            "-" if differs else f"{100 * one['same_alpha']:.2f} %",
            "-" if differs else f"{one['max_abs_delta_r']:.0e}",
            "-" if differs else f"{one['prediction_error']:.0e}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    fraction = problem.main_product_flops / rate / ours
    tail = (
        f"\nThe products of every alpha, were none interpolated, at the float32 rate above: {fraction:.2f} of our time."
    )
    return "\n".join(lines) + "\n" + tail


def _growth(arguments: argparse.Namespace) -> tuple[str, Result]:
    """Seconds and memory of algokit as one size at a time grows."""
    base = replace(PROBLEMS["dual"], n_targets=4000).scaled(arguments.scale)
    series = {"n": (0.25, 0.5, 1, 2), "n_features": (0.5, 1, 2, 4), "n_targets": (0.25, 0.5, 1, 2, 4)}
    rows = [(name, int(getattr(base, name) * factor)) for name, factors in series.items() for factor in factors]
    rows += [("n_alphas", value) for value in (1, 5, 10, 20, 40)] + [("n_folds", value) for value in (2, 5, 10, 20)]
    lines = ["| what grows | to | seconds | memory beyond inputs |", "|---|--:|--:|--:|"]
    summary: Result = {}
    for name, value in rows:
        problem = replace(base, **{name: value})
        say(f"{name} {value}")
        with tempfile.TemporaryDirectory(prefix="algokit-ridge-") as folder:
            write_problem(problem, Path(folder))
            runs = [_child("algokit", problem, Path(folder), arguments.threads) for _ in range(arguments.repeats)]
        one = _median(runs)
        summary[f"{name}={value}"] = {"seconds": one["seconds"], "peak_bytes": one["peak_bytes"]}
        lines.append(f"| {name} | {value} | {one['seconds']:.2f} | {one['peak_bytes'] / MEGABYTE:.0f} MB |")
    head = f"### growth, from n {base.n}, {base.n_features} features, {base.n_targets} targets, 10 alphas, 5 folds\n"
    machine = {"cpu": cpu(), "threads": arguments.threads, "date": f"{date.today()}"}
    return "\n".join([_machine(machine, arguments.repeats), "", head, *lines]), summary


def _machine(summary: Result, repeats: int) -> str:
    import torch

    rate = f", float32 products at {summary['gemm_gflops']:.0f} GFLOP/s" if "gemm_gflops" in summary else ""
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    where = f"{summary['cpu']}, {summary['threads']} threads{rate}, {versions}"
    return f"{summary['date']}, {where}; medians of {repeats}, * one run, ** one run on part of the work, extrapolated."


if __name__ == "__main__":
    main()
