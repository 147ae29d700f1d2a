"""/runs/<id>/metrics/, /runs/<id>/series/ and /series/: points in, curves and points out."""

import dataclasses
from collections.abc import Mapping
from typing import IO, Any

from django.urls import path
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from experiments import lifecycle, reading, recording
from experiments.api.auth import SIGNED_IN, may_in_run, seen
from experiments.api.docs import documented
from experiments.api.json import ColumnsRenderer, StrictJSONParser, read_limited
from experiments.api.v1.metrics_schemas import (
    CURVE,
    SUMMARY,
    CurvesOutput,
    MetricsInput,
    PointOutput,
    PointsOutput,
    RecordedOutput,
    SummaryOutput,
)
from experiments.api.views import ApiView, RunView
from experiments.errors import Invalid, NotFound
from experiments.models import Role, Run, Series
from experiments.shapes import SeriesView

MOST_RUNS = 100
MOST_KEYS = 100
MOST_WIDTH = 10_000
MOST_BUCKETS = 200_000  # in one answer: runs x keys x width
DEFAULT_WIDTH = 1_000
DEFAULT_POINTS = 1_000


RANGE = (
    ("keys", str, "Keys of metrics, separated by commas."),
    ("key", str, "One key as it is, commas and all; may be repeated."),
    ("first_step", int, "Only points from this step on."),
    ("last_step", int, "Only points up to this step."),
    ("width", int, f"At most so many buckets a series, 1 to {MOST_WIDTH}; {DEFAULT_WIDTH}."),
)


class RecordsParser(BaseParser):
    """Hands on a body of records as the bytes under "records", which no JSON body can hold."""

    media_type = recording.RECORDS_CONTENT_TYPE

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, bytes]:
        return {"records": read_limited(stream)}


class RunMetrics(RunView):
    needed = {"GET": Role.VIEWER, "POST": Role.MEMBER}
    parser_classes = [StrictJSONParser, RecordsParser]

    def authorize(self, needed: Role) -> None:
        """Batches come often: one statement lets them pass; whom it does not gets a reason."""
        if self.request.method != "POST" or not may_in_run(
            self.request, self.kwargs["run_id"], needed
        ):
            super().authorize(needed)

    @documented(
        "metrics_list",
        "List the metrics of a run in numbers",
        answer=SummaryOutput,
        example=SUMMARY,
        paged=True,
    )
    def get(self, request: Request, run_id: str) -> Response:
        return self.pages.page(
            request,
            Series.objects.filter(run=self.run),
            by="id",
            show=lambda rows: SummaryOutput(rows, many=True).data,
        )

    @documented(
        "metrics_record",
        "Record points",
        description="Stores a batch of points, all or nothing: 200 means that they are stored. "
        "(client, number) names the batch, so that sending it again is harmless. Give columns in "
        "`series` or rows in `points`: up to 100,000 points of 1,000 keys. A sign of life: a run "
        "that had crashed by silence is running again. The Metascope client sends the same as "
        f"{recording.RECORDS_CONTENT_TYPE}: rows as it wrote them.",
        answer=RecordedOutput,
        example={"points": 2, "series": 1, "duplicate": False},
        body=MetricsInput,
        body_example={
            "client": "box-4242",
            "number": 0,
            "series": [{"key": "train/loss", "steps": [0, 1], "values": [4.1, "nan"]}],
        },
    )
    def post(self, request: Request, run_id: str) -> Response:
        batch = _batch(request.data)
        with lifecycle.sign_of_life(run_id):
            recorded = recording.record_batch(run_id, batch)
        return Response(dataclasses.asdict(recorded))  # as RecordedOutput says


def _batch(data: Any) -> recording.Batch:
    records = data.get("records") if isinstance(data, dict) else None
    if isinstance(records, bytes):
        return recording.parse_records(records)
    return recording.parse_batch(data)


class RunSeries(RunView):
    needed = {"GET": Role.VIEWER}
    renderer_classes = [ColumnsRenderer]

    @documented(
        "metrics_series",
        "Read curves of a run",
        answer=CurvesOutput,
        example={"results": [CURVE]},
        query=RANGE,
    )
    def get(self, request: Request, run_id: str) -> Response:
        return curves(request, [self.run.pk])


class RunPoints(RunView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "metrics_points",
        "Read the points of a metric as they were sent",
        description="In order of step, points of one step in order of arrival.",
        answer=PointsOutput,
        example={"results": [{"step": 0, "time": 1795433600.0, "value": 4.1}], "next": None},
        query=(
            ("key", str, "The key of the metric."),
            ("after", str, "From `next` of the page before."),
            ("limit", int, f"1 to {reading.MOST_POINTS}; {DEFAULT_POINTS}."),
        ),
    )
    def get(self, request: Request, run_id: str) -> Response:
        key = request.query_params.get("key")
        if not key:
            raise _invalid("key", "Name a metric.")
        limit = whole(request, "limit", 1, reading.MOST_POINTS) or DEFAULT_POINTS
        after = request.query_params.get("after")
        page = reading.points(self.run.pk, key, after=after, limit=limit)
        following = None
        if page.next is not None:
            following = replace_query_param(request.build_absolute_uri(), "after", page.next)
        return Response({"results": PointOutput(page.points, many=True).data, "next": following})


class SeriesOfRuns(ApiView):
    needed = {"GET": SIGNED_IN}
    renderer_classes = [ColumnsRenderer]

    @documented(
        "series_list",
        "Read curves of several runs",
        answer=CurvesOutput,
        example={"results": [CURVE]},
        query=(("runs", str, f"Up to {MOST_RUNS} ids of runs, separated by commas."), *RANGE),
    )
    def get(self, request: Request) -> Response:
        asked = _split(request.query_params.get("runs", ""))
        if not 1 <= len(asked) <= MOST_RUNS:
            raise _invalid("runs", f"Name 1 to {MOST_RUNS} runs, separated by commas.")
        runs = Run.objects.filter(seen(request), pk__in=asked)
        visible = set(runs.values_list("pk", flat=True))
        for run_id in asked:
            if run_id not in visible:
                message = f"There is no run {run_id[:40]!r} that you can see."
                raise NotFound(message, fields={"runs": [message]})
        return curves(request, asked)


def curves(request: Request, run_ids: list[str]) -> Response:
    """The asked series of runs that the caller may see."""
    query = request.query_params
    keys = list(dict.fromkeys([*_split(query.get("keys", "")), *query.getlist("key")]))
    if not 1 <= len(keys) <= MOST_KEYS:
        raise _invalid("keys", f"Name 1 to {MOST_KEYS} metrics, separated by commas.")
    width = whole(request, "width", 1, MOST_WIDTH) or DEFAULT_WIDTH
    if len(run_ids) * len(keys) * width > MOST_BUCKETS:
        raise _invalid(
            "width", f"Ask for at most {MOST_BUCKETS} buckets: runs x keys x width; now more."
        )
    first_step = whole(request, "first_step", -(2**63), 2**63 - 1)
    last_step = whole(request, "last_step", -(2**63), 2**63 - 1)
    views = reading.series(run_ids, keys, first_step=first_step, last_step=last_step, width=width)
    return Response({"results": [_curve(view) for view in views]})


def _curve(view: SeriesView) -> dict[str, Any]:
    """As described by CurveOutput; columns as they are, which the renderer writes."""
    return {
        "run": view.run_id,
        "key": view.key,
        "exact": view.exact,
        "points": view.points,
        "first_step": view.first_step,
        "last_step": view.last_step,
        "steps": view.x,
        "times": view.times,
        "low": view.low,
        "high": view.high,
        "mean": view.mean,
        "last": view.last,
        "counts": view.counts,
        "bad": [
            {"step": step, "kind": kind}
            for step, kind in zip(view.bad_steps.tolist(), view.bad_kinds, strict=True)
        ],
        "bad_count": view.bad_count,
    }


def whole(request: Request, name: str, least: int, most: int) -> int | None:
    """A whole number of the query string; None when it is not there. Raises Invalid naming it."""
    text = request.query_params.get(name)
    if text is None:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise _invalid(name, f"Use a whole number from {least} to {most}.")
    if not least <= int(text) <= most:
        raise _invalid(name, f"Use a whole number from {least} to {most}.")
    return int(text)


def _split(text: str) -> list[str]:
    """The parts between commas, each once."""
    return list(dict.fromkeys(part for part in text.split(",") if part))


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", fields={field: [message]})


urlpatterns = [
    path("runs/<slug:run_id>/metrics/", RunMetrics.as_view()),
    path("runs/<slug:run_id>/metrics/points/", RunPoints.as_view()),
    path("runs/<slug:run_id>/series/", RunSeries.as_view()),
    path("series/", SeriesOfRuns.as_view()),
]
