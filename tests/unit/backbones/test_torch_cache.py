import subprocess
import sys

import pytest

SCRIPT = """
import sys
from algokit.backbones.torch_cache import checkpoints_folder
alone = checkpoints_folder()
assert "torch" not in sys.modules
import torch.hub
assert str(alone) == torch.hub.get_dir() + "/checkpoints", (alone, torch.hub.get_dir())
torch.hub.set_dir("elsewhere")
assert str(checkpoints_folder()) == "elsewhere/checkpoints"
"""


@pytest.mark.parametrize(
    "settings", [{}, {"XDG_CACHE_HOME": "/caches"}, {"XDG_CACHE_HOME": "/caches", "TORCH_HOME": "~/torches"}], ids=str
)
def test_the_folder_is_the_one_torch_would_use_and_torch_is_not_loaded_to_say_it(settings, monkeypatch):
    for name in ("XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
