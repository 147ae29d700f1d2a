"""The page that compares 2 to 100 runs; with fewer or more, the page that chooses them."""

from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.comparison.artifact_rows import artifact_rows
from dashboard.comparison.choices import AT_ONCE
from dashboard.comparison.curve_panels import axis_metrics, curve_panels, matching, next_panels
from dashboard.comparison.episodes_section import episodes_section
from dashboard.comparison.evaluations import Evaluated, evaluated, step_rows
from dashboard.comparison.fair import fair_of
from dashboard.comparison.fits import fit_rows
from dashboard.comparison.group_view import (
    BY_TITLES,
    by_of,
    exported_query,
    group_view,
    over_of,
    with_fields,
)
from dashboard.comparison.legend import legend_lines
from dashboard.comparison.metric_table import STATS, metric_table, metrics_csv
from dashboard.comparison.optimizers import compared_lines
from dashboard.comparison.param_tree import param_tree
from dashboard.comparison.picker import picker
from dashboard.comparison.relations import relations
from dashboard.comparison.run_names import LONG, run_names
from dashboard.comparison.selection import LEAST, MOST, Selection, selection_of
from dashboard.comparison.value_view import value_view
from dashboard.comparison.verdict_view import verdict_view
from dashboard.comparison.why_view import why_view
from dashboard.episodes.optimizer_race import race_table
from dashboard.live import render_live
from dashboard.metric_names import natural
from dashboard.requests import SignedIn
from dashboard.scope import may_edit
from experiments import access, reading
from experiments.comparing import code_across, environment, layers, params
from experiments.models import Role, User

X_AXES = (("step", "step"), ("relative", "time since its start"), ("time", "time of day"))

BANDS = (("", "every run"), ("minmax", "min to max"), ("sd", "± 1 sd"), ("t", "95 % t"),
         ("bootstrap", "95 % bootstrap"))  # fmt: skip
GROUPINGS = (("seedless", "all but the seed"), ("group", "group"))


@require_safe
def page(request: SignedIn) -> HttpResponse:
    """Everything about the runs of `?runs=a,b`, and the answer to its live refresh."""
    names = run_names(request.GET)
    if not LEAST <= len(names) <= MOST or "pick" in request.GET:
        context = picker(request, names)
        return render(request, "dashboard/compare/picker.html", context)
    selection = selection_of(request)
    asked = ",".join(request.GET.getlist("runs"))
    if len(asked) > LONG and len(selection.address) < len(asked):
        return redirect(f"{reverse('compare')}{selection.query()}")
    if "X-Live" in request.headers:
        template, context = "dashboard/compare/live.html", _live_context(selection, request.user)
    else:
        template, context = "dashboard/compare/page.html", _context(selection, request.user)
    is_live = selection.is_live or bool(context["fair"] and context["fair"].queued)
    return render_live(request, template, context, live=is_live)


@require_safe
def panels(request: SignedIn) -> HttpResponse:
    """`?group=train&after=train/loss`: the panels that follow, which the page asks for as the
    reader gets to its end."""
    selection = selection_of(request, documents=False)
    keys = reading.keys_of_any(selection.ids)
    group, after = request.GET.get("group", ""), request.GET.get("after", "")
    context = {
        "selection": selection,
        "group": next_panels(selection, keys, group, after),
        "live": selection.is_live,
    }
    return render(request, "dashboard/compare/_panels.html", context)


@require_safe
def metrics(request: SignedIn) -> HttpResponse:
    """Every number of the runs as CSV."""
    selection = selection_of(request)
    text = metrics_csv(selection, reading.series_summaries(selection.ids))
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="metrics.csv"'
    return answer


def _live_context(selection: Selection, user: User) -> dict[str, Any]:
    """What may change while runs run."""
    found = evaluated(selection)
    keys = reading.keys_of_any(selection.ids)
    stat = selection.get("stat", STATS)
    mine = access.projects_of(user, Role.MEMBER)
    return {
        "selection": selection,
        "editable": set(mine.filter(runs__in=selection.ids).values_list("pk", flat=True)),
        "here": quote(f"{reverse('compare')}{selection.query()}", safe=""),
        "keys": keys,
        "evaluated": found,
        **_verdict(selection, found, keys, user),
        "panels": curve_panels(selection, keys),
        "axis_metrics": axis_metrics(selection, keys),
        "metrics": metric_table(selection, matching(selection, keys), stat),
        "stats": STATS,
        "stat": stat,
        "protocol": _protocol(selection, found),
        "adaptation": _adaptation(selection, found),
        **_optimizers(selection, found),
        "step_rows": step_rows(selection, found),
        "fit_rows": fit_rows(selection, found),
        **episodes_section(selection, found, keys),
    }


def _verdict(
    selection: Selection, found: Evaluated, keys: Collection[str], user: User
) -> dict[str, Any]:
    """Of runs always, for their own numbers; of groups where the address or the runs ask for it."""
    by = by_of(selection)
    fair = fair_of(selection, found)
    return {
        "fair": fair,
        "may_queue": fair is not None
        and all(may_edit(user, one.compared.run.project) for one in fair.possible),
        "values": None if found.present else value_view(selection, keys, by),
        "view": verdict_view(selection, found),
        "by": by,
        "verdict_query": exported_query(selection, found),
        "by_titles": with_fields(list(BY_TITLES.items()), by),
        "groups": None if by == "run" or not found.present else group_view(selection, found, by),
    }


def _context(selection: Selection, user: User) -> dict[str, Any]:
    baseline = selection.baseline_place
    projects = {one.project_id: one.project for one in selection.runs}
    found = params.compare(selection.runs, baseline=baseline)
    live = _live_context(selection, user)
    return {
        **live,
        "project": next(iter(projects.values())) if len(projects) == 1 else None,
        "params": param_tree(selection, found),
        "legend": legend_lines(selection, found),
        "relations": relations(selection, live["keys"], found),
        "why": why_view(selection, found, live["keys"]),
        "environment": environment.compare(selection.runs, baseline=baseline),
        "models": layers.compare(selection.runs, baseline=baseline),
        "inputs": artifact_rows(selection, user),
        "differing_files": code_across.count(selection.runs),
        "metric_keys": sorted(live["keys"], key=natural) if len(live["keys"]) > AT_ONCE else [],
        "only_differing": selection.controls.get("differs") != "0",
        "most": MOST,
        "x_axes": X_AXES,
        "bands": BANDS,
        "groupings": with_fields(GROUPINGS, over_of(selection)),
    }


def _optimizers(selection: Selection, found: Evaluated) -> dict[str, Any]:
    """Learned optimizers beside hand-made ones, where any run tried these."""
    src = reverse("compare_optimizers") + selection.chart_query(evaluation=found.name)
    return {"race_table": race_table(compared_lines(selection, found)), "race_src": src}


def _adaptation(selection: Selection, found: Evaluated) -> list[tuple[str, str, str]]:
    """Title, id and address of each adaptation chart."""
    there = reverse("compare_adaptation")
    return [
        (
            found.axis.loss_title if metric == "loss" else found.axis.accuracy_title,
            f"adaptation-{metric}",
            there + selection.chart_query(evaluation=found.name, of=metric),
        )
        for metric in found.metrics
        if found.present
    ]


def _protocol(selection: Selection, found: Evaluated) -> list[Any]:
    """The compared runs that have the evaluation: the columns of the mismatch table."""
    return [one for one in selection.compared if found.by_run[one.run.pk] is not None]
