"""``algokit welcome``: what ``docker run algokit`` says."""

from __future__ import annotations


def welcome() -> None:
    """Say what a container has (devices, memory, folders) and what to type next: what ``docker run algokit`` shows."""
    from algokit import verbs
    from algokit.console import show_welcome

    show_welcome(verbs.welcome())
