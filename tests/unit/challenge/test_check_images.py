"""Every way the images can be broken, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from breaking import (
    IMAGES,
    TEST,
    Break,
    Case,
    Expected,
    assert_found,
    both,
    changed,
    content,
    copy,
    cut,
    image,
    picture,
    pipe,
    remove,
    rename,
    with_pixels,
)

ALL_IMAGES = "12 images numbered 1 to 12"

CASES: list[Case] = [
    (
        "missing image",
        remove(image(7)),
        [("missing-image", f"{IMAGES}/train-0007_nsd-*.png", ALL_IMAGES, "11 images, without train-0007_nsd-*.png")],
    ),
    ("last image missing", remove(image(12)), [("missing-image", f"{IMAGES}/train-0012_nsd-*.png", ALL_IMAGES, "11")]),
    (
        "many images missing",
        remove(*(image(number) for number in range(3, 11))),
        [("missing-image", IMAGES, ALL_IMAGES, "4 images, without train-0003_nsd-*.png, ")],
    ),
    (
        "extra image",
        copy(image(1), image(13)),
        [("extra-image", image(13), ALL_IMAGES, "13 images, with train-0013_nsd-00130.png")],
    ),
    (
        "gap in the numbers",
        rename((image(12), image(14))),
        [
            ("missing-image", f"{IMAGES}/train-0012_nsd-*.png", ALL_IMAGES, "12 images, without train-0012"),
            ("extra-image", image(14), ALL_IMAGES, "12 images, with train-0014_nsd-00140.png"),
        ],
    ),
    (
        "numbers from zero",
        rename(*((image(number), image(number - 1, 10 * number)) for number in range(1, 13))),
        [
            ("missing-image", f"{IMAGES}/train-0012_nsd-*.png", ALL_IMAGES, "without train-0012"),
            ("extra-image", image(0, 10), ALL_IMAGES, "with train-0000_nsd-00010.png"),
        ],
    ),
    (
        "two images with one number",
        copy(image(3), image(3, 31)),
        [("duplicate-number", IMAGES, "once", "train-0003_nsd-00030.png = train-0003_nsd-00031.png")],
    ),
    (
        "one NSD id twice",
        rename((image(3), image(3, 20))),
        [("duplicate-image-id", IMAGES, "once", "train-0002_nsd-00020.png = train-0003_nsd-00020.png")],
    ),
    (
        "one NSD id in both splits",
        rename((f"{TEST}/test_images/test-0002_nsd-00025.png", f"{TEST}/test_images/test-0002_nsd-00030.png")),
        [
            (
                "image-in-both-splits",
                f"{TEST}/test_images",
                "not in the training split",
                "test-0002_nsd-00030.png = train-0003_nsd-00030.png",
            )
        ],
    ),
    (
        "two images swapped",
        rename((image(4), image(4, 50)), (image(5), image(5, 40))),
        [("image-order", IMAGES, "ascend", "train-0005_nsd-00040.png after train-0004_nsd-00050.png")],
    ),
    (
        "name of no image",
        copy(image(4), f"{IMAGES}/train_0004.png"),
        [("image-name", f"{IMAGES}/train_0004.png", "train-0001_nsd-*.png", "train_0004.png")],
    ),
    ("no PNG", content(image(2), b"GIF89a" * 9), [("image-unreadable", image(2), "PNG header", "47 49 46 38")]),
    ("empty image", content(image(2), b""), [("image-unreadable", image(2), "PNG header", "0 bytes")]),
    (
        "damaged image header",
        content(image(2), b"\x89PNG\r\n\x1a\n" + bytes(50)),
        [("image-unreadable", image(2), "PNG header", "89 50 4e 47")],
    ),
    ("wrong size", picture(image(2), "RGB", 9, 8), [("image-size", image(2), "8 x 8 pixels", "9 x 8 pixels")]),
    ("grey image", picture(image(2), "L", 8, 8), [("image-mode", image(2), "8-bit RGB", "8-bit grey")]),
    ("transparent", picture(image(2), "RGBA", 8, 8), [("image-mode", image(2), "8-bit RGB", "8-bit RGB with alpha")]),
    ("truncated image", cut(image(2), -5), [("image-truncated", image(2), "IEND", "no IEND")]),
    (
        "one flipped byte",
        changed(image(2), lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:]),
        [("image-damaged", image(2), "inflate", "wrong checksum of the chunk at byte 33")],
    ),
    (
        "end without the middle",
        changed(image(2), lambda data: data[:45] + data[-12:]),
        [("image-damaged", image(2), "inflate", "wrong checksum of the chunk at byte 33")],
    ),
    (
        "no pixels",
        changed(image(2), lambda data: data[:33] + data[-12:]),
        [("image-damaged", image(2), "inflate", "0 of 200 bytes of pixels")],
    ),
    (
        "too few pixels",
        changed(image(2), lambda data: with_pixels(data, 199)),
        [("image-damaged", image(2), "", "199")],
    ),
    (
        "a bomb",
        changed(image(2), lambda data: with_pixels(data, 10**7)),
        [("image-damaged", image(2), "inflate", "more than 200 bytes of pixels")],
    ),
    ("pipe", pipe(image(2)), [("image-unreadable", image(2), "PNG header", "not a regular file")]),
    (
        "control characters in a name",
        content(f"{IMAGES}/a\n\x1b[2Jb", b""),
        [("image-name", f"{IMAGES}/a\\n\\x1b[2Jb", "train-0001_nsd-*.png", "a\\n\\x1b[2Jb")],
    ),
    (
        "three wrong sizes",
        both(*(picture(image(number), "RGB", 4, 4) for number in (2, 5, 6))),
        [("image-size", IMAGES, "8 x 8 pixels", "train-0002_nsd-00020.png: 4 x 4 pixels, train-0005")],
    ),
]


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_departure_of_images_is_found_and_nothing_else_is(
    small: Path, change: Break, expected: list[Expected]
) -> None:
    change(small)
    assert_found(small, expected)
