"""How many images per second does an extraction keep of the bare forward pass? All layers, six grids, into the store.

    python benchmarks/extract.py                  a ViT and a ConvNet on the CPU, ten minutes
    python benchmarks/extract.py --images 8       a quick look
    python benchmarks/extract.py --gpu            giants on a GPU, against their bare forward pass
    python benchmarks/extract.py --dtype          what float16 features cost in r, instead (see --data)
    python benchmarks/extract.py --write          put what was measured into docs/benchmarks.md
    python benchmarks/extract.py --json           the last line is one JSON object

Every route sees the same images (425 x 425 PNG, as the challenge has them) with the same random weights, batches and
threads, one after the other in each round, so that whatever else the machine does meets all alike. Ratios are medians
over rounds. On a CPU each route has a process of its own: algokit keeps the memory that it frees
(`algokit.pipeline.heap`), and what comes after it in its process is faster for that. Beside the bare forward pass,
which is given its batches in memory, all routes decode and write:

algokit         one pass: every layer pooled to every grid, in shards, then in one artefact per feature space
pass per layer  as the first seed's code did it: images are read and the network is run anew for every layer
hooks to disk   one pass with a hook per layer; whole activations are flattened and written, nothing is pooled
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from page import cpu, say, write_section

IMAGE_PX = 425
GRIDS = (1, 2, 3, 4, 5, 6)
CPU_MODELS = {"vit": "kind: timm, name: vit_small_patch16_224", "conv": "kind: timm, name: resnet50"}
GPU_MODELS = {
    "vit": "kind: open_clip, name: EVA02-E-14",
    "vit_g": "kind: open_clip, name: EVA01-g-14",
    "conv": "kind: open_clip, name: convnext_xxlarge",
}
RECIPE = """\
algokit: 1
name: benchmark
subjects: [subj01]
members:
  - name: {name}
    backbone: {{{model}, weights: random}}
    layers: all
    poolings: [{{kind: adaptive_max, grid: {grids}}}]
    readout: {{kind: ridge, alphas: [1], folds: {{n: 2}}}}
"""
Result = dict[str, Any]
Seconds = dict[str, list[float]]


def main() -> None:
    """Run what was asked for."""
    arguments = _arguments()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    if arguments.dtype:
        from extract_dtype import compare

        text, summary = compare(arguments.data, arguments.recipe, arguments.set or [])
    else:
        text, summary = _compare(arguments)
    print(text)
    if arguments.write:
        write_section("extract.py", "dtype" if arguments.dtype else "extract", text)
    if arguments.json:
        print(json.dumps(summary))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--images",
        type=int,
        default=256,
        help="a multiple of the batch; an eighth for a pass per layer (256)",
    )
    parser.add_argument("--batch-size", type=int, default=16, help="of every route (16)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="for every route (all cores)")
    parser.add_argument("--models", nargs="+", metavar="NAME=MODEL", help="other timm models: vit=test_vit")
    parser.add_argument("--gpu", action="store_true", help="giants on a GPU, bare pass and algokit alone")
    parser.add_argument("--device", default="cuda", help="of --gpu (cuda)")
    parser.add_argument("--dtype", action="store_true", help="r of float16 against float32 features, instead")
    parser.add_argument("--data", type=Path, help="of --dtype: a challenge directory; a demo one where not given")
    parser.add_argument("--recipe", default="demo", help="of --dtype: a shipped recipe (demo)")
    parser.add_argument("--set", action="append", metavar="PATH=VALUE", help="of --dtype: change the recipe")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser.parse_args()


@dataclass(frozen=True)
class Shown:
    """One model, where the images lie that it is shown, and how.

    Attributes
    ----------
    name : of the model in the results.
    model : what a recipe says of it.
    """

    name: str
    model: str
    folder: Path
    batch_size: int
    device: str


@dataclass(frozen=True)
class Bench:
    """All of it, loaded."""

    shown: Shown
    plan: Any
    inputs: Any
    backbone: Any

    @property
    def member(self) -> Any:
        """The only member of the plan."""
        return self.plan.members[0]

    @property
    def paths(self) -> list[Path]:
        """The image files in row order."""
        return [image.path for image in (*self.inputs.train_images, *self.inputs.test_images)]

    def batches(self, n_images: int) -> Iterator[Any]:
        """Images decoded by as many threads as algokit takes, on the device."""
        import torch

        from algokit.pipeline.forward import normalised
        from algokit.pipeline.images import batches

        how = self.member.card.preprocess
        for _, pixels in batches(
            self.paths[:n_images], how, self.shown.batch_size, 4, ahead=self.shown.device != "cpu"
        ):
            yield normalised(torch.from_numpy(pixels).to(self.shown.device), how)


def _compare(arguments: argparse.Namespace) -> tuple[str, Result]:
    models = GPU_MODELS if arguments.gpu else CPU_MODELS
    if arguments.models:
        models = {name: f"kind: timm, name: {model}" for name, _, model in (m.partition("=") for m in arguments.models)}
    summary: Result = {"cpu": cpu(), "threads": arguments.threads, "date": f"{date.today()}"}
    tables = []
    with tempfile.TemporaryDirectory(prefix="algokit-extract-") as folder:
        _write_images(Path(folder) / "images", arguments.images)
        for name, model in models.items():
            device = arguments.device if arguments.gpu else "cpu"
            shown = Shown(name, model, Path(folder), arguments.batch_size, device)
            seconds = _measure(shown, arguments)
            summary |= _ratios(_bench(shown), seconds)
            tables.append(_table(_bench(shown), seconds))
            _bench.cache_clear()  # one giant at a time
    return "\n\n".join([_machine(summary, arguments), *tables]), summary


def _write_images(folder: Path, n_images: int) -> None:
    """Smooth pictures with some noise: their PNG files are as large as those of photographs."""
    from PIL import Image

    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(n_images):
        small = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        smooth = np.asarray(small.resize((IMAGE_PX, IMAGE_PX), Image.Resampling.BICUBIC), np.float32)
        noisy = smooth + rng.normal(0, 6, smooth.shape)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{number:04d}.png", compress_level=6)


@cache
def _bench(shown: Shown) -> Bench:
    """A plan of one member and one subject, of images alone; once in a process."""
    from algokit.backbones import CATALOGUE
    from algokit.challenge import ImageFile
    from algokit.pipeline.inputs import SubjectInputs
    from algokit.pipeline.settings import checked_device
    from algokit.recipe.load import load_recipe
    from algokit.recipe.plan import PlannedData
    from algokit.recipe.planning import make_plan
    from algokit.store import digest_of, file_sha256
    from algokit.types import SubjectGeometry

    images = [ImageFile(path, row, row) for row, path in enumerate(sorted((shown.folder / "images").iterdir()))]
    digests = tuple(file_sha256(image.path) for image in images)
    n_train = len(images) - 2
    geometry = SubjectGeometry("subj01", n_train, 2, {"lh": 1, "rh": 1})
    data = PlannedData("benchmark", "", (geometry,), {"subj01": digest_of(list(digests))}, {"subj01": "0"})
    file = shown.folder / f"{shown.name}-{os.getpid()}.yaml"
    file.write_text(RECIPE.format(name=shown.name, model=shown.model, grids=list(GRIDS)), encoding="utf-8")
    recipe = load_recipe(file)
    inputs = SubjectInputs(geometry, tuple(images[:n_train]), tuple(images[n_train:]), digests, {})
    spec = recipe.members[0].backbone
    backbone = CATALOGUE.load(spec.kind).load(spec, checked_device(shown.device))  # in full float32, as in runs
    return Bench(shown, make_plan(recipe, data, "0"), inputs, backbone)


def _measure(shown: Shown, arguments: argparse.Namespace) -> Seconds:
    """Seconds per image of every route, round by round."""
    seconds: Seconds = {route: [] for route in ROUTES if not (arguments.gpu and route in CPU_ROUTES)}
    with ExitStack() as until_measured:
        processes = {route: until_measured.enter_context(_process()) for route in seconds if not arguments.gpu}
        for number in range(arguments.repeats):
            for route, of_route in seconds.items():
                say(f"{shown.name}, round {number + 1} of {arguments.repeats}: {route}")
                if arguments.gpu:  # one giant is enough, and the host's memory decides little
                    of_route.append(_seconds_per_image(shown, route))
                else:
                    of_route.append(processes[route].submit(_seconds_per_image, shown, route).result())
    return seconds


def _process() -> Executor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _seconds_per_image(shown: Shown, route: str) -> float:
    bench = _bench(shown)
    n_images = len(bench.paths)
    if route == "pass per layer":  # a few whole batches: others would be filled up
        n_images = shown.batch_size * max(1, n_images // shown.batch_size // 8)
    _bare(bench, shown.batch_size, Path())
    with tempfile.TemporaryDirectory(prefix="algokit-extract-") as folder:
        started = time.perf_counter()
        ROUTES[route](bench, n_images, Path(folder))
        return (time.perf_counter() - started) / n_images


def _bare(bench: Bench, n_images: int, _folder: Path) -> None:
    """The network's own forward on a batch that lies in memory, its features moved to the host."""
    import torch

    size_px = bench.member.card.preprocess.size_px
    batch = torch.randn(bench.shown.batch_size, 3, size_px, size_px, device=bench.shown.device)
    with torch.inference_mode():
        for start in range(0, n_images, bench.shown.batch_size):
            bench.backbone._trunk.network(batch[: n_images - start]).cpu()


def _algokit(bench: Bench, _n_images: int, folder: Path) -> None:
    """All of it, from image files to artefacts."""
    from algokit.pipeline.extract import extract_features
    from algokit.pipeline.settings import RunSettings
    from algokit.store import Store
    from algokit.types import no_progress

    steps = bench.plan.of_kind("features")
    settings = RunSettings(bench.shown.device, bench.shown.batch_size)
    extract_features(bench.member, steps, bench.inputs, [bench.backbone], Store(folder), settings, no_progress)


def _pass_per_layer(bench: Bench, n_images: int, folder: Path) -> None:
    """For every layer: read the images, run the network, pool that layer to every grid, save one file per grid."""
    import torch
    from torch.nn.functional import adaptive_max_pool2d

    for number, (layer, module) in enumerate(_modules(bench)):
        found: list[Any] = []
        handle = module.register_forward_hook(lambda _module, _inputs, output, found=found: found.append(output))
        pooled: list[list[Any]] = [[] for _ in GRIDS]
        with torch.inference_mode():
            for images in bench.batches(n_images):
                bench.backbone._trunk.network(images)
                values = found.pop()
                if layer.layout == "tokens":
                    values = values[:, layer.n_prefix :].transpose(1, 2)
                    values = values.reshape(len(values), layer.channels, layer.height, layer.width)
                for grid, rows in zip(GRIDS, pooled, strict=True):
                    rows.append(adaptive_max_pool2d(values, grid).flatten(1).numpy())
        handle.remove()
        for grid, rows in zip(GRIDS, pooled, strict=True):
            np.save(folder / f"{number}-{grid}.npy", np.concatenate(rows)[:n_images])


def _hooks_to_disk(bench: Bench, n_images: int, folder: Path) -> None:
    """One pass with a hook per layer; flattened activations are appended to one file per layer."""
    import torch

    modules = list(_modules(bench))
    found: dict[int, Any] = {}
    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, number=number: found.update({number: output}))
        for number, (_, module) in enumerate(modules)
    ]
    files = [(folder / f"{number}.f32").open("wb") for number in range(len(modules))]
    with torch.inference_mode():
        for images in bench.batches(n_images):
            bench.backbone._trunk.network(images)
            for number, file in enumerate(files):
                file.write(found[number].flatten(1).numpy().data)
    for one in (*handles, *files):
        one.remove() if hasattr(one, "remove") else one.close()


def _modules(bench: Bench) -> Iterator[tuple[Any, Any]]:
    """Every layer and its module."""
    for layer in bench.member.card.layers:
        yield layer, bench.backbone._trunk.network.get_submodule(layer.name)


ROUTES: dict[str, Callable[[Bench, int, Path], None]] = {
    "bare forward pass": _bare,
    "algokit": _algokit,
    "hooks to disk": _hooks_to_disk,
    "pass per layer": _pass_per_layer,
}
CPU_ROUTES = ("hooks to disk", "pass per layer")


def _ratios(bench: Bench, seconds: Seconds) -> Result:
    def faster_than(route: str) -> float:
        pairs = zip(seconds[route], seconds["algokit"], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)

    name = bench.shown.name
    ratios = {
        f"{name}_layers": len(bench.member.card.layers),
        f"{name}_images_per_s": 1 / statistics.median(seconds["algokit"]),
        f"{name}_vs_bare": faster_than("bare forward pass"),
    }
    for route, key in (("pass per layer", "pass_per_layer"), ("hooks to disk", "hooks_to_disk")):
        if route in seconds:
            ratios[f"{name}_vs_{key}"] = faster_than(route)
    return ratios


def _table(bench: Bench, seconds: Seconds) -> str:
    card = bench.member.card
    n_features = sum(space.n_features for space in bench.member.spaces)
    what = f"{len(card.layers)} layers x {len(GRIDS)} grids, {n_features} features per image"
    head = f"### {bench.shown.name}: {card.name}, {what}\n"
    lines = [head, "| route | images per second | algokit is faster by |", "|---|--:|--:|"]
    for route, times in sorted(seconds.items(), key=lambda item: statistics.median(item[1])):
        ratio = statistics.median(theirs / ours for theirs, ours in zip(times, seconds["algokit"], strict=True))
        lines.append(f"| {route} | {1 / statistics.median(times):.2f} | {ratio:.2f} |")
    return "\n".join(lines)


def _machine(summary: Result, arguments: argparse.Namespace) -> str:
    import torch

    where = f"{summary['cpu']}, {summary['threads']} threads, torch {torch.__version__}, {platform.python_version()}"
    if arguments.gpu and arguments.device.startswith("cuda"):
        where = f"{torch.cuda.get_device_name(arguments.device)}, {where}"
    what = f"{arguments.images} images in batches of {arguments.batch_size}, medians of {arguments.repeats} rounds"
    return f"{summary['date']}, {where}; {what}."


if __name__ == "__main__":
    main()
