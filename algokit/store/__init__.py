"""The store: content-keyed artefacts on disk, and what can be asked of them.

`artefacts` writes and reads them; `contents` says what is there. Beside the artefacts lie ``digests.json`` and
``history/``, which save work and tell reasons, and ``corrupt/``, what failed its check.
"""

from algokit.store.artefacts import META, CorruptArtefactError, Store, digest_of, file_sha256
from algokit.store.contents import Entry, entries

__all__ = ["META", "CorruptArtefactError", "Entry", "Store", "digest_of", "entries", "file_sha256"]
