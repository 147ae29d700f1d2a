"""The JSON every chart endpoint answers and js/charts.js draws."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import plotly.graph_objects as go
from django.http import HttpResponse


@dataclass(frozen=True)
class LegendEntry:
    """One line of the legend under a chart; `color` is a token like "var(--run-1)"."""

    name: str
    color: str
    dash: str = "solid"


def chart_answer(
    figure: go.Figure | None,
    *,
    empty: str | None = None,
    live: bool = False,
    note: str = "",
    legend: Sequence[LegendEntry] = (),
) -> HttpResponse:
    """`empty` is the sentence shown instead of a figure; `live`: ask again in a while; `note`
    says what was reduced ("60,000 logged points drawn as 1,000")."""
    rest = json.dumps(
        {"empty": empty, "live": live, "note": note, "legend": [asdict(e) for e in legend]}
    )
    # Plotly's own encoder writes NaN as null, which JSON and the drawing need.
    drawn = "null" if figure is None or empty else figure.to_json(validate=False)
    return HttpResponse(f'{{"figure": {drawn}, {rest[1:]}', content_type="application/json")
