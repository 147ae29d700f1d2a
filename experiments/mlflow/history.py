"""The history of a metric: by time, then step, then value."""

import numpy as np

from experiments import reading
from experiments.mlflow import paging
from experiments.mlflow.records import point
from experiments.mlflow.words import Record, invalid
from experiments.models import Run
from experiments.shapes import Point


def page(
    run: Run, key: str, *, limit: int | None = None, token: str = ""
) -> tuple[list[Record], str]:
    """Points of a metric and the token of the next page; without a limit all. Raises Invalid."""
    if limit is not None and limit <= 0:
        raise invalid("max_results", f"is {limit}: use a whole number above 0.")
    first = paging.offset(token)
    steps, times, values = reading.all_points(run.pk, key)
    order = np.lexsort((values, steps, times))
    part = order[first:] if limit is None else order[first : first + limit]
    found = map(Point, steps[part].tolist(), times[part].tolist(), values[part].tolist())
    return [point(key, one) for one in found], paging.token(first, len(part), len(order))
