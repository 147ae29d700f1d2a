"""Behind the verdict: its episodes as a table and as CSV, and the evaluations that make it fair."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from dashboard.comparison.episode_table import episode_table, episodes_csv
from dashboard.comparison.evaluations import evaluated
from dashboard.comparison.fair import fair_of
from dashboard.comparison.group_view import exported_query
from dashboard.comparison.selection import run_ids, selection_of
from dashboard.requests import SignedIn
from dashboard.scope import number_in
from experiments import access, lifecycle
from experiments.errors import Conflict, Invalid
from experiments.models import Role

ROWS = 100
FARTHEST = 10_000_000


@require_safe
def episodes(request: SignedIn) -> HttpResponse:
    """Every episode of the compared runs, those that differ most first."""
    selection = selection_of(request)
    found = evaluated(selection)
    table = episode_table(selection, found)
    offset = number_in(request, "offset", default=0, least=0, most=FARTHEST)
    last = offset + ROWS
    context = {
        "selection": selection,
        "evaluated": found,
        "verdict_query": exported_query(selection, found),
        "columns": table.columns,
        "rows": table.rows[offset:last],
        "total": len(table.rows),
        "first": offset + 1,
        "last": min(last, len(table.rows)),
        "previous": max(0, offset - ROWS) if offset else None,
        "next": last if last < len(table.rows) else None,
    }
    return render(request, "dashboard/compare/episodes.html", context)


@require_safe
def episodes_as_csv(request: SignedIn) -> HttpResponse:
    """The same as CSV, all of it."""
    selection = selection_of(request)
    text = episodes_csv(episode_table(selection, evaluated(selection)))
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="episodes.csv"'
    return answer


@require_POST
def make_fair(request: SignedIn) -> HttpResponse:
    """Queues the evaluations that the runs lack of the baseline's, all or none."""
    if not run_ids(request.POST):
        raise Invalid("runs: Name the runs.", fields={"runs": ["Name the runs."]})
    selection = selection_of(request, request.POST)
    found = evaluated(selection)
    fair = fair_of(selection, found)
    chosen = fair.possible if fair else ()
    if not chosen:
        raise Conflict("There is nothing to queue: no run lacks an evaluation it could have.")
    for one in chosen:
        access.require(request.user, one.compared.run.project, Role.MEMBER)
    like = found.by_run[selection.baseline.run.pk]
    with transaction.atomic():
        for one in chosen:
            lifecycle.submit_evaluation(one.compared.run, user=request.user, like=like)
    count = len(chosen)
    said = "1 evaluation is" if count == 1 else f"{count} evaluations are"
    messages.success(request, f"{said} queued; the verdict shows them when they are done.")
    return HttpResponseRedirect(f"{reverse('compare')}{selection.query()}#verdict")
