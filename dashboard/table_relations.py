"""What the section of relations beside a run table offers, and what is chosen there."""

from dataclasses import dataclass

from django.urls import reverse

from dashboard.run_table import TableRequest
from dashboard.table_state import TableState

MOST_CHOICES = 300


@dataclass(frozen=True)
class TableRelations:
    """`against`: a param or metric as columns name it, or "" for the first param that differs.
    `charts`: title, id and source of each figure."""

    metrics: list[str]
    params: list[str]
    metric: str
    against: str
    is_open: bool
    charts: list[tuple[str, str, str]]

    @classmethod
    def of(cls, asked: TableRequest) -> "TableRelations | None":
        """None where no run has logged a metric."""
        known, chosen = asked.known, dict(asked.state.view)
        if not known.metrics:
            return None
        main = asked.project.main_metric
        usual = main if main in known.metrics else asked.metrics[0]
        params = [f"params.{key}" for key in known.params]
        against = chosen.get("rx", "")
        there = {*params, *(f"metrics.{key}" for key in known.metrics)}
        return cls(
            metrics=list(known.metrics[:MOST_CHOICES]),
            params=params[:MOST_CHOICES],
            metric=chosen["ry"] if chosen.get("ry") in known.metrics else usual,
            against=against if against in there else "",
            is_open=bool(chosen.get("rel")),
            charts=_charts(asked),
        )


def _charts(asked: TableRequest) -> list[tuple[str, str, str]]:
    project, state = asked.project, asked.state
    place = [project.workspace.slug, project.slug]
    runs = TableState(q=state.q, status=state.status, sort=state.sort, nested=state.nested,
                      descending=state.descending, archived=state.archived,
                      grouped=state.grouped)  # fmt: skip
    figures = (("Scatter", "relation"), ("Parallel coordinates", "parallel"),
               ("Parameter importance", "importance"),
               ("Shares of variance, fANOVA", "fanova"))  # fmt: skip
    return [
        (title, name, reverse(f"project_{name}", args=place) + runs.query())
        for title, name in figures
    ]
