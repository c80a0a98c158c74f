"""What a file is that should have been something else, by its first bytes."""

from __future__ import annotations

_KINDS = (
    (b"PK\x03\x04", "a zip, as numpy.savez and torch.save write too"),
    (b"PK\x05\x06", "an empty zip"),
    (b"\x93NUMPY", "a .npy file"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\x89HDF", "HDF5, as MATLAB writes too"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"<", "a web page or XML"),
    (b"version https://git-lfs", "a pointer of Git LFS and not the file itself"),
    (b"/annex/objects/", "a pointer of git-annex and not the file itself"),
)
_TAR_AT = 257


def file_kind(head: bytes) -> str:
    """``"gzip"``, ``"a pickle"``, ...; "" where the first 512 bytes are not known."""
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "a tar archive"
    return next((kind for start, kind in _KINDS if head.startswith(start)), "")


def description(head: bytes) -> str:
    """What to call a file that should have been something else."""
    return file_kind(head) or ("bytes of no kind that is known here" if head else "an empty file")
