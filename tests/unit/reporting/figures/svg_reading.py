"""Reads pictures back: elements, words, and the numbers that positions stand for."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from algokit.reporting.figures import Picture

SVG = "{http://www.w3.org/2000/svg}"


def parsed(picture: Picture) -> ElementTree.Element:
    assert picture.format == "svg"
    return ElementTree.fromstring(picture.data)


def elements(picture: Picture, tag: str, class_: str | None = None) -> list[ElementTree.Element]:
    found = parsed(picture).iter(SVG + tag)
    return [one for one in found if class_ is None or class_ in one.get("class", "").split()]


def words(picture: Picture) -> list[str]:
    return [one.text or "" for one in elements(picture, "text")]


def across(picture: Picture) -> Callable[[float], float]:
    """Pixel -> number, from the printed ticks of the horizontal axis: the lowest row of numbers."""
    texts = [one for one in elements(picture, "text") if re.fullmatch(r"-?[\d.]+", one.text or "")]
    middle = [one for one in texts if one.get("text-anchor") == "middle"]
    ticks = [(float(one.get("x", "")), float(one.text or "")) for one in middle]
    slope, offset = np.polyfit(*np.array(ticks).T, 1)
    return lambda x: float(slope * x + offset)


def sheet(picture: Picture) -> Image.Image:
    """The PNG inside a map."""
    uri = elements(picture, "image")[0].get("href", "")
    return Image.open(io.BytesIO(b64decode(uri.removeprefix("data:image/png;base64,"))))
