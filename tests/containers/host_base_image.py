"""A base image made of this machine's own Debian packages, as a tar on stdout: for tests where no registry is reached.

``python3 tests/containers/host_base_image.py | docker import - algokit-base:host``. It holds this machine's trusted
certificates, so it is for tests on this machine and for nothing else.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

WANTED = ("python3", "python3-venv", "ca-certificates", "passwd", "libstdc++6", "libgomp1", "zlib1g")
FOLDERS = ("/tmp", "/var/tmp", "/proc", "/sys", "/dev", "/home", "/root")
FILES = ("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/ld.so.cache")
LINKS = ("/bin", "/sbin", "/lib", "/lib64")
TREES = ("/etc/alternatives", "/etc/ssl/certs")
LEFT_OUT = re.compile("/usr/share/(doc|man|locale|info)/")


def said(*command: str) -> list[str]:
    """The lines a program prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def packages() -> list[str]:
    """What Debian calls essential, what is wanted besides, and all that these depend on."""
    listed = said("dpkg-query", "-W", "-f=${Essential} ${Package}\n")
    roots = [line.split()[1] for line in listed if line.startswith("yes ")]
    without = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    closure = said("apt-cache", "depends", "--recurse", "--installed", *without, *roots, *WANTED)
    names = {line for line in closure if re.match("[a-z0-9]", line)}
    states = said("dpkg-query", "-W", "-f=${db:Status-Abbrev}\t${Package}\t${binary:Package}\n")
    installed = [line.split("\t") for line in states]
    return [full for state, name, full in installed if state.startswith("ii") and {name, full} & names]


def places() -> set[str]:
    """Every path of the image. What a package names below a linked folder lies where the link leads."""
    found = {*FOLDERS, *FILES, *LINKS}
    for name in said("dpkg", "-L", *packages()):
        if name.startswith("/") and name != "/.":
            found.add(re.sub("^/(bin|sbin|lib|lib64)/", r"/usr/\1/", name))
    for tree in TREES:
        found |= {str(path) for path in Path(tree).rglob("*")}
    for folder in ("/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"):
        found |= {str(path) for path in Path(folder).glob("*") if path.is_symlink()}
    return {name for name in found if not LEFT_OUT.match(name)}


def main() -> None:
    """Write the tar."""
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
        for name in sorted(places()):
            path = Path(name)
            if path.is_symlink() or path.exists():
                tar.add(name, recursive=False)


if __name__ == "__main__":
    main()
