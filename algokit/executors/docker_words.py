"""A container as a ``docker run`` that can be pasted."""

from __future__ import annotations

from algokit.executors.container import N_PIDS, SHM_BYTES, TMP_BYTES, ContainerSpec, Gpus, csv_field

TMPFS = f"rw,exec,nosuid,nodev,mode=1777,size={TMP_BYTES}"


def docker_words(spec: ContainerSpec, *, shell: bool = False) -> list[str]:
    """The ``docker run`` that is the same as what `Engine.running` starts."""
    words = ["docker", "run", "--rm", "--init", *(["--interactive", "--tty"] if shell else [])]
    words += ["--read-only", f"--tmpfs=/tmp:{TMPFS}", "--network=none", "--cap-drop=ALL"]
    words += ["--security-opt=no-new-privileges", f"--pids-limit={N_PIDS}", f"--shm-size={SHM_BYTES}"]
    words += [f"--user={spec.user}", *(f"--group-add={group}" for group in spec.groups)]
    if spec.memory_bytes:
        words += [f"--memory={spec.memory_bytes}", f"--memory-swap={spec.memory_bytes}"]
    if spec.gpus:
        words += ["--gpus", f'"device={",".join(spec.gpus.ids)}"' if spec.gpus.ids else _counted(spec.gpus)]
    for mount in spec.mounts:
        fields = ["type=bind", f"source={mount.source}", f"target={mount.inside}"]
        fields += [] if mount.writable else ["readonly"]
        words += ["--mount", ",".join(csv_field(one) for one in fields)]
    words += [f"--env={name}={value}" for name, value in spec.environment.items()]
    words += ["--workdir=/tmp", f"--entrypoint={'bash' if shell else 'algokit'}", spec.image]
    return words if shell else [*words, *spec.command]


def _counted(gpus: Gpus) -> str:
    return "all" if gpus.count < 0 else str(gpus.count)
