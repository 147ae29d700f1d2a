"""What people do to runs: cancel, tag, group, write notes, archive; to many at once, delete too."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard.middleware import wants_json
from dashboard.requests import SignedIn
from dashboard.scope import editable_run, project_of
from dashboard.table_state import TableState
from dashboard.views.run_color import color_in
from experiments import access, lifecycle, reading
from experiments.errors import Conflict, Invalid, NotFound
from experiments.models import Project, Role, Run

MOST_AT_ONCE = 500


@require_POST
def cancel(request: SignedIn, run_id: str) -> HttpResponse:
    """Asks the run to stop."""
    run = lifecycle.cancel_run(editable_run(request, run_id))
    stopped = "is cancelled" if run.is_finished else "is asked to stop; its points are kept"
    messages.success(request, f"{run.name} {stopped}.")
    return redirect("run", run.pk)


@require_POST
def tags(request: SignedIn, run_id: str) -> HttpResponse:
    """Replaces the tags by the comma-separated ones sent."""
    run = editable_run(request, run_id)
    lifecycle.set_tags(run, _words(request.POST.get("tags", "")))
    return redirect("run", run.pk)


@require_POST
def notes(request: SignedIn, run_id: str) -> HttpResponse:
    """Replaces the notes."""
    run = editable_run(request, run_id)
    lifecycle.set_notes(run, request.POST.get("notes", ""))
    return redirect("run", run.pk)


@require_POST
def group(request: SignedIn, run_id: str) -> HttpResponse:
    """Puts the run into the group sent; an empty name takes it out of any."""
    run = editable_run(request, run_id)
    lifecycle.edit_run(run, group=request.POST.get("group", ""))
    return redirect("run", run.pk)


@require_POST
def archive(request: SignedIn, run_id: str) -> HttpResponse:
    """Hides the run from lists, or with `undo=1` shows it again."""
    run = editable_run(request, run_id)
    if request.POST.get("undo") == "1":
        lifecycle.unarchive(run)
    else:
        lifecycle.archive(run)
    return redirect("run", run.pk)


@require_POST
def many(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """Does `action` to the runs `run=ID&run=ID` of one project, or with `of=matching` to all that
    the table at this address's query finds.

    Actions: tag, untag, group, color, cancel, archive, unarchive, trash, restore. All or none,
    every run being checked before the first changes; but for `cancel`, which leaves runs that have
    ended as they are, and for all that match (`lifecycle.many`). `done` says how many it changed.
    """
    found = project_of(request, workspace, project)
    access.require(request.user, found, Role.MEMBER)
    if request.POST.get("of") == "matching":
        return _changed(request, found, _do_to_matching(request, found))
    ids = list(dict.fromkeys(request.POST.getlist("run")))
    if not 1 <= len(ids) <= MOST_AT_ONCE:
        problem = f"Select 1 to {MOST_AT_ONCE} runs."
        raise Invalid(problem, fields={"run": [problem]})
    runs = list(found.runs.filter(pk__in=ids).select_related("job"))
    if len(runs) != len(ids):
        raise NotFound("One of the selected runs is not in this project any more. Reload the page.")
    return _changed(request, found, _do(request, runs))


def _changed(request: SignedIn, project: Project, done: int) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"done": done})
    messages.success(request, f"{done:,} {'run' if done == 1 else 'runs'} changed.")
    return redirect("project", project.workspace.slug, project.slug)


def _do_to_matching(request: SignedIn, project: Project) -> int:
    """To all runs that the filter finds, on whatever page; Conflict if they are more than the
    `expected` ones that the reader was asked about."""
    state, sent = TableState.of(request), request.POST
    ids = reading.found_run_ids(
        project, filters=state.filters, sort="created", descending=False, archived=state.archived
    )
    expected = sent.get("expected", "")
    if not expected.isascii() or not expected.isdigit() or len(ids) > int(expected[:9]):
        raise Conflict(
            f"{len(ids):,} runs match by now. Look at them again, then repeat it.",
            code="more_match",
        )
    match sent.get("action", ""):
        case "tag":
            return lifecycle.tag_many(project, ids, _words(sent.get("tags", "")))
        case "untag":
            return lifecycle.untag_many(project, ids, _words(sent.get("tags", "")))
        case "group":
            return lifecycle.group_many(project, ids, sent.get("group", ""))
        case "color":
            return lifecycle.color_many(project, ids, color_in(sent.get("color", "")))
        case "archive":
            return lifecycle.archive_many(project, ids)
        case "unarchive":
            return lifecycle.unarchive_many(project, ids)
        case "trash":
            return lifecycle.trash_many(project, ids)
    problem = "Choose tag, untag, group, color, archive, unarchive or trash."
    raise Invalid(problem, fields={"action": [problem]})


@transaction.atomic
def _do(request: SignedIn, runs: list[Run]) -> int:
    action = request.POST.get("action", "")
    if action == "tag":
        added = _words(request.POST.get("tags", ""))
        for run in runs:
            lifecycle.set_tags(run, list(dict.fromkeys([*run.labels, *added])))
    elif action == "untag":
        removed = set(_words(request.POST.get("tags", "")))
        for run in runs:
            lifecycle.set_tags(run, [tag for tag in run.labels if tag not in removed])
    elif action == "group":
        for run in runs:
            lifecycle.edit_run(run, group=request.POST.get("group", ""))
    elif action == "color":
        chosen = color_in(request.POST.get("color", ""))
        for run in runs:
            lifecycle.edit_run(run, color=chosen)
    elif action == "cancel":
        return _cancel(runs)
    elif action == "archive":
        _refuse_active(runs)
        for run in runs:
            lifecycle.archive(run)
    elif action == "unarchive":
        for run in runs:
            lifecycle.unarchive(run)
    elif action == "trash":
        _refuse_active([run for run in runs if hasattr(run, "job")])
        for run in runs:
            lifecycle.trash(run)
    elif action == "restore":
        for run in runs:
            lifecycle.restore(run)
    else:
        problem = "Choose tag, untag, group, color, cancel, archive, unarchive, trash or restore."
        raise Invalid(problem, fields={"action": [problem]})
    return len(runs)


def _cancel(runs: list[Run]) -> int:
    active = [run for run in runs if not run.is_finished]
    if not active:
        raise Invalid("Every run selected has ended: there is nothing to cancel.")
    stopped = 0
    for run in active:
        try:
            lifecycle.cancel_run(run)
        except Conflict:  # it ended by itself a moment ago
            continue
        stopped += 1
    return stopped


def _refuse_active(runs: list[Run]) -> None:
    active = [run.name for run in runs if not run.is_finished]
    if active:
        names = ", ".join(active[:5])
        raise Invalid(f"Still queued or running: {names}. Cancel these first, or unselect them.")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
