"""Options that several commands share, and the only place that reads the environment."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from algokit.executors import ContainerOptions

Recipe: TypeAlias = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe, such as recipes/demo.yaml.")]
Submission: TypeAlias = Annotated[Path, typer.Argument(metavar="PATH", help="A submission folder or its zip.")]
Submissions: TypeAlias = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Submission folders, zips, or a folder of submissions.")
]
Data: TypeAlias = Annotated[
    Path, typer.Option("--data", metavar="DIR", help="The challenge directory, in any of its known layouts.")
]
MaybeData: TypeAlias = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The challenge directory, in any of its known layouts.")
]
Manifest: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What the data must be; the official challenge where nothing else is said."),
]
Nsd: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--nsd",
        metavar="DIR",
        help="The Natural Scenes Dataset's own files (ncsnr.mgh, nsd_expdesign.mat), for noise ceilings; looked for in "
        "the data where not given.",
    ),
]
Store: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where features and fits are kept; $ALGOKIT_CACHE/store where not given."),
]
Overrides: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one value of the recipe; may be given several times."),
]
Lock: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--lock", metavar="FILE", help="Digests that weights must have; weights.lock.json beside the recipe if there."
    ),
]
Executor: TypeAlias = Annotated[
    str, typer.Option("--executor", help="Where to run: local, docker or apptainer (algokit list executors).")
]
Image: TypeAlias = Annotated[
    str,
    typer.Option("--image", metavar="NAME", help="The image of a container, by name or digest; algokit if not given."),
]
Gpus: TypeAlias = Annotated[
    str,
    typer.Option(
        "--gpus", metavar="WHICH", help="A container's: all, none, a number, or device=0,1; as --device if not given."
    ),
]
Memory: TypeAlias = Annotated[
    str,
    typer.Option("--memory", metavar="SIZE", help="A container's most: 16GB; what is free now if not given."),
]
Threads: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--threads", min=1, help="A container's threads of arithmetic; $OMP_NUM_THREADS, or all, if not given."
    ),
]
Timeout: TypeAlias = Annotated[
    float | None, typer.Option("--timeout", min=1, metavar="SECONDS", help="A container is ended after so long.")
]
Build: TypeAlias = Annotated[
    bool, typer.Option("--build", help="Build the image if it is not there; a terminal asks without this.")
]
Device: TypeAlias = Annotated[
    str, typer.Option("--device", help="auto, cpu, cuda or cuda:N; cuda:0,cuda:1 share the images.")
]
BatchSize: TypeAlias = Annotated[
    int | None,
    typer.Option("--batch-size", min=1, help="Images per forward pass; 16, on a GPU what is fastest, if not given."),
]
Workers: TypeAlias = Annotated[int, typer.Option("--workers", min=1, help="Threads that decode images.")]
ShardImages: TypeAlias = Annotated[
    int, typer.Option("--shard-images", min=1, help="Images whose features a kill can cost, about.")
]
Compile: TypeAlias = Annotated[
    bool, typer.Option("--compile", help="Networks go through torch.compile: slow to start, then faster.")
]
BlockVertices: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--block-vertices", min=1, help="Vertices fitted at once; as many as memory has room for if not given."
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for programs.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]


def store_root(given: Path | None) -> Path:
    """The store's folder: as given, else below ``ALGOKIT_CACHE``, else in the user's cache."""
    return given if given is not None else _cache() / "store"


def machine_file() -> Path:
    """Where this machine's rates are kept: ``machine.json`` beside the default store."""
    return _cache() / "machine.json"


def container_options(
    image: str = "",
    gpus: str = "",
    memory: str = "",
    threads: int | None = None,
    timeout_s: float | None = None,
    *,
    build: bool = False,
) -> ContainerOptions:
    """What was said of containers, or nothing of it: a run that is in none takes no notice."""
    from algokit.executors import ContainerOptions

    return ContainerOptions(
        image=image,
        gpus=gpus,
        n_threads=threads or _n_threads(),
        memory_bytes=_size_bytes(memory) if memory else None,
        timeout_s=timeout_s,
        consents=lambda name: build or _confirmed(name),
    )


def _n_threads() -> int | None:
    """As many as a run that is in no container would take, where the environment says so."""
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(said) if said.isdigit() and int(said) else None


def _size_bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) *([kKmMgGtT]?)(i?)[bB]?", text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no size; write 16GB, 512MB or 8GiB", param_hint="--memory")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** " kmgt".index(match[2].lower() or " "))


def _confirmed(name: str) -> bool:
    is_watched = sys.stdin.isatty() and sys.stderr.isatty()
    return is_watched and typer.confirm(f"There is no image {name} here. Build it now (6 GB, some minutes)?", err=True)


def _cache() -> Path:
    cache = os.environ.get("ALGOKIT_CACHE")
    if cache:
        return Path(cache).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "algokit"
