"""What does a pruned search save, and what does it cost? Beside the exhaustive search, in the same run.

    python benchmarks/pruning.py             three problems, a few minutes
    python benchmarks/pruning.py --quick     the demo challenge alone
    python benchmarks/pruning.py --write     put the tables into docs/pruning.md

Seconds are CPU seconds of the process (all threads), medians over --repeats, pruned and exhaustive searches by turns.
FLOPs are counted as `algokit plan` does: of the exhaustive search; of screening all spaces for the vertices drawn and
searching those kept for all. Losses are exact: the cross-validated r of every vertex in the exhaustive search less that
in the pruned one. The val rows are nobody's choice: mean r over them is what either search is worth.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from algokit.challenge import DigestCache, open_challenge
from algokit.challenge.synthetic import DemoSettings, write_demo
from algokit.pipeline.fit import StoredSpaces
from algokit.pipeline.inputs import read_inputs, split_rows
from algokit.pipeline.run import run_plan
from algokit.pipeline.settings import RunSettings
from algokit.readouts import FeatureSpace, FoldsSpec, LogSpace, PrunedSearch, ReadoutResult, RidgeSpec, Rows
from algokit.readouts.ridge_readout import fit_ridge
from algokit.recipe.cost import fit_cost
from algokit.recipe.load import load_recipe, shipped_recipes
from algokit.recipe.planning import make_plan
from algokit.solvers.folds import shuffled_folds
from algokit.solvers.pruning import Pruning, draw_sample, prune, screen
from algokit.solvers.search import SearchSettings
from algokit.solvers.targets import Targets
from algokit.store import Store
from algokit.types import HEMISPHERES, SubjectGeometry, no_progress

PAGE = Path(__file__).resolve().parents[1] / "docs" / "pruning.md"
START, STOP = "<!-- written by benchmarks/pruning.py -->", "<!-- end -->"
SUBJECT = "subj01"
ASKED = ((0.0, 0.0, -1.0), (0.01, 0.01, -1.0), (0.01, 0.01, 0.1), (0.02, 0.05, 0.1))  # loss, share, floor
HEAD = (
    "| loss | share | floor | kept | losing, bound | losing, true | mean loss | largest loss | val r | CPU s "
    "| FLOPs, ratio |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Problem:
    """One subject, ready to be fitted."""

    name: str
    spaces: Sequence[FeatureSpace]
    responses: list[NDArray[np.float32]]
    rows: Rows
    spec: RidgeSpec
    n_vertices: int

    @property
    def n_targets(self) -> int:
        """Of both hemispheres."""
        return sum(block.shape[1] for block in self.responses)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the demo challenge alone")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="all cores by default")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/pruning.md")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        problems = _problems(Path(folder), quick=arguments.quick)
        text = "\n".join(_table(problem, arguments.repeats) for problem in problems)
    text += f"\n{platform.machine()}, {arguments.threads} threads; torch {torch.__version__}.\n"
    print(text)
    if arguments.write:
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.partition(START)[0], page.partition(STOP)[2]
        PAGE.write_text(f"{before}{START}\n{text}{STOP}{after}", encoding="utf-8")


def _problems(folder: Path, *, quick: bool) -> Iterator[Problem]:
    yield _demo("The demo challenge", folder, 0.01, 200)
    if not quick:
        yield _demo("The demo challenge, a quarter of the true number of vertices", folder, 0.25, 1000)
        yield _made_up()


def _demo(name: str, folder: Path, vertex_fraction: float, n_vertices: int) -> Problem:
    """The first subject of the demo recipe on a demo challenge, its features in a store."""
    data, store = folder / f"data {vertex_fraction}", Store(folder / "store")
    write_demo(data, settings=DemoSettings(subjects=(SUBJECT,), vertex_fraction=vertex_fraction))
    recipe, challenge = load_recipe(shipped_recipes()["demo"]), open_challenge(data)
    known, inputs = read_inputs(challenge, challenge.subjects, DigestCache(folder / "digests.json"))
    plan = make_plan(recipe, known, "0")
    run_plan(plan, recipe, inputs, store, RunSettings("cpu", 8, 1), no_progress)
    responses = [
        np.load(challenge.response_path(SUBJECT, hemisphere, "train"), mmap_mode="r") for hemisphere in HEMISPHERES
    ]
    spec = recipe.members[0].readout
    assert isinstance(spec, RidgeSpec)
    rows = split_rows(len(responses[0]), recipe.val, SUBJECT)
    return Problem(name, StoredSpaces(plan.of_kind("features"), store), responses, rows, spec, n_vertices)


def _made_up(n: int = 800, width: int = 1600, n_spaces: int = 8, n_targets: int = 6000) -> Problem:
    """Three spaces that each drive some vertices, noisier versions of them, and vertices driven by nothing (30 %)."""
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((n + 100, 3, 20))
    spaces = []
    for number in range(n_spaces):
        seen = shared[:, number % 3] @ rng.standard_normal((20, width)) / 20**0.5
        rows = (seen + (1 + 2 * (number // 3)) * rng.standard_normal((n + 100, width))).astype(np.float32)
        spaces.append(FeatureSpace(f"space {number}", rows[:n], rows[n:]))
    strength = np.where(rng.random(n_targets) < 0.3, 0.0, rng.uniform(0.2, 1, n_targets))
    drive = np.choose(
        rng.integers(3, size=n_targets), [shared[:n, one] @ rng.standard_normal((20, n_targets)) for one in range(3)]
    )
    values = (drive / 20**0.5 * strength + rng.standard_normal((n, n_targets))).astype(np.float32)
    spec = RidgeSpec(kind="ridge", alphas=LogSpace(start=2, stop=6, num=9), folds=FoldsSpec(n=5))
    rows = Rows(np.arange(100, n), np.arange(100))
    half = n_targets // 2
    return Problem("Made-up spaces", spaces, [values[:, :half], values[:, half:]], rows, spec, 600)


def _table(problem: Problem, repeats: int) -> str:
    n, n_val = len(problem.responses[0]), len(problem.rows.val)
    title = (
        f"**{problem.name}**: {len(problem.spaces)} feature spaces, {n - n_val} + {n_val} training images, "
        f"{problem.n_targets} vertices, {len(problem.spec.alpha_values())} penalties, {problem.n_vertices} vertices "
        "drawn.\n\n"
    )
    searches = [
        PrunedSearch(kind="pruned", n_vertices=problem.n_vertices, loss=loss, share=share, floor=floor)
        for loss, share, floor in ASKED
    ]
    specs = [problem.spec, *(problem.spec.model_copy(update={"search": search}) for search in searches)]
    seconds, results = _by_turns([partial(_fit, problem, spec) for spec in specs], repeats)
    rows = [
        _row(problem, search, (seconds[0], taken), (results[0], result))
        for search, taken, result in zip(searches, seconds[1:], results[1:], strict=True)
    ]
    return title + HEAD + "".join(rows)


def _row(
    problem: Problem, search: PrunedSearch, seconds: tuple[float, float], results: tuple[ReadoutResult, ReadoutResult]
) -> str:
    lost = results[0].cv_score - results[1].cv_score
    found = _pruning(problem, search)
    kept = np.flatnonzero(found.kept)
    assert set(results[1].space_index) <= set(kept)
    widths = [space.train.shape[1] for space in problem.spaces]
    whole = _flops(problem, widths, problem.n_targets)
    part = _flops(problem, widths, problem.n_vertices) + _flops(problem, [widths[i] for i in kept], problem.n_targets)
    val = [_mean_r(result.val_predictions, problem) for result in results]
    cells = (
        f"{search.loss:g}",
        f"{search.share:g}",
        f"{search.floor:g}" if search.floor > -1 else "none",
        f"{len(kept)} of {len(widths)}",
        f"{found.epsilon:.1%}",
        f"{((lost > search.loss + 1e-6) & (results[0].cv_score >= search.floor)).mean():.1%}",
        f"{lost.mean():.5f}",
        f"{lost.max():.3f}",
        f"{val[0]:.4f} -> {val[1]:.4f}",
        f"{seconds[0]:.2f} -> {seconds[1]:.2f}",
        f"{part / whole:.2f}",
    )
    return f"| {' | '.join(cells)} |\n"


def _fit(problem: Problem, spec: RidgeSpec) -> ReadoutResult:
    options = {"device": "cpu", "progress": lambda done, name: None}
    return fit_ridge(problem.spaces, problem.responses, problem.rows, spec, **options)


def _by_turns(calls: Sequence[Callable[[], ReadoutResult]], repeats: int) -> tuple[list[float], list[ReadoutResult]]:
    seconds: list[list[float]] = [[] for _ in calls]
    results: list[ReadoutResult] = []
    for _ in range(repeats):
        results = []
        for call, mine in zip(calls, seconds, strict=True):
            start = time.process_time()
            results.append(call())
            mine.append(time.process_time() - start)
    return [statistics.median(mine) for mine in seconds], results


def _pruning(problem: Problem, pruned: PrunedSearch) -> Pruning:
    """What the pruned search decided, once more: its result says so in words only."""
    sample = draw_sample([block.shape[1] for block in problem.responses], pruned)
    drawn = np.concatenate(problem.responses, axis=1)[:, sample.columns]
    folds = problem.spec.folds
    cut = shuffled_folds(problem.rows.fit, folds.n, folds.seed)
    settings = SearchSettings(problem.spec.alpha_values(), cut, problem.spec.standardize)
    scores = screen(problem.spaces, Targets([drawn], problem.rows, "cpu"), settings)
    return prune(scores, sample, pruned)


def _flops(problem: Problem, widths: Sequence[int], n_targets: int) -> float:
    geometry = SubjectGeometry(SUBJECT, len(problem.rows.fit), len(problem.spaces[0].test), {"lh": n_targets, "rh": 0})
    return fit_cost(widths, geometry, problem.spec, None)["flops"]


def _mean_r(predictions: NDArray[np.float32], problem: Problem) -> float:
    truth = np.concatenate([block[problem.rows.val] for block in problem.responses], axis=1)
    a, b = (part - part.mean(axis=0) for part in (predictions, truth))
    return float(((a * b).sum(0) / np.maximum(np.sqrt((a**2).sum(0) * (b**2).sum(0)), 1e-30)).mean())


if __name__ == "__main__":
    main()
