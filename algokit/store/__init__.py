"""The store: content-keyed artefacts on disk, and what can be asked of them.

`artefacts` writes and reads them, `contents` says what is there, `checking` reads every byte again, `collecting`
removes what nobody needs, and `using` keeps it from a run at work. Beside the artefacts lie ``digests.json`` and
``history/``, which save work and tell reasons, and ``corrupt/``, what failed its check.
"""

from algokit.store.artefacts import META, CorruptArtefactError, Store, digest_of, file_sha256
from algokit.store.checking import Checked, check_artefacts
from algokit.store.collecting import Garbage, find_garbage, let_go, remove_garbage
from algokit.store.contents import JOBS, Entry, entries, strangers, tree_bytes
from algokit.store.using import StoreInUseError, in_use

__all__ = [
    "JOBS",
    "META",
    "Checked",
    "CorruptArtefactError",
    "Entry",
    "Garbage",
    "Store",
    "StoreInUseError",
    "check_artefacts",
    "digest_of",
    "entries",
    "file_sha256",
    "find_garbage",
    "in_use",
    "let_go",
    "remove_garbage",
    "strangers",
    "tree_bytes",
]
