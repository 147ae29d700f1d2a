"""The page that submits jobs: a plain form that scripts make live."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from dashboard.middleware import status_of
from dashboard.requests import SignedIn
from dashboard.scope import run_of
from dashboard.submit import choices
from dashboard.submit.api_request import curl, python
from dashboard.submit.job_form import PRIORITIES, JobForm, job_form
from dashboard.submit.submitting import submit_once
from experiments import announcements
from experiments.errors import DomainError, Invalid
from experiments.models import Run


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: SignedIn) -> HttpResponse:
    """The form as the address asks for it; with POST, what it holds is submitted."""
    trainers = announcements.trainers()
    projects = choices.projects(request.user)
    if not trainers or not projects:
        context = {"has_trainers": bool(trainers), "has_projects": bool(projects)}
        return render(request, "dashboard/job_new/nothing.html", context)
    copied = run_of(request, request.GET["from"]) if request.GET.get("from") else None
    asked = request.POST if request.method == "POST" else request.GET
    form = job_form(trainers, asked, defaults=choices.defaults(projects), copied=copied)
    if request.method == "POST":
        try:
            return _submitted(request, form)
        except DomainError as error:
            return _shown(request, form.refused(error.fields), copied, error)
    return _shown(request, form, copied, None)


def _submitted(request: SignedIn, form: JobForm) -> HttpResponse:
    body = form.body
    project = choices.project_named(request.user, body["project"])
    runs = submit_once(
        user=request.user, project=project, nonce=request.POST.get("key", ""), body=body
    )
    if len(runs) == 1:
        return HttpResponseRedirect(reverse("run", args=runs))
    group = Run.objects.values_list("group", flat=True).get(pk=runs[0])
    quoted = group.replace("\\", "\\\\").replace('"', '\\"')
    there = reverse("project", args=[project.workspace.slug, project.slug])
    query = urlencode({"q": f'group = "{quoted}"'})
    return HttpResponseRedirect(f"{there}?{query}")


def _shown(
    request: SignedIn, form: JobForm, copied: Run | None, error: DomainError | None
) -> HttpResponse:
    key = request.POST.get("key") or str(uuid.uuid4())
    trainers = announcements.trainers()
    context = {
        "form": form,
        "copied": copied,
        "error": error,
        "key": key,
        "algorithms": choices.algorithms(trainers, form.algorithm),
        "sources": choices.sources(trainers[form.algorithm], form.source),
        "presets": choices.presets(trainers[form.algorithm]),
        "projects": choices.projects(request.user),
        "queues": choices.queues(request.user, form.options["queue"]),
        "priorities": [(str(value), title) for value, title in PRIORITIES],
        "samples": choices.samples(form.source),
        "meta": {"algorithm": form.algorithm, "fixed": form.spec_fields.fixed, "key": key},
        **_request_text(form, key),
    }
    status = 200 if error is None else status_of(error)
    return render(request, "dashboard/job_new/page.html", context, status=status)


def _request_text(form: JobForm, key: str) -> dict[str, Any]:
    """The request as text; why there is none while the form cannot be sent."""
    try:
        body = form.body
    except Invalid as error:
        return {"curl": error.message, "python": error.message, "count": 0}
    return {"curl": curl(body, key), "python": python(body, key), "count": len(body["seeds"])}
