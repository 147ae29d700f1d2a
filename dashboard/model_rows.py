"""Versions of registered models as pages show them: with the runs that made them, as far as the
reader may see those."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse

from dashboard import run_facts
from dashboard.run_facts import Stat
from experiments import reading
from experiments.models import ModelVersion, RegisteredModel, Run
from experiments.registry import origins
from experiments.registry.origins import Origin, Shut
from experiments.shapes import SeriesSummary


@dataclass(frozen=True)
class VersionRow:
    """A version with its aliases, where it comes from, its run and the number that sums that up."""

    version: ModelVersion
    aliases: list[str]
    origin: Origin
    run: Run | None
    stat: Stat | None


def rows_of(found: Sequence[ModelVersion], shut: Shut) -> list[VersionRow]:
    """Rows in the order of `found`, with one query for their runs and one for their numbers."""
    runs = origins.runs_of(list(found), shut)
    summaries = reading.series_summaries(list({run.pk for run in runs.values()}))
    by_id = {run.pk: run for run in runs.values()}
    stats = {run_id: _stat(by_id[run_id], of_run) for run_id, of_run in summaries.items()}
    return [
        VersionRow(
            version=one,
            aliases=sorted(alias.name for alias in one.aliases.all()),
            origin=origins.origin_of(one, shut),
            run=runs.get(one.pk),
            stat=stats.get(runs[one.pk].pk) if one.pk in runs else None,
        )
        for one in found
    ]


def _stat(run: Run, summaries: Mapping[str, SeriesSummary]) -> Stat | None:
    project = run.project
    found = run_facts.metric_stats(summaries, project.main_metric, project.main_metric_direction)
    return found[0] if found else None


def address(model: RegisteredModel) -> str:
    """The model's page."""
    return reverse("model", args=[model.workspace.slug, model.name])


def version_address(version: ModelVersion) -> str:
    """The model's page with this version open."""
    return f"{address(version.model)}?version={version.number}"
