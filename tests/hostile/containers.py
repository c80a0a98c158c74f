"""Hostile containers: zips that lie, attack or are broken, and folders that hold other things than files."""

from __future__ import annotations

import os
import socket
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import zips
from contents import BODY, RAW, Expected, header
from small_submission import LEFT, good, npy, values, write_folder, write_zip
from zips import Member, honest, replaced

Build = Callable[[Path], Path]  # makes the submission inside an empty folder
BIG = 10 * 1000**3


def adding(*members: Member) -> Build:
    return lambda folder: zips.write(folder / "sub.zip", [*honest(), *members])


def changing(**changes: object) -> Build:
    """The first file of the good submission with other records or bytes."""
    return lambda folder: zips.write(folder / "sub.zip", replaced(LEFT, **changes))


def around(**options: object) -> Build:
    return lambda folder: zips.write(folder / "sub.zip", honest(), **options)  # type: ignore[arg-type]


def holding(content: bytes) -> Build:
    """A file of these bytes where a zip should be."""

    def build(folder: Path) -> Path:
        (folder / "sub.zip").write_bytes(content)
        return folder / "sub.zip"

    return build


def edited(change: Callable[[bytes], bytes]) -> Build:
    """The good zip, its bytes changed."""
    return lambda folder: holding(change(write_zip(folder / "sub.zip", good()).read_bytes()))(folder)


def packed_tar(folder: Path) -> Path:
    write_folder(folder / "files", good())
    with tarfile.open(folder / "sub.zip", "w") as archive:
        archive.add(folder / "files", "")
    return folder / "sub.zip"


def quoted(folder: Path) -> Path:
    """Two members that share one stream of bytes, as the best bombs do."""
    path = zips.write(folder / "sub.zip", honest())
    offset = zipfile.ZipFile(path).getinfo(LEFT).header_offset
    return zips.write(path, [*honest(), Member("subj01/again.npy", values().tobytes(), offset=offset, local_name=LEFT)])


def many_entries(folder: Path) -> Path:
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    names = entry * 100_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(names), 0, 0)
    return holding(names + end)(folder)


def zip64_end(n_bytes: int, n_members: int) -> bytes:
    """The end of an archive whose only honest part is its form."""
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, n_members, n_members, n_bytes, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    return record + locator + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)


_NOT_A_ZIP: Expected = [("not-a-zip", "")]
_ESCAPE = "\x1b[2J\u202e"

ZIPS: dict[str, tuple[Build, Expected]] = {
    **{
        f"a name that climbs out: {name}": (adding(Member(name)), [("path-traversal", name)])
        for name in ("../escaped.npy", "subj01/../../escaped.npy", "..\\escaped.npy", "..", "subj01/..")
    },
    **{
        f"an absolute name: {name}": (adding(Member(name)), [("absolute-name", name)])
        for name in ("/absolute/lh_pred_test.npy", "\\\\server\\share.npy", "C:/windows.npy", "//x")
    },
    "a backslash in a name": (adding(Member("subj01\\lh.npy")), [("backslash-in-name", "subj01\\lh.npy")]),
    "a NUL in a name": (
        adding(Member(LEFT + "\0.exe")),
        [("duplicate-member", LEFT), ("nul-in-name", LEFT + "\\x00.exe")],
    ),
    "no name": (adding(Member("")), [("empty-name", "")]),
    "a name of ten thousand characters": (
        adding(Member("subj01/" + 9993 * "x")),
        [("name-too-long", "subj01/" + 153 * "x")],
    ),
    "a name that drives the terminal": (
        adding(Member(f"subj01/{_ESCAPE}.npy")),
        [("extra-file", "subj01/\\x1b[2J\\u202e.npy")],
    ),
    "a name that is not UTF-8": (adding(Member("x", name_bytes=b"subj01/\xff\xfe.npy")), _NOT_A_ZIP),
    "a symbolic link": (changing(mode=0o120777, content=b"../../secret"), [("symlink", LEFT)]),
    "a symbolic link beside": (
        adding(Member("subj01/notes", b"/etc/passwd", mode=0o120777)),
        [("symlink", "subj01/notes"), ("extra-file", "subj01/notes")],
    ),
    "a pipe": (changing(mode=0o010644), [("special-file", LEFT)]),
    "a device": (changing(mode=0o020644), [("special-file", LEFT)]),
    "a folder by its mode": (changing(mode=0o040755), [("special-file", LEFT)]),
    "a folder with content": (adding(Member("subj01/x/", b"content")), [("extra-file", "subj01/x/")]),
    "encrypted": (changing(flags=0x1), [("encrypted", LEFT)]),
    "strongly encrypted": (changing(flags=0x41), [("encrypted", LEFT)]),
    "encrypted with AES": (changing(flags=0x1, method=99), [("encrypted", LEFT), ("compression", LEFT)]),
    "a patch instead of a file": (changing(flags=0x20), [("unreadable", LEFT)]),
    "bzip2": (changing(method=12), [("compression", LEFT)]),
    "lzma": (changing(method=14), [("compression", LEFT)]),
    "an unknown method": (changing(method=77), [("compression", LEFT)]),
    "deflate that is none": (changing(raw=b"\xff" * 300), [("unreadable", LEFT)]),
    "stored that says deflated": (changing(raw=BODY), [("unreadable", LEFT)]),
    **{
        f"an archive inside: {name}": (adding(Member(name)), [("nested-archive", name), ("extra-file", name)])
        for name in ("more.zip", "subj01/x.tar.gz", "subj01/lh_pred_test.npz")
    },
    "two files of one name": (adding(Member(LEFT, npy(2 * values()))), [("duplicate-member", LEFT)]),
    "names that differ by case": (
        adding(Member("subj01/LH_pred_test.npy", BODY)),
        [("case-clash", "subj01/LH_pred_test.npy"), ("extra-file", "subj01/LH_pred_test.npy")],
    ),
    "names that differ by Unicode form": (
        adding(Member("caf\u00e9"), Member("cafe\u0301")),
        [("case-clash", "cafe\u0301"), ("extra-file", "cafe\u0301"), ("extra-file", "caf\u00e9")],
    ),
    "both a file and a folder": (adding(Member("subj01")), [("file-and-folder", "subj01"), ("extra-file", "subj01")]),
    "a file over what lies two folders deeper": (
        adding(Member("a"), Member("a/b/c"), Member("a-b")),
        [("file-and-folder", "a"), ("extra-file", "a"), ("extra-file", "a-b"), ("extra-file", "a/b/c")],
    ),
    "junk of a Mac": (
        adding(Member("__MACOSX/subj01/._lh_pred_test.npy")),
        [("extra-file", "__MACOSX/subj01/._lh_pred_test.npy")],
    ),
    "two folders too many": (
        lambda folder: zips.write(folder / "sub.zip", [Member(f"a/b/{name}", data) for name, data in good().items()]),
        [("extra-folder-level", "a/b/")],
    ),
    "one subject a level deeper": (
        lambda folder: zips.write(
            folder / "sub.zip",
            [Member(name.replace("subj06", "more/subj06"), data) for name, data in good().items()],
        ),
        [
            *(("missing-file", f"subj06/{side}h_pred_test.npy") for side in "lr"),
            *(("extra-file", f"more/subj06/{side}h_pred_test.npy") for side in "lr"),
        ],
    ),
    "folders without files": (
        lambda folder: zips.write(folder / "sub.zip", [Member("subj01/", b""), Member("subj06/", b"")]),
        [("missing-subject", "subj01"), ("missing-subject", "subj06")],
    ),
    "a checksum that does not fit": (changing(crc=0), [("unreadable", LEFT)]),
    "another name in the file than in the list": (
        changing(local_name="subj01/x"),
        [("unreadable", LEFT)],
    ),
    "smaller than it declares": (changing(content=BODY[:-40], size=len(BODY)), [("unreadable", LEFT)]),
    "a member that begins beyond the archive": (
        changing(offset=10**9),
        [("bytes-before", ""), ("overlapping-members", LEFT)],
    ),
    "a member that claims 10 GB": (changing(size=BIG), [("impossible-size", LEFT), ("zip-bomb", "")]),
    "a stored member that claims 10 GB": (
        changing(method=zips.STORED, size=BIG),
        [("impossible-size", LEFT), ("zip-bomb", "")],
    ),
    "a header that claims 10 GB, and the zip with it": (
        changing(content=header("(7, 350000000)") + RAW, size=BIG),
        [("impossible-size", LEFT), ("zip-bomb", "")],
    ),
    "a bomb of 1 GB of zeros": (
        changing(raw=zips.zeros_deflated(1024), size=1 << 30, crc=0),
        [("zip-bomb", LEFT)],
    ),
    "a bomb that declares the right size": (
        changing(raw=zips.zeros_deflated(1024), size=len(BODY)),
        [("impossible-size", LEFT)],
    ),
    "a bomb behind the right values": (
        changing(content=BODY, raw=zips._raw(Member("", BODY))[:-1] + zips.zeros_deflated(200)),
        [("impossible-size", LEFT)],
    ),
    "a bomb beside": (
        adding(Member("subj01/notes.txt", raw=zips.zeros_deflated(200), size=200 << 20, crc=0)),
        [("zip-bomb", "subj01/notes.txt"), ("extra-file", "subj01/notes.txt")],
    ),
    "many small bombs": (
        adding(*(Member(f"x{n}", raw=zips.zeros_deflated(4), size=4 << 20, crc=0) for n in range(30))),
        [*(("extra-file", f"x{n}") for n in sorted(range(30), key=str)[:20]), ("extra-file", ""), ("zip-bomb", "")],
    ),
    "members that share their bytes": (quoted, [("overlapping-members", LEFT), ("extra-file", "subj01/again.npy")]),
    "bytes before": (around(before=b"#!/bin/sh\n" * 100), [("bytes-before", "")]),
    "bytes before that no offset counts": (around(before=b"MZ" * 100, counts_before=False), [("bytes-before", "")]),
    "bytes after": (around(after=b"\0" * 100), [("bytes-after", "")]),
    "a comment": (around(comment=b"hello"), [("archive-comment", "")]),
    "a comment that drives the terminal": (around(comment=b"\x1b[2J"), [("archive-comment", "")]),
    "an empty archive": (
        lambda folder: zips.write(folder / "sub.zip", []),
        [("missing-subject", "subj01"), ("missing-subject", "subj06")],
    ),
    "an end without its archive": (edited(lambda data: data[-22:]), _NOT_A_ZIP),
    "cut in half": (edited(lambda data: data[: len(data) // 2]), _NOT_A_ZIP),
    "a list that claims gigabytes": (around(claimed_list_bytes=3_000_000_000), _NOT_A_ZIP),
    "a list of a hundred thousand files": (many_entries, _NOT_A_ZIP),
    "the second of two disks": (around(disk=1, claimed_members=9), []),
    "a program of the future": (changing(version_needed=99), _NOT_A_ZIP),
    "sizes of 64 bits that are missing": (changing(size=2**32 - 1, extra=b"\x01\x00\x00\x00"), _NOT_A_ZIP),
    "a list of 2^63 bytes": (holding(zip64_end(2**63, 2**63)), _NOT_A_ZIP),
    "a tar": (packed_tar, _NOT_A_ZIP),
    "gzip": (holding(b"\x1f\x8b\x08" + bytes(60)), _NOT_A_ZIP),
    "no bytes": (holding(b""), _NOT_A_ZIP),
    "one byte": (holding(b"x"), _NOT_A_ZIP),
    "an array": (holding(BODY), _NOT_A_ZIP),
}


def linked(name: str, target: str, **files: bytes) -> Build:
    """The good folder, one thing in it exchanged for a link."""

    def build(folder: Path) -> Path:
        write_folder(folder / "sub", good())
        write_folder(folder, {f"{key}.npy": data for key, data in files.items()})
        (folder / "sub" / name).unlink()
        (folder / "sub" / name).symlink_to(target)
        return folder / "sub"

    return build


def exchanged(make: Callable[[Path], object]) -> Build:
    """The good folder, its first file exchanged for something else."""

    def build(folder: Path) -> Path:
        write_folder(folder / "sub", good())
        (folder / "sub" / LEFT).unlink()
        make(folder / "sub" / LEFT)
        return folder / "sub"

    return build


def linked_subject(folder: Path) -> Path:
    write_folder(folder / "sub", good())
    (folder / "sub" / "subj06").rename(folder / "elsewhere")
    (folder / "sub" / "subj06").symlink_to("../elsewhere")
    return folder / "sub"


def bound(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has to be short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)
    assert stat.S_ISSOCK(path.stat().st_mode)


def sparse(path: Path) -> None:
    path.write_bytes(BODY)
    os.truncate(path, BIG)


def crowded(folder: Path) -> Path:
    write_folder(folder / "sub", good())
    for number in range(10_100):
        (folder / "sub" / "subj01" / f"x{number}").touch()
    return folder / "sub"


def beside(*names: str) -> Build:
    """The good folder, and pipes beside its predictions."""

    def build(folder: Path) -> Path:
        write_folder(folder / "sub", good())
        for name in names:
            os.mkfifo(folder / "sub" / name)
        return folder / "sub"

    return build


def only_a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "sub")
    return folder / "sub"


FOLDERS: dict[str, tuple[Build, Expected]] = {
    "a link that leads out": (
        linked(LEFT, "../../outside.npy", outside=BODY),
        [("symlink", LEFT), ("missing-file", LEFT)],
    ),
    "a link to nowhere": (linked(LEFT, "nowhere.npy"), [("unreadable", LEFT), ("missing-file", LEFT)]),
    "a link to itself": (linked(LEFT, "lh_pred_test.npy"), [("unreadable", LEFT), ("missing-file", LEFT)]),
    "a link to a device": (linked(LEFT, "/dev/zero"), [("symlink", LEFT), ("missing-file", LEFT)]),
    "a subject's folder that leads out": (linked_subject, [("symlink", "subj06"), ("missing-subject", "subj06")]),
    "a pipe in place of a file": (exchanged(os.mkfifo), [("special-file", LEFT), ("missing-file", LEFT)]),
    "a socket in place of a file": (exchanged(bound), [("special-file", LEFT), ("missing-file", LEFT)]),
    "a folder in place of a file": (exchanged(Path.mkdir), [("missing-file", LEFT)]),
    "a sparse file of 10 GB": (exchanged(sparse), [("over-long", LEFT)]),
    "ten thousand files": (
        crowded,
        [("too-many-files", "")],
    ),
    "pipes in place of what a run writes": (
        beside("card.json", "plan.json", "scores.json", "val"),
        [("special-file", name) for name in ("card.json", "plan.json", "scores.json", "val")],
    ),
    "a pipe in place of the submission": (only_a_pipe, [("not-found", "")]),
    "nothing at all": (lambda folder: folder / "sub", [("not-found", "")]),
}
