"""The manifest: what a challenge is, as data. Sizes of every subject, ROI integers, files and layouts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from algokit.documents import read_document, validated
from algokit.errors import DataError, UsageError
from algokit.frozen import Frozen
from algokit.registry import did_you_mean
from algokit.store import digest_of
from algokit.types import HEMISPHERES, Finding, Hemisphere, SubjectGeometry

MANIFEST_NAME = "data_manifest.yaml"

Side: TypeAlias = Literal["train", "test"]
Role: TypeAlias = Literal[
    "train_images",
    "train_fmri",
    "all_vertices",
    "roi_challenge_space",
    "roi_fsaverage_space",
    "roi_mapping",
    "test_images",
    "test_fmri",
    "noise_ceiling",
]
Size: TypeAlias = Literal["n_train", "n_test", "n_vertices", "image_px", "fsaverage_size"]
Count = Annotated[int, Field(ge=1)]
RepeatCount = Annotated[int, Field(ge=0)]

_IMAGE_WORDS = ("{number:04d}", "{image_id:05d}")


def _relative(path: str) -> str:
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError("should be a path below the challenge folder")
    return path


def _file_path(path: str) -> str:
    if re.search("[{}]", re.sub(r"\{(hemisphere|roi_class|number:04d|image_id:05d)\}", "", path)):
        raise ValueError("should name {hemisphere}, {roi_class}, {number:04d} and {image_id:05d} only")
    return path


def _subject_path(path: str) -> str:
    if path.count("{subject}") != 1 or re.search("[{}]", path.replace("{subject}", "")):
        raise ValueError("should name {subject} once and nothing else")
    return path


RelativePath = Annotated[str, AfterValidator(_relative)]
FilePath = Annotated[RelativePath, AfterValidator(_file_path)]
SubjectPath = Annotated[RelativePath, AfterValidator(_subject_path)]
RoiClass = Annotated[str, StringConstraints(pattern=r"^[\w-]+$")]


class SubjectEntry(Frozen):
    """The sizes of one subject; ``repeats`` counts the images of a split shown 3, 2 and 1 times."""

    n_train: Count
    n_test: Count
    n_vertices: dict[Hemisphere, Count]
    repeats: dict[Side, tuple[RepeatCount, RepeatCount, RepeatCount]] | None = None

    @model_validator(mode="after")
    def _complete(self) -> SubjectEntry:
        if set(self.n_vertices) != set(HEMISPHERES):
            raise ValueError("n_vertices needs lh and rh")
        for side, counts in (self.repeats or {}).items():
            n_images = self.n_train if side == "train" else self.n_test
            if sum(counts) != n_images:
                raise ValueError(f"repeats.{side} adds up to {sum(counts)}, n_{side} is {n_images}")
        return self


class FileEntry(Frozen):
    """One kind of file: path below the subject's folder on its side, dtype, shape in words."""

    side: Side
    path: FilePath
    dtype: Literal["float32", "float64", "int64", "object", "png"]
    shape: tuple[Size | Count, ...]
    required: bool = True


class LayoutEntry(Frozen):
    """Where the two sides of ``{subject}`` lie; ``marker`` is a file the layout is recognised by."""

    train: SubjectPath
    test: SubjectPath
    marker: Role | None = None


class Manifest(Frozen):
    """A challenge of the Algonauts 2023 shape: the official one, or a smaller one."""

    name: str
    version: int
    image_px: Count
    fsaverage_size: Count
    subjects: dict[Annotated[str, StringConstraints(pattern=r"^subj\d\d$")], SubjectEntry] = Field(min_length=1)
    roi_classes: dict[RoiClass, dict[Count, str]]
    files: dict[Role, FileEntry]
    layouts: dict[str, LayoutEntry]
    parents: tuple[RelativePath, ...] = (".",)

    @model_validator(mode="after")
    def _all_roles(self) -> Manifest:
        if missing := sorted(set(get_args(Role)) - set(self.files)):
            raise ValueError(f"files lacks {', '.join(missing)}")
        for role, entry in self.files.items():
            says_images = {entry.dtype == "png", *(word in Path(entry.path).name for word in _IMAGE_WORDS)}
            if says_images != {role.endswith("_images")}:
                raise ValueError(
                    f"files.{role}: png files, and no others, have {' and '.join(_IMAGE_WORDS)} in the name"
                )
        return self

    def geometry(self, subject: str) -> SubjectGeometry:
        """The sizes of one subject.

        Raises
        ------
        UsageError : the manifest has no such subject.
        """
        if subject not in self.subjects:
            advice = did_you_mean(subject, self.subjects)
            raise UsageError(
                f"no subject {subject!r} in {self.name}",
                [Finding("unknown subject", found=repr(subject), advice=advice, code="unknown-subject")],
            )
        entry = self.subjects[subject]
        return SubjectGeometry(subject, entry.n_train, entry.n_test, entry.n_vertices)

    def digest(self) -> str:
        """sha256 (hex) of what the manifest says, whatever its comments and order of keys."""
        return digest_of(self.model_dump(mode="json"))


def load_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises
    ------
    DataError : it is not YAML, or does not describe a challenge; every problem is listed.
    """
    return validated(read_document(path, DataError), Manifest, DataError)


def shipped_manifest() -> Manifest:
    """The official challenge, from the repository's root or from inside the installed package."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "shipped" / MANIFEST_NAME
    return load_manifest(installed if installed.is_file() else package.parent / MANIFEST_NAME)


def manifest_to_yaml(manifest: Manifest) -> str:
    """The manifest as YAML that `load_manifest` reads back as an equal one."""
    return "\n".join(_block(manifest.model_dump(exclude_defaults=True), "")) + "\n"


def _block(mapping: Mapping[Any, Any], indent: str) -> list[str]:
    lines = []
    for key, value in mapping.items():
        if isinstance(value, dict) and (any(isinstance(item, dict) for item in value.values()) or "path" in value):
            lines += [f"{indent}{_flow(key)}:", *_block(value, indent + "  ")]
        else:
            lines.append(f"{indent}{_flow(key)}: {_flow(value)}")
    return lines


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    plain = isinstance(value, str) and re.fullmatch(r"(?!(?i:true|false|null)$)[A-Za-z][\w/-]*", value)
    return str(value) if plain or type(value) is int else json.dumps(value)
