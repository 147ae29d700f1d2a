"""The page of one run: header, progress, and one tab of evidence at a time."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from dashboard import panels, run_facts, run_models, version_rows
from dashboard.charts.sinusoid_fits import sinusoid_fits
from dashboard.code_view import CodeView
from dashboard.comment_rows import comment_rows
from dashboard.comparison.selection import alone
from dashboard.debugging.tab import debugging_tab
from dashboard.episodes.tab import adaptation_tab
from dashboard.file_tree import FileTree, Place
from dashboard.live import render_live
from dashboard.media.section import media_section
from dashboard.named_texts import NamedTexts
from dashboard.progress import progress_of
from dashboard.requests import SignedIn
from dashboard.run_list import run_list
from dashboard.scope import may_edit, may_register, run_of
from dashboard.views.run_console import MOST_CHARACTERS, MOST_LINES
from experiments import access, alerts, model_layers, queue, reading
from experiments.models import Evaluation, Run, RunStatus
from experiments.shapes import SeriesSummary

CONSOLE_LINES = 400
SPEC_LINES = 16
FEW = 5  # models and datasets beside the curves; all are on their tab
MOST_ALERTS = 5  # the latest; the others are among the files
MOST_REWINDS = 100  # the latest
MOST_GROUP_NAMES = 200  # to choose from
MOST_NUMBERS = 200  # rows of metrics in numbers
SMOOTH_CHOICES = (("", "off"), ("0.6", "0.6"), ("0.9", "0.9"), ("0.97", "0.97"))
X_CHOICES = (("", "step"), ("relative", "minutes"), ("time", "clock"))
RETRYABLE = (RunStatus.FAILED, RunStatus.CANCELLED)

TABS = (
    ("overview", "Overview"),
    ("charts", "Charts"),
    ("adaptation", "Adaptation"),
    ("debug", "Debug"),
    ("media", "Media"),
    ("console", "Console"),
    ("params", "Params"),
    ("files", "Files"),
    ("code", "Code"),
    ("environment", "Environment"),
    ("history", "History"),
)


@require_safe
def page(request: SignedIn, run_id: str) -> HttpResponse:
    """The page, and the answer to its live refresh."""
    run = run_of(request, run_id)
    wanted = request.GET.get("tab", "overview")
    tab = wanted if wanted in dict(TABS) else "overview"
    context = _header(request, run)
    context |= {"tab": tab, **_CONTEXTS[tab](request, run, context)}
    return render_live(request, "dashboard/run.html", context, live=not run.is_finished)


def _header(request: SignedIn, run: Run) -> dict[str, Any]:
    attempts = run_facts.attempts_of(run)
    checkpoint = queue.latest_checkpoint(run.pk)
    progress = progress_of(run, attempts[-1] if attempts else None)
    summaries = run_facts.summaries_of(run)
    job = run_facts.job_of(run)
    total = progress.total if progress else None
    return {
        "run": run,
        "project": run.project,
        "job": job,
        "editable": may_edit(request.user, run.project),
        "trash_days": settings.TRASH_DAYS,
        "tags": run.labels,
        "texts": NamedTexts(run, request.user),
        "group_names": reading.group_names(run.project)[:MOST_GROUP_NAMES],
        "child_count": run.children.filter(deleted_at=None).count(),
        "rewinds": list(run.rewinds.order_by("-pk")[:MOST_REWINDS]),
        "alerts": alerts.of_run(run, limit=MOST_ALERTS),
        "comments": comment_rows(run, request.user, access.role_in(request.user, run.project)),
        "comment_metrics": list(summaries)[:MOST_NUMBERS],
        "progress": progress,
        "checkpoint": checkpoint,
        "checkpoint_percent": 100 * checkpoint.step / total if checkpoint and total else None,
        "attempts": attempts,
        "summaries": summaries,
        "tabs": _tabs(run, len(summaries), len(attempts)),
        "can_retry": job is not None and job.status in RETRYABLE,
    }


def _tabs(run: Run, metrics: int, attempts: int) -> list[tuple[str, str, int]]:
    counts = {
        "charts": metrics,
        "history": attempts,
        "params": len(run_facts.flat_params(run)),
        "files": run_facts.count_files(run),
    }
    return [(name, title, counts.get(name, 0)) for name, title in TABS]


def _overview(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    evaluation = run_facts.latest_evaluation(run)
    project = run.project
    if evaluation is not None:
        stats = run_facts.evaluation_stats(evaluation)
    else:
        stats = run_facts.metric_stats(
            header["summaries"], project.main_metric, project.main_metric_direction
        )
    groups = panels.panel_groups(header["summaries"].values())
    return {
        "evaluation": evaluation,
        "stats": stats,
        "panels": _with_src(run, panels.overview(groups, project.main_metric)),
        "fits": _fits(run, evaluation),
        "spec": run_facts.flat_params(run)[:SPEC_LINES],
        **_children(run, header["child_count"]),
        "models": run_models.models_of(run, request.user)[:FEW],
        "datasets": run_models.datasets_of(run)[:FEW],
        **_console(request, run, header),
    }


def _children(run: Run, count: int) -> dict[str, Any]:
    """The table of its child runs, where there are any."""
    if not count:
        return {}
    filters = f"parent = {run.pk}"
    table = reverse("project", args=[run.project.workspace.slug, run.project.slug])
    return {
        "children": run_list(run.project, filters),
        "children_href": f"{table}?{urlencode({'q': filters})}",
    }


def _with_src(run: Run, found: Any) -> list[tuple[panels.Panel, str]]:
    return [(panel, panel.src(run.pk)) for panel in found]


def _charts(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    found = _matching(request, header["summaries"])
    folded = request.GET.get("folds", "").split(",")
    groups = panels.shown_groups(panels.panel_groups(found), folded)
    return {
        "smooth_choices": SMOOTH_CHOICES,
        "x_choices": X_CHOICES,
        "found": len(found),
        "groups": [(group, _with_src(run, group.panels)) for group in groups],
        "numbers": found[:MOST_NUMBERS],
    }


def _matching(request: SignedIn, summaries: Mapping[str, SeriesSummary]) -> list[SeriesSummary]:
    """The metrics that the search of the page finds."""
    wanted = request.GET.get("metrics", "").strip().lower()
    return [one for key, one in summaries.items() if wanted in key.lower()]


@require_safe
def more_panels(request: SignedIn, run_id: str) -> HttpResponse:
    """`?group=train&after=train/loss&metrics=`: the panels of the charts tab that follow, which the
    page asks for as the reader gets to its end."""
    run = run_of(request, run_id)
    found = panels.panel_groups(_matching(request, run_facts.summaries_of(run)))
    asked = request.GET.get("group", ""), request.GET.get("after", "")
    group = panels.next_panels(found, *asked)
    context = {"run": run, "group": group, "panels": _with_src(run, group.panels)}
    context["live"] = not run.is_finished
    return render(request, "dashboard/run/_panels.html", context)


def _adaptation(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    evaluations = list(run.evaluations.defer(*run_facts.BLOBS).order_by("name", "-step"))
    wanted = request.GET.get("evaluation")
    latest = run_facts.latest_evaluation(run)
    chosen = next((one for one in evaluations if one.pk == wanted), latest)
    return {
        "evaluations": evaluations,
        "evaluation": chosen,
        "stats": run_facts.evaluation_stats(chosen) if chosen else [],
        "fits": _fits(run, chosen),
        **adaptation_tab(request, run, chosen),
    }


def _debug(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    return debugging_tab(request, run, header["summaries"])


def _fits(run: Run, evaluation: Evaluation | None) -> list[tuple[str, str]]:
    """Title and source of each illustrated episode of an evaluation."""
    if evaluation is None:
        return []
    base = f"{reverse('run_fit', args=[run.pk])}?evaluation={evaluation.pk}"
    fits = sinusoid_fits(evaluation.illustration)
    return [
        (f"{evaluation.name} episode {fit.episode_id}", f"{base}&episode={place}")
        for place, fit in enumerate(fits)
    ]


def _media(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    selection = alone(request, run, {"tab": "media"})
    return {"selection": selection, "media": media_section(selection)}


def _console(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    """The last lines; with `?find=`, the first of all lines that hold it."""
    find = request.GET.get("find", "")[:MOST_CHARACTERS]
    if find:
        found = reading.log_lines(run.pk, limit=MOST_LINES, contains=find)
    else:
        found = reading.log_lines(run.pk, after=-CONSOLE_LINES, limit=CONSOLE_LINES)
    return {"console": found, "find": find, "most_characters": MOST_CHARACTERS}


def _params(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    return {
        "params": run_facts.tree_rows(run.params),
        "summary": run_facts.tree_rows(run.summary),
    }


def _files(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    """The run's files, or with `?model=` those of a model."""
    model = None
    if model_id := request.GET.get("model", ""):
        model = run_models.model_of(run, model_id, request.user)
        words = [run.pk, model.pk]
        content, picture = (reverse(f"run_model_{name}", args=words) for name in _BYTES)
        place = run_models.place_of(model, content, picture)
    else:
        content, picture = (reverse(f"run_file_{name}", args=[run.pk]) for name in _BYTES)
        place = Place("?tab=files", content, picture)
    tree = model.files if model else run.files
    return {
        "used": version_rows.used_by(run, request.user),
        "registers": may_register(request.user, run.project.workspace),
        "models": run_models.models_of(run, request.user),
        "datasets": run_models.datasets_of(run),
        "model": model,
        "tree": FileTree.of(tree, request.GET.get("path", ""), place),
        "root": place.page,
    }


_BYTES = ("content", "picture")


def _code(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    return {"code": CodeView.of(run.snapshot, request.GET.get("path", ""))}


def _environment(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    return {
        "environment": run_facts.tree_rows(run.environment),
        "made_of": model_layers.of_run(run),
    }


def _history(request: SignedIn, run: Run, header: dict[str, Any]) -> dict[str, Any]:
    return {
        "checkpoints": run.checkpoints.select_related("blob").order_by("-step")[:50],
        "evaluations": run.evaluations.defer(*run_facts.BLOBS).order_by("-step", "name"),
    }


_CONTEXTS = {
    "overview": _overview,
    "charts": _charts,
    "adaptation": _adaptation,
    "debug": _debug,
    "media": _media,
    "console": _console,
    "params": _params,
    "files": _files,
    "code": _code,
    "environment": _environment,
    "history": _history,
}
