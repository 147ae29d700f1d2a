"""NaN and infinity: to and from JSON, once for everybody.

JSON has no such numbers; they travel as the strings "nan", "inf" and "-inf".
"""

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NAMES = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
# How the kinds are kept in integer columns; 0 is "finite".
KINDS = ("", "nan", "inf", "-inf")


def kind(value: float) -> str:
    """ "nan", "inf" or "-inf"; "" for a finite number."""
    if math.isfinite(value):
        return ""
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def to_json(value: float) -> float | str:
    """The number, or its name where JSON has none."""
    return kind(value) or value


def from_name(name: str) -> float:
    """The number called `name` ("nan", "inf", "-inf"). KeyError for any other string."""
    return NAMES[name]


def list_to_json(values: FloatArray) -> list[float | str]:
    """A column for JSON. Finite columns, the usual case, cost one pass."""
    if np.isfinite(values).all():
        finite: list[float | str] = values.tolist()
        return finite
    return [to_json(value) for value in values.tolist()]


def kind_codes(values: FloatArray) -> IntArray:
    """The index into KINDS of every value."""
    codes = np.zeros(len(values), dtype=np.int64)
    codes[np.isnan(values)] = 1
    codes[np.isposinf(values)] = 2
    codes[np.isneginf(values)] = 3
    return codes
