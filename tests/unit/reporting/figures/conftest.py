"""The surface is loaded once for all tests."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from algokit.reporting.figures import Surface, load_surface


@pytest.fixture(scope="session")
def surface() -> Surface:
    """fsaverage5, loaded while every way to the network is shut."""

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("loading the surface reached for the network")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket.socket, "connect", refused)
        patched.setattr(socket, "getaddrinfo", refused)
        return load_surface()
