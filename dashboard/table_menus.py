"""What the menus of a run table list: its columns as the reader may arrange them, and what runs may
be grouped by. What a template renders is rendered once for each list: it is the same on page after
page."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from dashboard.metric_directions import direction, usual_direction
from dashboard.table_columns import Column
from dashboard.table_state import TableState, in_list
from experiments import reading
from experiments.models import Project
from experiments.shapes import RunColumns

LISTED_PARAMS = 200  # to group by
WORDS = {reading.SEEDLESS: "everything but the seed", "user": "who made it"}
BETTER = {"": "neither is better", "min": "lower is better", "max": "higher is better"}
# Value of a form's field, words, whether it is chosen.
Option = tuple[str, str, bool]


@dataclass(frozen=True)
class Arranged:
    """A shown column as the reader may arrange it. `choices`: of a metric, what may be better."""

    column: Column
    is_pinned: bool
    choices: tuple[Option, ...]


def arranged(project: Project, state: TableState, columns: Sequence[Column]) -> SafeString:
    """The columns shown, from left to right, with what moves and pins them."""
    return _arranged(
        tuple(
            Arranged(column, column.id in state.pinned, _choices(project, state, column))
            for column in columns
        )
    )


def group_options(state: TableState, params: Sequence[str]) -> SafeString:
    """What runs may be grouped by, and by what they are."""
    names = [reading.SEEDLESS, *reading.GROUPED_BY]
    names += [f"params.{key}" for key in params[:LISTED_PARAMS]]
    names += [name for name in state.grouped if name not in names]
    return _options(
        tuple(
            (in_list(name), WORDS.get(name, name.removeprefix("params.")), name in state.grouped)
            for name in names
        )
    )


def column_choices(known: RunColumns, shown: Container[str]) -> SafeString:
    """Every metric and param there is, as columns to choose. Worded here: there may be thousands,
    which a template would take a tenth of a millisecond each for."""
    parts: list[str] = []
    if known.metrics:
        parts.append("<h2>Metrics</h2>")
    for key in known.metrics:
        label = escape(key)
        name = f'<span class="clip">{label}</span>'
        parts.append(f'<div class="opt" role="group" aria-label="{label}">{name}')
        for word, summary in (("last", ""), ("min", "(min)"), ("max", "(max)")):
            box = _box(f"metrics.{key}{summary}", shown)
            parts.append(f"<label>{box}{word}</label>")
        parts.append("</div>")
    if known.params:
        parts.append("<h2>Params</h2>")
    for key in known.params:
        name = f'<span class="clip">{escape(key)}</span>'
        parts.append(f'<label class="opt">{_box(f"params.{key}", shown)}{name}</label>')
    return SafeString("".join(parts))


def _box(column: str, shown: Container[str]) -> str:
    checked = " checked" if column in shown else ""
    return f'<input type="checkbox" name="col" value="{escape(column)}"{checked}>'


def _choices(project: Project, state: TableState, column: Column) -> tuple[Option, ...]:
    if column.kind != "metrics":
        return ()
    usual, now = usual_direction(project, column.key), direction(state, project, column.key)
    return tuple(
        ("" if side == usual else f"{column.key}:{side}", words, side == now)
        for side, words in BETTER.items()
        if side or not usual
    )


@lru_cache(maxsize=512)
def _arranged(columns: tuple[Arranged, ...]) -> SafeString:
    return render_to_string("dashboard/runs/_arranged.html", {"arranged": columns})


@lru_cache(maxsize=512)
def _options(options: tuple[Option, ...]) -> SafeString:
    return render_to_string("dashboard/runs/_group_options.html", {"options": options})
