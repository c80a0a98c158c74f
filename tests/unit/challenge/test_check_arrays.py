"""Every way arrays can be broken or absent, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from breaking import (
    CEILING,
    FMRI,
    IMAGES,
    MASKS,
    TEST,
    TRAIN,
    Break,
    Case,
    Expected,
    array,
    assert_found,
    both,
    content,
    copy,
    cut,
    objects,
    pipe,
    remove,
    rename,
    value,
)

CASES: list[Case] = [
    ("too few rows", array(FMRI, lambda a: a[:-1]), [("wrong-shape", FMRI, "(12, 30)", "(11, 30)")]),
    (
        "too many vertices",
        array(FMRI, lambda a: np.hstack([a, a[:, :1]])),
        [("wrong-shape", FMRI, "(12, 30)", "(12, 31)")],
    ),
    ("transposed", array(FMRI, lambda a: a.T.copy()), [("wrong-shape", FMRI, "(12, 30)", "(30, 12)")]),
    ("no rows", array(FMRI, lambda a: a[:0]), [("wrong-shape", FMRI, "(12, 30)", "(0, 30)")]),
    ("a single number", array(FMRI, lambda a: a[0, 0]), [("wrong-shape", FMRI, "(12, 30)", "()")]),
    ("ceilings in a column", array(CEILING, lambda a: a[:, None]), [("wrong-shape", CEILING, "(34,)", "(34, 1)")]),
    ("float64", array(FMRI, np.float64), [("wrong-dtype", FMRI, "float32", "float64")]),
    ("other byte order", array(FMRI, lambda a: a.astype(">f4")), [("wrong-dtype", FMRI, "float32", ">f4")]),
    (
        "NaN",
        value(FMRI, (5, 17), np.nan),
        [("not-finite", FMRI, "finite", "1 of 360 values are not, first nan in row 5, vertex 17")],
    ),
    (
        "infinite",
        value(FMRI, ([2, 4], [3, 1]), -np.inf),
        [("not-finite", FMRI, "finite", "2 of 360 values are not, first -inf in row 2, vertex 3")],
    ),
    (
        "wrong shape and NaN",
        array(FMRI, lambda a: np.full_like(a[1:], np.nan)),
        [("wrong-shape", FMRI, "(12, 30)", "(11, 30)"), ("not-finite", FMRI, "finite", "330 of 330 values are not")],
    ),
    ("truncated", cut(FMRI, -8), [("truncated-file", FMRI, "1568 bytes for float32 (12, 30)", "1560 bytes")]),
    ("bytes after the end", cut(FMRI, 4), [("overlong-file", FMRI, "1568 bytes", "1572 bytes")]),
    (
        "no header",
        content(FMRI, b"version https://git-lfs"),
        [("bad-header", FMRI, "float32 (12, 30)", "magic string")],
    ),
    ("empty file", content(FMRI, b""), [("bad-header", FMRI, "float32 (12, 30)", "expected 8 bytes")]),
    ("columns first", array(FMRI, np.asfortranarray), [("fortran-order", FMRI, "C order", "Fortran order")]),
    ("pickled responses", objects(FMRI), [("pickled-content", FMRI, "float32 (12, 30)", "object (2,)")]),
    (
        "pickled stray",
        objects(f"{MASKS}/more.npy"),
        [("stray-pickle", f"{MASKS}/more.npy", "", f"{MASKS}/more.npy")],
    ),
    (
        "pickled strays above the subjects",
        both(objects("evil.npy"), objects("train_data/evil.npy"), content("test_data/subj06/cache.PKL", b"")),
        [("stray-pickle", "", "", "evil.npy, test_data/subj06/cache.PKL, train_data/evil.npy")],
    ),
    (
        "label of no ROI",
        both(
            value(f"{MASKS}/rh.floc-places_challenge_space.npy", 7, 9),
            value(f"{MASKS}/rh.floc-places_fsaverage_space.npy", 12, 9),
        ),
        [
            ("roi-label", f"{MASKS}/rh.floc-places_challenge_space.npy", "0 or one of [1, 2, 3]", "9"),
            ("roi-label", f"{MASKS}/rh.floc-places_fsaverage_space.npy", "0 or one of [1, 2, 3]", "9"),
        ],
    ),
    (
        "masks that disagree",
        value(f"{MASKS}/lh.streams_challenge_space.npy", 10, 5),
        [
            (
                "roi-mismatch",
                f"{MASKS}/lh.streams_challenge_space.npy",
                "label 2 at vertex 10",
                "label 5; they differ at 1 of 30",
            )
        ],
    ),
    (
        "mask of another hemisphere",
        copy(f"{MASKS}/rh.streams_challenge_space.npy", f"{MASKS}/lh.streams_challenge_space.npy"),
        [("wrong-shape", f"{MASKS}/lh.streams_challenge_space.npy", "(30,)", "(34,)")],
    ),
    (
        "vertex missing in the mask",
        value(f"{MASKS}/lh.all-vertices_fsaverage_space.npy", 5, 0),
        [("vertex-mask", f"{MASKS}/lh.all-vertices_fsaverage_space.npy", "30 ones", "29 ones")],
    ),
    (
        "another integer in the mask",
        value(f"{MASKS}/lh.all-vertices_fsaverage_space.npy", 3, 2),
        [("vertex-mask", f"{MASKS}/lh.all-vertices_fsaverage_space.npy", "30 ones", "30 ones, 1 other")],
    ),
    (
        "percent",
        array(CEILING, lambda a: 100 * a),
        [("ceiling-range", CEILING, "0 to 1", "vertex 1; 33 of 34")],
    ),
    (
        "NaN ceiling",
        value(CEILING, 3, np.nan),
        [("ceiling-range", CEILING, "0 to 1", "nan at vertex 3; 1 of 34")],
    ),
    ("pipe", pipe(FMRI), [("bad-header", FMRI, "float32", "not a regular file")]),
    ("float32 ceiling", array(CEILING, np.float32), [("wrong-dtype", CEILING, "float64", "float32")]),
]

ABSENT: list[Case] = [
    ("responses missing", remove(FMRI), [("missing-file", FMRI, "lh_training_fmri.npy", "nothing")]),
    (
        "one hemisphere's test responses missing",
        remove(f"{TEST}/test_fmri/lh_test_fmri.npy"),
        [("missing-file", f"{TEST}/test_fmri/lh_test_fmri.npy", "lh_test_fmri.npy", "nothing")],
    ),
    (
        "file in another case",
        rename((FMRI, FMRI.replace("lh_", "LH_"))),
        [("name-case", FMRI.replace("lh_", "LH_"), "lh_training_fmri.npy", "LH_training_fmri.npy")],
    ),
    (
        "folder in another case",
        rename((IMAGES, f"{TRAIN}/Training_Images")),
        [("name-case", f"{TRAIN}/Training_Images", "training_images", "Training_Images")],
    ),
    (
        "subject in another case",
        rename(("train_data/subj01", "train_data/Subj01"), ("test_data/subj01", "test_data/SUBJ01")),
        [
            ("missing-subject", "", "2 subjects", "no subj01"),
            ("name-case", "train_data/Subj01", "subj01", "Subj01"),
            ("name-case", "test_data/SUBJ01", "subj01", "SUBJ01"),
        ],
    ),
    (
        "flat copy of a subject",
        copy("train_data/subj01", "subj01"),
        [("mixed-layout", "subj01", "train_data/subj01 and ", "/subj01")],
    ),
    (
        "subject in another layout",
        both(
            rename(("train_data/subj06", "subj06"), ("test_data/subj06/test_split", "subj06/test_split")),
            remove("test_data/subj06"),
        ),
        [
            ("missing-subject", "", "2 subjects", "no subj06"),
            ("mixed-layout", "subj06", "test_data/subj06", "/subj06"),
        ],
    ),
    (
        "mapping missing",
        remove(f"{MASKS}/mapping_streams.npy"),
        [("missing-file", f"{MASKS}/mapping_streams.npy", "mapping_streams.npy", "nothing")],
    ),
    ("images missing", remove(IMAGES), [("missing-folder", IMAGES, "a folder of 12 images", "")]),
    (
        "test side missing",
        remove("test_data/subj01"),
        [("missing-folder", f"{TEST}/test_images", "a folder of 5 images", "")],
    ),
    (
        "subject missing",
        remove("train_data/subj01", "test_data/subj01"),
        [("missing-subject", "", "2 subjects", "no subj01")],
    ),
    (
        "subject too many",
        copy("train_data/subj01", "train_data/subj02"),
        [("extra-subject", "", "subj01, subj06", "subj02")],
    ),
    (
        "another mapping",
        lambda root: np.save(root / MASKS / "mapping_floc-places.npy", {0: "Unknown", 1: "PPA", 2: "OPA", 3: "RSC"}),  # type: ignore[arg-type]
        [("mapping-differs", f"{MASKS}/mapping_floc-places.npy", "1: 'OPA', 2: 'PPA'", "1: 'PPA', 2: 'OPA'")],
    ),
    (
        "other pickled content in a mapping",
        objects(f"{MASKS}/mapping_streams.npy"),
        [("pickled-content", f"{MASKS}/mapping_streams.npy", "integers to names", "object (2,)")],
    ),
    (
        "truncated mapping",
        cut(f"{MASKS}/mapping_streams.npy", -20),
        [("pickled-content", f"{MASKS}/mapping_streams.npy", "integers to names", "pickle exhausted")],
    ),
    (
        "numbers in a mapping",
        lambda root: np.save(root / MASKS / "mapping_streams.npy", np.arange(3)),
        [
            ("wrong-dtype", f"{MASKS}/mapping_streams.npy", "object", "int64"),
            ("wrong-shape", f"{MASKS}/mapping_streams.npy", "()", "(3,)"),
        ],
    ),
]


@pytest.mark.parametrize(
    ("change", "expected"), [case[1:] for case in CASES + ABSENT], ids=[case[0] for case in CASES + ABSENT]
)
def test_each_departure_of_arrays_is_found_and_nothing_else_is(
    small: Path, change: Break, expected: list[Expected]
) -> None:
    change(small)
    assert_found(small, expected)
