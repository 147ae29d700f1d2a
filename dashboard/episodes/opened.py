"""One episode opened: its values, its support set, and the predictions by inner step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.charts.episode_predictions import Fit, fit_of
from dashboard.episodes.pictures import pictures
from dashboard.episodes.query import EpisodesQuery
from dashboard.episodes.ranking import episode_href, value_text, worst_first
from dashboard.episodes.tables import ChartTable
from experiments import reading
from experiments.errors import NotFound

MOST_ROWS = 100  # of query examples


@dataclass(frozen=True)
class Example:
    """One example of a set: its picture or input, its class or value, and a prediction of it."""

    picture: str
    x: str
    y: str
    predicted: str = ""
    confidence: str = ""
    before: str = ""
    is_right: bool | None = None  # None where right and wrong mean nothing


@dataclass(frozen=True)
class Opened:
    """What is shown of an episode; `support` and what follows are empty where no worker has
    kept it. `place` is that of the shown step in `steps`."""

    id: str
    rank: int
    count: int
    worse: str  # the address of the next worse episode, "" for the worst
    better: str
    table: ChartTable
    kind: str
    steps: tuple[int, ...]
    place: int
    support: tuple[Example, ...]
    query: tuple[Example, ...]
    fit: Fit | None
    scored: str  # "after 5 inner steps"

    @property
    def step(self) -> int:
        return self.steps[self.place] if self.steps else 0

    @property
    def right(self) -> int:
        """Query examples whose class was found."""
        return sum(one.is_right is True for one in self.query)


def place_of(query: EpisodesQuery, episode_id: str) -> int:
    """Where an episode stands in its evaluation. Raises NotFound."""
    try:
        return query.episodes.ids.index(episode_id)
    except ValueError:
        name = query.evaluation.name
        raise NotFound(f"The {name} evaluation has no episode {episode_id[:80]}.") from None


def wanted_place(steps: Sequence[int], step: int) -> int:
    """The last kept step at or before the one asked for."""
    return max((place for place, one in enumerate(steps) if one <= step), default=0)


def opened(query: EpisodesQuery, episode_id: str) -> Opened:
    """All about one episode of an evaluation. Raises NotFound."""
    place = place_of(query, episode_id)
    order = worst_first(query).tolist()
    rank = order.index(place)
    ids = query.episodes.ids
    document = reading.answers(query.evaluation, episode_id) or {}
    steps = tuple(document.get("inner_steps", ()))
    shown = wanted_place(steps, query.inner_step)
    return Opened(
        id=episode_id,
        rank=rank + 1,
        count=len(order),
        worse=episode_href(query, ids[order[rank - 1]]) if rank else "",
        better=episode_href(query, ids[order[rank + 1]]) if rank + 1 < len(order) else "",
        table=_values(query, place),
        kind=document.get("kind", ""),
        steps=steps,
        place=shown,
        support=_support(document),
        query=_query(document, shown),
        fit=fit_of(document),
        scored=query.axis.after(steps[shown] if steps else 0),
    )


def _values(query: EpisodesQuery, place: int) -> ChartTable:
    """The episode by inner step, beside the median of all."""
    found = query.episodes
    columns, tables = [query.axis.title], []
    for metric, table in (("loss", found.losses), ("accuracy", found.accuracies)):
        if table is not None:
            columns += [metric, "median of all"]
            tables.append((metric, table))
    rows = []
    for step in query.steps:
        row: list[Any] = [step]
        for metric, table in tables:
            finite = table[:, step][np.isfinite(table[:, step])]
            median = float(np.median(finite)) if len(finite) else float("nan")
            row += [value_text(float(table[place, step]), metric), value_text(median, metric)]
        rows.append(tuple(row))
    return ChartTable(tuple(columns), tuple(rows))


def _support(document: dict[str, Any]) -> tuple[Example, ...]:
    return tuple(_examples(document.get("support", {})))


def _query(document: dict[str, Any], place: int) -> tuple[Example, ...]:
    examples = _examples(document.get("query", {}))[:MOST_ROWS]
    if not examples:
        return ()
    is_classes = document["kind"] == "classification"
    first, shown = document["predicted"][0], document["predicted"][place]
    sure = document["confidence"][place] if is_classes else ()
    truth = document["query"]["y"]
    return tuple(
        Example(
            one.picture,
            one.x,
            one.y,
            predicted=_text(shown[i]),
            confidence=f"{100 * sure[i]:.0f} %" if i < len(sure) and sure[i] is not None else "",
            before=_text(first[i]),
            is_right=shown[i] == truth[i] if is_classes else None,
        )
        for i, one in enumerate(examples)
    )


def _examples(recorded: dict[str, Any]) -> list[Example]:
    drawn = pictures(recorded)
    inputs = recorded.get("x", [])
    return [
        Example(
            picture=drawn[i] if i < len(drawn) else "",
            x=", ".join(map(_text, inputs[i])) if i < len(inputs) else "",
            y=_text(y),
        )
        for i, y in enumerate(recorded.get("y", ()))
    ]


def _text(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.4g}".replace("-", "−")
