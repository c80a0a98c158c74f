"""What is wrong with a zip before any member of it is read: its names, its flags, its sizes, what lies around them."""

from __future__ import annotations

import itertools
import stat
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import PurePosixPath

from algokit.challenge.untrusted_npy import shown
from algokit.types import Finding

METHODS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflate"}  # the others inflate without a bound
_OTHER_METHODS = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstandard", 95: "xz", 98: "ppmd", 99: "AES encryption"}
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".npz")
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # the old way, the strong way, and with a hidden list of files
_NAME_BYTES = 255  # of one part of a path; no usual file system takes more
_MOST_DEFLATED = 1032  # bytes that one byte of deflate can become, by its format
_LEAST_DEFLATED, _DEFLATE_BYTES = 1.15, 1000  # how much longer the worst packer makes data that cannot be packed
_BOMB_RATIO, _BOMB_BYTES = 100, 100_000_000  # float predictions reach 1.1 and 65 MB as float64, 130 MB as float128
_LOCAL_HEADER_BYTES = 30
_ANEW = "make the zip with algokit pack"


def name_problem(info: zipfile.ZipInfo) -> Finding | None:
    """Why a member's name may not be used; None where it is harmless."""
    name = info.orig_filename
    path = shown(name)
    if "\0" in name:
        return Finding("a NUL inside a file name", path=path, advice=_ANEW, code="nul-in-name")
    if not name:
        return Finding("no file name", advice=_ANEW, code="empty-name")
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        advice = "names start with the subject, as in subj01/lh_pred_test.npy"
        return Finding("an absolute file name", path=path, advice=advice, code="absolute-name")
    if ".." in PurePosixPath(name.replace("\\", "/")).parts:
        advice = f"nothing was written there; {_ANEW}"
        return Finding("a file name that climbs out of the archive", path=path, advice=advice, code="path-traversal")
    if "\\" in name:
        advice = f"folders are told apart by /; {_ANEW}"
        return Finding("a backslash in a file name", path=path, advice=advice, code="backslash-in-name")
    if any(len(part.encode("utf-8", "replace")) > _NAME_BYTES for part in name.split("/")):
        limit, found = f"at most {_NAME_BYTES} bytes", f"{len(name)} characters"
        advice = "no server could unpack it; leave it out"
        return Finding("a file name too long for any disk", "", path, limit, found, advice, code="name-too-long")
    return None


def member_problems(info: zipfile.ZipInfo) -> Iterator[Finding]:
    """What one member's entry in the list of files says that no submission needs."""
    if problem := name_problem(info):
        yield problem
    path = shown(info.filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        yield Finding("a symbolic link", path=path, advice=f"put the file itself there; {_ANEW}", code="symlink")
    elif kind == stat.S_IFDIR and not info.is_dir():
        yield Finding("a folder by its mode and a file by its name", path=path, advice=_ANEW, code="special-file")
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield Finding("not a regular file", path=path, found=f"mode {kind:o}", advice=_ANEW, code="special-file")
    if info.flag_bits & _ENCRYPTED:
        yield Finding("encrypted", path=path, advice="zip it without a password", code="encrypted")
    if info.compress_type not in METHODS:
        what, advice = "compressed by a method that not every server knows", f"use deflate; {_ANEW}"
        yield Finding(what, "", path, "deflate", method_name(info), advice, code="compression")
    if info.filename.lower().endswith(_ARCHIVES):
        what, advice = "an archive inside the archive", "put the files themselves in, or leave it out"
        yield Finding(what, path=path, advice=advice, code="nested-archive")
    yield from _size_problems(info)


def method_name(info: zipfile.ZipInfo) -> str:
    """How a member is compressed, in a word."""
    method = info.compress_type
    return METHODS.get(method) or _OTHER_METHODS.get(method, f"method {method}")


def _size_problems(info: zipfile.ZipInfo) -> Iterator[Finding]:
    if info.compress_type not in METHODS or info.flag_bits & _ENCRYPTED:
        return
    path, found = shown(info.filename), f"{info.file_size} bytes out of {info.compress_size}"
    fewest, most = info.compress_size, info.compress_size
    if info.compress_type == zipfile.ZIP_DEFLATED:
        fewest, most = int(fewest / _LEAST_DEFLATED) - _DEFLATE_BYTES, most * _MOST_DEFLATED
    if not fewest <= info.file_size <= most:
        what, expected = "a size that its compressed bytes do not have", f"{max(0, fewest)} to {most} bytes"
        yield Finding(what, "", path, expected, found, _ANEW, code="impossible-size")
    elif info.file_size > _BOMB_BYTES and info.file_size > _BOMB_RATIO * info.compress_size:
        what, advice = "unpacks to far more than predictions do", "it was not unpacked; leave it out"
        yield Finding(what, "", path, f"at most {_BOMB_RATIO} times", found, advice, code="zip-bomb")


def list_problems(infos: Sequence[zipfile.ZipInfo], list_offset: int) -> Iterator[Finding]:
    """What is wrong with members together: names that clash, and bytes that two of them share.

    Parameters
    ----------
    list_offset : where the archive's list of files begins, in bytes.
    """
    counts = Counter(info.filename for info in infos)
    for name, count in counts.items():
        if count > 1:
            what, advice = "several files of one name", f"servers differ in which they take; {_ANEW}"
            yield Finding(what, "", shown(name), "1", str(count), advice, code="duplicate-member")
    yield from _clashes(counts)
    ordered = sorted(infos, key=lambda info: info.header_offset)
    ends = [info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size for info in ordered]
    starts = [*(info.header_offset for info in ordered), list_offset]
    for info, end, following in zip(ordered, ends, starts[1:], strict=True):
        if end > following:
            what, found = "overlaps what follows it in the archive", f"by {end - following} bytes"
            yield Finding(what, "", shown(info.filename), "", found, _ANEW, code="overlapping-members")


def _clashes(names: Collection[str]) -> Iterator[Finding]:
    """Names that become one on some disks: in another case or Unicode form, or both a file and a folder."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[unicodedata.normalize("NFC", name).casefold()].append(name)
    for group in alike.values():
        if len(group) > 1:
            what, advice = "names that differ only by case", f"some disks keep one of them only; {_ANEW}"
            found = shown(", ".join(sorted(group)))
            yield Finding(what, path=shown(min(group)), found=found, advice=advice, code="case-clash")
    ordered = sorted(names, key=lambda name: name.replace("/", "\0"))  # what lies in a folder follows its name at once
    for name, following in itertools.pairwise(ordered):
        if following.startswith(name + "/"):
            what = "both a file and a folder"
            yield Finding(what, path=shown(name), advice=f"it cannot be unpacked; {_ANEW}", code="file-and-folder")


def surroundings(first_byte: int, n_after: int, comment: bytes) -> Iterator[Finding]:
    """What lies before and after an archive, and in its comment: no server looks at it.

    Parameters
    ----------
    first_byte : where the first member begins.
    n_after : bytes after the archive's end.
    """
    what, advice = "bytes around the archive that are no part of it", f"servers may refuse it; {_ANEW}"
    if first_byte:
        found = f"{first_byte} before it"
        yield Finding(what, found=found, advice=advice, severity="warning", code="bytes-before")
    if n_after:
        found = f"{n_after} after it"
        yield Finding(what, found=found, advice=advice, severity="warning", code="bytes-after")
    if comment:
        found = f"{len(comment)} bytes: {shown(comment[:60].decode('utf-8', 'backslashreplace'))}"
        advice = "the server does not read it; algokit pack writes none"
        yield Finding("a comment", found=found, advice=advice, severity="note", code="archive-comment")
