"""What people do to registered models: register, describe, tag, alias, stage, delete, download."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import model_rows, stored_files
from dashboard.requests import SignedIn
from dashboard.views.models import model_of, version_of
from experiments import access
from experiments.errors import DomainError, Invalid, NotFound
from experiments.mlflow import registering
from experiments.mlflow.registering import MadeOf
from experiments.models import (
    ArtifactVersion,
    LoggedModel,
    Manifest,
    ModelVersion,
    Project,
    RegisteredModel,
    Role,
    Run,
)
from experiments.registry import catalog, origins, versions

Subject = RegisteredModel | ModelVersion


def _editable(request: SignedIn, workspace: str, name: str) -> RegisteredModel:
    """The model, for a reader who may change it. Raises Denied for viewers."""
    model = model_of(request, workspace, name)
    access.require(request.user, model.workspace, Role.MEMBER)
    return model


def _subject(request: SignedIn, model: RegisteredModel) -> Subject:
    """The version that the form names, else the model."""
    number = request.POST.get("version", "")
    return version_of(model, number) if number else model


def _back(subject: Subject) -> HttpResponse:
    if isinstance(subject, ModelVersion):
        return redirect(model_rows.version_address(subject))
    return redirect(model_rows.address(subject))


@require_POST
def describe(request: SignedIn, workspace: str, name: str) -> HttpResponse:
    """Replaces the description of the model, or of `version`."""
    subject = _subject(request, _editable(request, workspace, name))
    catalog.edit(subject, description=request.POST.get("description", "").replace("\r\n", "\n"))
    messages.success(request, "The description is saved.")
    return _back(subject)


@require_POST
def tag(request: SignedIn, workspace: str, name: str) -> HttpResponse:
    """Writes a tag of the model, or of `version`; with `remove=1` removes it."""
    subject = _subject(request, _editable(request, workspace, name))
    key, value = request.POST.get("key", "").strip(), request.POST.get("value", "").strip()
    removes = request.POST.get("remove") == "1"
    catalog.edit(subject, tags={key: None if removes else value})
    messages.success(request, f"The tag {key} is {'removed' if removes else 'set'}.")
    return _back(subject)


@require_POST
def alias(request: SignedIn, workspace: str, name: str) -> HttpResponse:
    """Points `alias` to `version`, or with `remove=1` removes it."""
    model = _editable(request, workspace, name)
    version = version_of(model, request.POST.get("version", ""))
    wanted = request.POST.get("alias", "").strip().removeprefix("@")
    if request.POST.get("remove") == "1":
        versions.delete_alias(model, wanted)
        messages.success(request, f"The alias {wanted} is removed.")
    else:
        versions.set_alias(version, wanted)
        messages.success(request, f"{wanted} is version {version.number} now.")
    return _back(version)


@require_POST
def stage(request: SignedIn, workspace: str, name: str) -> HttpResponse:
    """Moves `version` to `stage`, and with `archive_others=1` those that were there away."""
    model = _editable(request, workspace, name)
    version = version_of(model, request.POST.get("version", ""))
    wanted = versions.stage_of(request.POST.get("stage", ""))
    served = (ModelVersion.Stage.STAGING, ModelVersion.Stage.PRODUCTION)
    others = request.POST.get("archive_others") == "1" and wanted in served
    versions.move_to_stage(version, wanted, archive_others=others)
    messages.success(request, f"Version {version.number} is in stage {wanted} now.")
    return _back(version)


@require_POST
def delete(request: SignedIn, workspace: str, name: str) -> HttpResponse:
    """Deletes `version`, or the model with all its versions."""
    subject = _subject(request, _editable(request, workspace, name))
    if isinstance(subject, ModelVersion):
        versions.delete(subject)
        messages.success(request, f"Version {subject.number} is deleted.")
        return redirect(model_rows.address(subject.model))
    catalog.delete(subject)
    messages.success(request, f"{subject.name} is deleted.")
    return redirect("models")


@require_safe
def content(request: SignedIn, workspace: str, name: str, number: int) -> HttpResponseBase:
    """One file of a version as a download; a Range header asks for a part of it."""
    tree, path = _file(request, workspace, name, number)
    return stored_files.send(request, tree, path)


@require_safe
def picture(request: SignedIn, workspace: str, name: str, number: int) -> HttpResponse:
    """One file of a version as a picture."""
    return stored_files.picture(*_file(request, workspace, name, number))


def _file(request: SignedIn, workspace: str, name: str, number: int) -> tuple[Manifest | None, str]:
    version = version_of(model_of(request, workspace, name), str(number))
    tree, folder = origins.files_of(version, origins.shut_projects(request.user))
    return tree, "/".join(filter(None, (folder, request.GET.get("path", ""))))


@require_http_methods(["GET", "POST"])
def register(request: SignedIn) -> HttpResponse:
    """The form that registers what its address names: `?artifact_version=`, `?logged_model=` or
    `?run=` with `&path=`; its errors stand above it."""
    asked = request.POST if request.method == "POST" else request.GET
    subject, project, made_of = _made_of(request, asked)
    access.require(request.user, project.workspace, Role.MEMBER)
    error: DomainError | None = None
    if request.method == "POST":
        try:
            version, is_new = _register(request, project, made_of)
        except DomainError as refused:
            error = refused
        else:
            done = "registered" if is_new else "registered already"
            messages.success(request, f"It is {done}, as version {version.number}.")
            return redirect(model_rows.version_address(version))
    known = RegisteredModel.objects.filter(workspace=project.workspace).order_by("name")
    context = {
        "subject": subject,
        "project": project,
        "made_of": made_of,
        "error": error,
        "names": list(known.values_list("name", flat=True)[:500]),
        "values": asked,
    }
    return render(request, "dashboard/model_register.html", context, status=400 if error else 200)


@transaction.atomic
def _register(request: SignedIn, project: Project, made_of: MadeOf) -> tuple[ModelVersion, bool]:
    name = request.POST.get("name", "").strip()
    found = RegisteredModel.objects.filter(workspace=project.workspace, name=name).first()
    model = found or catalog.create(project.workspace, name=name)
    return registering.register(
        model,
        access.projects_of(request.user),
        made_of,
        description=request.POST.get("description", "").replace("\r\n", "\n"),
        aliases=request.POST.get("aliases", "").replace(",", " ").split(),
        user=request.user,
    )


def _made_of(request: SignedIn, asked: Any) -> tuple[str, Project, MadeOf]:
    """How the page names it, where it is, and what it is. Raises NotFound for what is not the
    reader's to see."""
    mine = Project.objects.visible_to(request.user).select_related("workspace")
    number = asked.get("artifact_version", "")
    if number:
        artifacts = ArtifactVersion.objects.select_related("artifact__project__workspace")
        pk = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
        version = artifacts.filter(pk=pk, artifact__project__in=mine).first()
        if version is not None:
            artifact = version.artifact
            name = f"{artifact.name}:{version.number}"
            return name, artifact.project, MadeOf(artifact_version=version.pk)
    elif model_id := asked.get("logged_model", ""):
        models = LoggedModel.objects.select_related("project__workspace")
        logged = models.filter(pk=model_id, project__in=mine, deleted_at=None).first()
        if logged is not None:
            return logged.name, logged.project, MadeOf(logged_model=logged.pk)
    elif run_id := asked.get("run", ""):
        runs = Run.objects.select_related("project__workspace")
        run = runs.filter(pk=run_id, project__in=mine).first()
        if run is not None:
            path = asked.get("path", "").strip("/")
            made_of = MadeOf(run=run.pk, path=path)
            return f"{run.name}/{path}".rstrip("/"), run.project, made_of
    else:
        raise Invalid("Choose what to register: on the page of a run or of an artifact.")
    raise NotFound("There is no such thing to register, or it is not yours to see.")
