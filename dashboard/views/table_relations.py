"""Figures of how metrics and params of the runs of a table go together, as JSON.

Of the first runs that match, in the order of the table and of whatever page, each in its colour. A
drag in them picks runs: js/relation-picks.js.
"""

from dataclasses import dataclass

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.charts.relations import Dot, Line, parallel, scatter
from dashboard.charts.theme import run_color
from dashboard.comparison.relations import METRIC, axes_of, complete, values_of
from dashboard.requests import SignedIn
from dashboard.scope import project_of
from dashboard.table_state import TableState
from dashboard.views.chart_answer import chart_answer
from dashboard.views.relation_charts import NO_VALUE, fanova_answer, importance_answer
from experiments import reading
from experiments.models import Run

MOST = 300  # runs: as many lines stay apart
LAST = "last"


@dataclass(frozen=True)
class Asked:
    """The runs, how many match in all, the metric, and what it is drawn against: "" for the first
    param that differs."""

    runs: list[Run]
    total: int
    key: str
    against: str

    @classmethod
    def of(cls, request: SignedIn, workspace: str, project: str) -> "Asked":
        """Of the table's address and `rx`, `ry`. Raises Invalid for a filter that is none."""
        found, state = project_of(request, workspace, project), TableState.of(request)
        ids, total = reading.run_ids(
            found,
            filters=state.filters,
            sort="created" if state.grouped else state.sort,
            descending=state.descending or bool(state.grouped),
            offset=0,
            limit=MOST,
            archived=state.archived,
        )
        rows = found.runs.in_bulk(ids)
        runs = [rows[run_id] for run_id in ids if run_id in rows]
        return cls(runs, total, request.GET.get("ry", ""), request.GET.get("rx", ""))

    @property
    def values(self) -> list[float | None]:
        return values_of(self.runs, METRIC + self.key, LAST)

    def note(self, drawn: int) -> str:
        """How many runs are drawn, and what of all that match they are."""
        more = f", of the first {MOST} of {self.total:,}" if self.total > MOST else ""
        return f"N = {drawn} runs{more}"


@require_safe
def against(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """`?ry=loss&rx=params.lr`: a point for each run."""
    asked = Asked.of(request, workspace, project)
    name = asked.against or next(iter(axes_of(asked.runs)), METRIC + asked.key)
    drawn, (x, y) = complete(asked.runs, values_of(asked.runs, name, LAST), asked.values)
    if any(isinstance(place, str) for place in x):
        x = [str(place) for place in x]
    dots = [
        Dot(run.name, run.color_slot, place, value, run.pk)
        for run, place, value in zip(drawn, x, y, strict=True)
    ]
    fields = (name, METRIC + asked.key)
    figure = scatter(dots, x=name.split(".", 1)[-1], y=asked.key, fields=fields)
    return chart_answer(figure, empty=None if dots else NO_VALUE, note=asked.note(len(dots)))


@require_safe
def coordinates(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """`?ry=loss`: the params that differ, and the metric, as parallel axes."""
    asked = Asked.of(request, workspace, project)
    names = axes_of(asked.runs)
    columns = [values_of(asked.runs, name, LAST) for name in names]
    drawn, found = complete(asked.runs, *columns, asked.values)
    fields = [*names, METRIC + asked.key]
    titles = [name.split(".", 1)[-1] for name in fields]
    lines = [
        Line(run.name, run_color(run.color_slot), values, run.pk)
        for run, values in zip(drawn, zip(*found, strict=True), strict=True)
    ]
    empty = (
        None
        if drawn and names
        else "No run here has all of the params that differ, and a finite value."
    )
    figure = parallel(titles, lines, fields=fields)
    return chart_answer(figure, empty=empty, note=asked.note(len(drawn)))


@require_safe
def importance(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """`?ry=loss`: which params the metric goes with."""
    asked = Asked.of(request, workspace, project)
    drawn, (values,) = complete(asked.runs, asked.values)
    return importance_answer(drawn, values)


@require_safe
def fanova(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """`?ry=loss`: which part of the metric's variance goes with each param alone."""
    asked = Asked.of(request, workspace, project)
    drawn, (values,) = complete(asked.runs, asked.values)
    return fanova_answer(drawn, values)
