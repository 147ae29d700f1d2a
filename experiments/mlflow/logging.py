"""What a run logs: params that never change, and metrics whose points are stored once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments import lifecycle
from experiments.errors import Invalid
from experiments.lifecycle import params as flat
from experiments.mlflow import logged_models, runs, statements
from experiments.mlflow import points as stored
from experiments.mlflow.words import (
    LONGEST_PARAM,
    Tags,
    check_key,
    invalid,
    no_such,
    of_run,
)
from experiments.models import LoggedModel, LoggedModelMetric, Run
from experiments.shapes import SeriesPoints

MOST_METRICS = MOST_TOGETHER = 1_000
MOST_PARAMS = MOST_TAGS = 100


@dataclass(frozen=True)
class Point:
    """One point of a metric as it was sent."""

    key: str
    value: float
    timestamp: int  # milliseconds
    step: int
    model_id: str = ""  # of a logged model that was measured
    dataset_name: str = ""  # by which dataset
    dataset_digest: str = ""


def log_points(run_id: str, series: Sequence[SeriesPoints]) -> None:
    """`log` for points alone, of no model, as `points.columns` made them."""
    with lifecycle.sign_of_life(run_id):
        runs.lock(run_id)
        stored.store(run_id, series)


def log(
    run_id: str,
    *,
    points: Sequence[Point] = (),
    params: Sequence[tuple[str, str]] = (),
    tags: Tags | None = None,
) -> None:
    """Stores all of it or nothing; what is stored already changes nothing.

    Raises Invalid: beyond a limit, a param that has another value, a deleted run.
    """
    tags = of_run(tags or {})
    _check_sizes(len(points), len(params), len(tags))
    _check(params)
    series = _series(points)
    with lifecycle.sign_of_life(run_id):
        project_id = runs.lock(run_id)
        # Values that are too long are cut as MLflow's server does.
        cut = {key: value[:LONGEST_PARAM] for key, value in params}
        _add_params(run_id, project_id, cut)
        _write_tags(run_id, project_id, tags)
        if series:
            stored.store(run_id, series)
            _add_to_models(run_id, [point for point in points if point.model_id])


def _check_sizes(points: int, params: int, tags: int) -> None:
    limits = {
        "metrics": (points, MOST_METRICS), "params": (params, MOST_PARAMS),
        "tags": (tags, MOST_TAGS), "metrics, params and tags": (points + params + tags,
        MOST_TOGETHER),
    }  # fmt: skip
    for name, (size, most) in limits.items():
        if size > most:
            raise invalid(name, f"are {size:,} in this batch: send at most {most:,} at once.")


def _series(points: Sequence[Point]) -> list[SeriesPoints]:
    by_key: dict[str, list[Point]] = {}
    for point in points:
        by_key.setdefault(point.key, []).append(point)
    return [
        stored.columns(
            key,
            [one.step for one in found],
            [one.timestamp for one in found],
            [one.value for one in found],
        )
        for key, found in by_key.items()
    ]


def _check(params: Sequence[tuple[str, str]]) -> None:
    for key, _ in params:
        check_key("params.key", key)
    if len(dict(params)) < len(params):
        raise Invalid("A param is given twice in this batch: send each once.")


def _add_params(run_id: str, project_id: int, params: Mapping[str, str]) -> None:
    if not params:
        return
    before = statements.params_of(run_id)
    known = flat.texts(before)
    if changed := [key for key in params if known.get(key, params[key]) != params[key]]:
        raise Invalid(
            f"Param {changed[0]!r} has the value {known[changed[0]][:200]!r} already and cannot "
            "change: start a new run."
        )
    new = {key: value for key, value in params.items() if key not in known}
    if not new:
        return
    if groups := [key for key in new if key in before]:
        raise Invalid(f"Param {groups[0]!r} stands for params below it already: use another key.")
    if len(known) + len(new) > flat.MOST_PARAMS:
        raise Invalid(f"A run holds at most {flat.MOST_PARAMS:,} params.")
    leaves = [flat.leaf_of_text(*pair) for pair in new.items()]
    statements.write_params(run_id, project_id, {**before, **new}, leaves)


def _write_tags(run_id: str, project_id: int, tags: Tags) -> None:
    if tags.keys() & runs.TELLING:
        runs.write_tags(_run(run_id), tags)
    elif tags:
        statements.write_tags(run_id, project_id, tags)


def _run(run_id: str) -> Run:
    return Run.objects.select_related("project__workspace").get(pk=run_id)


def _add_to_models(run_id: str, points: Sequence[Point]) -> None:
    """Stores points with the models they measure; what is stored already stays."""
    if not points:
        return
    run = _run(run_id)
    wanted = {point.model_id for point in points}
    models = LoggedModel.objects.filter(project__workspace=run.project.workspace, pk__in=wanted)
    known = set(models.filter(deleted_at=None).values_list("pk", flat=True))
    if missing := sorted(wanted - known):
        raise no_such("logged model", missing[0])
    rows = [
        logged_models.metric_row(
            run, point.model_id, point.key, point.value, timestamp=point.timestamp,
            step=point.step, dataset=(point.dataset_name, point.dataset_digest),
        )
        for point in points
    ]  # fmt: skip
    LoggedModelMetric.objects.bulk_create(rows, ignore_conflicts=True)
