"""The groups of a project: all of them in numbers, and the runs of one."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from dashboard.home_facts import STATUS_ORDER
from dashboard.live import render_live
from dashboard.measured import measured
from dashboard.requests import SignedIn
from dashboard.run_facts import Stat
from dashboard.run_list import run_list, spoken_for
from dashboard.scope import may_edit, project_of
from experiments import reading, search
from experiments.errors import NotFound
from experiments.models.runs import ACTIVE
from experiments.shapes import GroupSummary


@require_safe
def listed(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """Every group with how its runs stand and what they came to."""
    found = project_of(request, workspace, project)
    metric, _ = spoken_for(found, reading.run_columns(found).metrics)
    groups = reading.group_summaries(found, metric)
    context = {
        "project": found,
        "metric": metric,
        "rows": [(one, _statuses(one), _mean(one)) for one in groups],
        "most": reading.MOST_GROUPS,
        "editable": may_edit(request.user, found),
    }
    return render(request, "dashboard/groups.html", context)


@require_safe
def page(request: SignedIn, workspace: str, project: str, name: str) -> HttpResponse:
    """The runs of one group, the best first, and their mean."""
    found = project_of(request, workspace, project)
    metric, _ = spoken_for(found, reading.run_columns(found).metrics)
    group = next(iter(reading.group_summaries(found, metric, name=name)), None)
    if group is None:
        raise NotFound(f"No run of {found.slug} that is listed is in a group {name[:100]!r}.")
    filters = f"group = {search.quoted(name)}"
    table = reverse("project", args=[workspace, project])
    context = {
        "project": found,
        "group": group,
        "statuses": _statuses(group),
        "stats": _stats(group, metric),
        "list": run_list(found, filters),
        "table_href": f"{table}?{urlencode({'q': filters})}",
    }
    live = any(group.statuses.get(status) for status in ACTIVE)
    return render_live(request, "dashboard/group.html", context, live=live)


def _statuses(group: GroupSummary) -> list[tuple[str, int]]:
    return [(one, group.statuses[one]) for one in STATUS_ORDER if one in group.statuses]


def _mean(group: GroupSummary) -> Any:
    return measured(group.mean, group.sd) if group.count else None


def _stats(group: GroupSummary, metric: str | None) -> list[Stat]:
    if metric is None or not (group.count or group.nonfinite):
        return []
    under = f"mean ± standard deviation of the last values, N = {group.count} of {group.runs} runs"
    if group.nonfinite:
        under += f"; {group.nonfinite} ended in NaN or infinity"
    return [Stat(metric, measured(group.mean, group.sd), under)]
