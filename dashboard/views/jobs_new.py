"""The page that submits jobs: a plain form that scripts make live."""

import uuid
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from dashboard.middleware import status_of
from dashboard.requests import SignedIn
from dashboard.scope import run_of
from dashboard.submit import choices
from dashboard.submit.job_form import JobForm, job_form
from dashboard.submit.page import page_context
from dashboard.submit.submitting import submit_once
from experiments import announcements, search
from experiments.errors import DomainError
from experiments.models import Project, Run


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: SignedIn) -> HttpResponse:
    """The form as the address asks for it; with POST, what it holds is submitted."""
    trainers, projects = announcements.trainers(), choices.projects(request.user)
    if not trainers or not projects:
        lacking = {"has_trainers": bool(trainers), "has_projects": bool(projects)}
        return render(request, "dashboard/job_new/nothing.html", lacking)
    copied = run_of(request, request.GET["from"]) if request.GET.get("from") else None
    asked = request.POST if request.method == "POST" else request.GET
    form = job_form(
        trainers, asked, defaults=choices.defaults(request.user, projects), copied=copied
    )
    error, status = None, 200
    try:
        form.check_names()
        if request.method == "POST":
            return _submitted(request, form)
        if "project" in request.GET:
            choices.project_named(request.user, form.options["project"])
    except DomainError as refused:
        error, status, form = refused, status_of(refused), form.refused(refused.fields)
    key = request.POST.get("key") or str(uuid.uuid4())
    context = page_context(request.user, trainers, form, key=key)
    context |= {"copied": copied, "error": error}
    return render(request, "dashboard/job_new/page.html", context, status=status)


def _submitted(request: SignedIn, form: JobForm) -> HttpResponse:
    body = form.body
    project = choices.project_named(request.user, body["project"])
    runs = submit_once(
        user=request.user, project=project, nonce=request.POST.get("key", ""), body=body
    )
    if len(runs) == 1:
        return HttpResponseRedirect(reverse("run", args=runs))
    return HttpResponseRedirect(_group_address(project, runs[0]))


def _group_address(project: Project, run_id: str) -> str:
    """The run table, filtered to the runs that were made together with this one."""
    group = Run.objects.values_list("group", flat=True).get(pk=run_id)
    there = reverse("project", args=[project.workspace.slug, project.slug])
    query = urlencode({"q": f"group = {search.quoted(group)}"})
    return f"{there}?{query}"
