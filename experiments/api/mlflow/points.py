"""Points alone, read straight into columns: nearly all that clients send while they train.

What is read here is what the general way would read; whatever is unusual goes that way, which also
says what is wrong with it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Annotated, Any, ClassVar

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.json import object_of, read_limited
from experiments.api.mlflow.views import AboutRun, AnyJSONParser, Call
from experiments.mlflow import logging, points
from experiments.mlflow.words import Record
from experiments.models import Role
from experiments.shapes import SeriesPoints

Unset = msgspec.UnsetType
UNSET = msgspec.UNSET
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Metric(msgspec.Struct):
    """A point as it is usually sent."""

    key: str
    value: float | str
    timestamp: Whole
    step: Whole | None | Unset = UNSET
    model_id: str | None | Unset = UNSET


class OneMetric(Metric):
    """The body of runs/log-metric."""

    run_id: str | None | Unset = UNSET
    run_uuid: str | None | Unset = UNSET

    @property
    def metrics(self) -> list[Metric]:
        return [self]

    @property
    def texts(self) -> int:
        """How many keys and texts it has beside its metrics."""
        return _texts(self.run_id) + _texts(self.run_uuid)


class Batch(msgspec.Struct):
    """The body of runs/log-batch."""

    metrics: list[Metric]
    run_id: str | None | Unset = UNSET
    run_uuid: str | None | Unset = UNSET
    params: list[Any] | None | Unset = UNSET
    tags: list[Any] | None | Unset = UNSET

    @property
    def texts(self) -> int:
        """How many keys and texts it has beside its metrics, and "metrics"."""
        return 1 + sum(map(_texts, (self.run_id, self.run_uuid, self.params, self.tags)))


Decoder = msgspec.json.Decoder[OneMetric] | msgspec.json.Decoder[Batch]


@dataclass(frozen=True)
class Points:
    """Points of a run, and nothing else."""

    run_id: str
    series: list[SeriesPoints]


def read(
    decoder: "msgspec.json.Decoder[OneMetric] | msgspec.json.Decoder[Batch]", body: bytes
) -> Points | None:
    """None: the body holds something else, or something unusual. Raises Invalid."""
    try:
        found = decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    run_id = found.run_id or found.run_uuid
    if not run_id or (isinstance(found, Batch) and (found.params or found.tags)):
        return None
    if not _is_all_of(found, body):
        return None
    series = _series(found.metrics)
    return Points(run_id, series) if series else None


def _texts(value: object) -> int:
    """Of a field with that value: its key if it is there, and the value if it is a text."""
    return 0 if value is UNSET else 1 + isinstance(value, str)


def _is_all_of(found: OneMetric | Batch, body: bytes) -> bool:
    """Whether the body holds what was read and nothing else: no other field, no key given twice,
    of which msgspec reads the last. Every key and text has two quotation marks."""
    if b"\\" in body:  # a mark may be part of a text
        return False
    texts = found.texts
    for one in found.metrics:
        texts += 4 + (type(one.value) is str)  # three keys and the text of one
        texts += one.step is not UNSET
        if one.model_id is not UNSET:
            texts += _texts(one.model_id)
    return body.count(b'"') == 2 * texts


def _series(metrics: list[Metric]) -> list[SeriesPoints]:
    """None of what is unusual in any of them."""
    if len(metrics) > logging.MOST_METRICS:
        return []
    by_key: dict[str, tuple[list[int], list[int], list[float]]] = {}
    for one in metrics:
        value = one.value
        if type(value) is not float:
            value = _NAMED.get(str(value), "")
        if one.model_id or type(value) is not float:
            return []
        found = by_key.get(one.key)
        if found is None:
            found = by_key[one.key] = ([], [], [])
        found[0].append(one.step or 0)
        found[1].append(one.timestamp)
        found[2].append(value)
    return [points.columns(key, *found) for key, found in by_key.items()]


class _PointsParser(AnyJSONParser):
    """Hands on points under a key, as what no JSON body can hold; of other bodies their values."""

    decoder: ClassVar[Any]

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        body = read_limited(stream)
        found = read(self.decoder, body)
        return object_of(body) if found is None else {"points": found, "run_id": found.run_id}


class OneMetricParser(_PointsParser):
    decoder = msgspec.json.Decoder(OneMetric)


class BatchParser(_PointsParser):
    decoder = msgspec.json.Decoder(Batch)


class _LogsPoints(AboutRun):
    """A run that points are logged to; `act` does what is unusual."""

    needed = {"POST": Role.MEMBER}
    act: ClassVar[Callable[[str, Call], Record]]

    @property
    def points(self) -> Points | None:
        found = self.body.get("points")
        return found if isinstance(found, Points) else None

    def post(self, request: Request) -> Response:
        found = self.points
        if found is None:
            return Response(type(self).act(self.run_id, self.call))
        logging.log_points(found.run_id, found.series)
        return Response({})


def logging_view(act: Callable[[str, Call], Record], parser: type[_PointsParser]) -> type[AboutRun]:
    """A view class that stores points, and else answers with what `act` returns."""
    members = {"act": staticmethod(act), "parser_classes": [parser], "__doc__": act.__doc__}
    return type("LogsPoints", (_LogsPoints,), members)
