"""Columns of numbers as Plotly's typed arrays: base64 of little-endian bytes, no digits."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

# Of the range of a column: what rounding to float32 may move a point without anybody seeing it.
UNSEEN = 1e-5
FLOAT32 = np.finfo(np.float32)


def packed(values: npt.ArrayLike, *, exact: bool = True) -> dict[str, str]:
    """`{"dtype", "bdata"}` with 4 bytes a number where that loses nothing; unless `exact`, also
    where what it loses is too little to be seen."""
    column = np.asarray(values)
    if column.dtype.kind in "iu" and _fits_int32(column):
        return _spec(column.astype("<i4"), "i4")
    column = column.astype("<f8")
    with np.errstate(over="ignore"):
        short = column.astype("<f4")
    if np.array_equal(short.astype("<f8"), column, equal_nan=True):
        return _spec(short, "f4")
    return _spec(short, "f4") if not exact and _is_unseen(column) else _spec(column, "f8")


def unpacked(figure: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The traces of a figure with arrays as columns."""
    traces: list[dict[str, Any]] = []
    for trace in figure["data"]:
        columns = {name: _column(traces, name, trace.get(name)) for name in ("x", "y")}
        traces.append({**trace, **columns})
    return traces


def _column(traces: list[dict[str, Any]], name: str, column: Any) -> Any:
    if not isinstance(column, Mapping):
        return column
    if "same" in column:
        return traces[column["same"]][name]
    return np.frombuffer(base64.b64decode(column["bdata"]), "<" + column["dtype"])


class Shared:
    """Gives equal columns of one figure once: later traces name the first trace that has it."""

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}

    def packed(self, column: npt.NDArray[Any], place: int) -> dict[str, Any]:
        """The column, or `{"same": PLACE}` where the trace at that place has it."""
        first = self._first.setdefault(column.tobytes(), place)
        return {"same": first} if first != place else packed(column)


def _spec(column: npt.NDArray[Any], dtype: str) -> dict[str, str]:
    return {"dtype": dtype, "bdata": base64.b64encode(column.tobytes()).decode("ascii")}


def _fits_int32(column: npt.NDArray[Any]) -> bool:
    limits = np.iinfo(np.int32)
    return not len(column) or bool(column.min() >= limits.min and column.max() <= limits.max)


def _is_unseen(column: npt.NDArray[np.float64]) -> bool:
    sizes = np.abs(column[np.isfinite(column)])
    sizes = sizes[sizes > 0]
    if not len(sizes):
        return True
    within = sizes.max() < FLOAT32.max and sizes.min() > FLOAT32.tiny
    spread = float(np.nanmax(column) - np.nanmin(column))
    return bool(within and sizes.max() * FLOAT32.eps <= spread * UNSEEN)
