"""Files of the Natural Scenes Dataset itself, beside the challenge's: the ncsnr of every vertex and the repeats."""

from algokit.challenge.nsd.folder import NsdFolder, find_nsd, is_there
from algokit.challenge.nsd.ncsnr import read_ncsnr
from algokit.challenge.nsd.repeats import Repeats, read_repeats

__all__ = ["NsdFolder", "Repeats", "find_nsd", "is_there", "read_ncsnr", "read_repeats"]
