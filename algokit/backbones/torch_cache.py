"""Where torch.hub keeps weights files, said without loading torch, which takes seconds a plan has no other use for."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def checkpoints_folder() -> Path:
    """The folder of torch.hub's weights files, whether or not it exists.

    This is torch's own rule, and the one place below ``cli`` that looks at the environment: these variables are the
    library's settings, as those that huggingface_hub reads itself. A loaded torch is asked, for it may have been told
    another place.

    Source: documentation of ``torch.hub.get_dir``.
    """
    loaded = sys.modules.get("torch.hub")
    if loaded is not None:
        return Path(loaded.get_dir()) / "checkpoints"
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(caches) / "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"
