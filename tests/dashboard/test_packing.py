"""Columns of figures keep their numbers, in as few bytes as that takes."""

import base64

import numpy as np
import pytest

from dashboard.charts.packing import Shared, packed, unpacked


def read(spec: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(spec["bdata"]), "<" + spec["dtype"])


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0, 7, -(2**31)], "i4"),
        ([0, 2**31], "f4"),
        ([0, 2**40 + 1], "f8"),
        ([0.5, np.nan, np.inf], "f4"),
        ([0.1, 1 / 3], "f8"),
        ([1e300, 1.0], "f8"),
        ([], "f4"),
    ],
)
def test_an_exact_column_keeps_every_number(values, dtype):
    spec = packed(values)

    assert spec["dtype"] == dtype
    np.testing.assert_array_equal(read(spec), np.asarray(values, dtype=np.float64))


def test_a_column_of_buckets_loses_less_than_eyes_see():
    column = np.linspace(0.1, 0.3, 1000)

    spec = packed(column, exact=False)

    assert spec["dtype"] == "f4"
    assert np.abs(read(spec) - column).max() <= 1e-5 * np.ptp(column)


def test_a_narrow_column_far_from_zero_keeps_its_digits():
    column = 1e6 + np.linspace(0.1, 0.3, 1000)

    np.testing.assert_array_equal(read(packed(column, exact=False)), column)


def test_equal_columns_of_a_figure_are_sent_once():
    shared = Shared()

    first, other, again = (
        shared.packed(np.arange(count), place) for place, count in enumerate((3, 4, 3))
    )

    assert read(first).tolist() == [0, 1, 2]
    assert read(other).tolist() == [0, 1, 2, 3]
    assert again == {"same": 0}


def test_an_unpacked_figure_has_its_columns_again():
    column = np.array([1.0, np.nan, 3.0])
    shared = Shared()
    traces = [
        {"x": shared.packed(column, 0), "y": packed([1, 2, 3]), "name": "first"},
        {"x": shared.packed(column, 1), "y": [4, None, 6]},
    ]

    first, second = unpacked({"data": traces})

    assert first["name"] == "first"
    assert np.array_equal(first["x"], column, equal_nan=True)
    assert first["y"].tolist() == [1, 2, 3]
    assert np.array_equal(second["x"], column, equal_nan=True)
    assert second["y"] == [4, None, 6]
