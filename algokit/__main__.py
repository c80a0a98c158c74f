"""``python -m algokit``."""

from algokit.cli import main

main()
