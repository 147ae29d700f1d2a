"""The JSON every chart endpoint answers and js/charts.js draws."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
import plotly.graph_objects as go
from django.http import HttpResponse, StreamingHttpResponse

from dashboard.text_direction import visible
from experiments import run_export
from experiments.models import Run
from experiments.point_export import point_lines


@dataclass(frozen=True)
class LegendEntry:
    """One line of the legend under a chart; `color` is a token like "var(--run-1)"."""

    name: str
    color: str
    dash: str = "solid"


def chart_answer(
    figure: go.Figure | dict[str, Any] | None,
    *,
    empty: str | None = None,
    live: bool = False,
    note: str = "",
    legend: Sequence[LegendEntry] = (),
) -> HttpResponse:
    """`empty` is the sentence shown instead of a figure; `live`: ask again in a while; `note`
    says what was reduced ("60,000 logged points drawn as 1,000")."""
    lines = [asdict(replace(entry, name=visible(entry.name))) for entry in legend]
    rest = json.dumps({"empty": empty, "live": live, "note": visible(note), "legend": lines})
    return HttpResponse(
        f'{{"figure": {"null" if empty else visible(_json(figure))}, {rest[1:]}',
        content_type="application/json",
    )


def points_answer(runs: Sequence[Run], keys: Sequence[str]) -> StreamingHttpResponse:
    """What was logged, not what is drawn: a chart's points as a CSV file."""
    lines = run_export.pieces(point_lines(runs, keys))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="points.csv"'
    return answer


def _json(figure: go.Figure | dict[str, Any] | None) -> str:
    # Both write NaN as null, which JSON and the drawing need; packed columns hold theirs in their
    # bytes.
    if isinstance(figure, go.Figure):
        return str(figure.to_json(validate=False))
    return orjson.dumps(figure, option=orjson.OPT_SERIALIZE_NUMPY).decode()
