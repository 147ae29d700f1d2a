"""Artifacts of a project: the list, one with its versions, its aliases, and its bytes."""

from typing import Any

from django.contrib import messages
from django.db.models import F, OuterRef, Prefetch, QuerySet, Subquery
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from dashboard import run_facts, stored_files, version_rows
from dashboard.file_tree import FileTree, Place
from dashboard.lineage_view import BOX_HEIGHT, BOX_WIDTH, LineageView
from dashboard.paging import Page
from dashboard.requests import SignedIn
from dashboard.scope import may_edit, may_register, project_of
from experiments import access, retention
from experiments import artifacts as domain
from experiments.comparing import trees
from experiments.errors import Invalid, NotFound
from experiments.models import (
    Artifact,
    ArtifactAlias,
    ArtifactKind,
    ArtifactVersion,
    Project,
    Role,
)

LONGEST_NAME = 200
MOST_KEPT = 1_000_000


@require_safe
def listed(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """The artifacts of a project, those of `?kind=` whose name holds `?name=`."""
    found = project_of(request, workspace, project)
    kind, name = request.GET.get("kind", ""), request.GET.get("name", "")[:LONGEST_NAME].strip()
    page = Page.of(request, _filtered(found, kind, name))
    newest = version_rows.versions().filter(pk__in=[one.newest for one in page.rows])  # type: ignore[attr-defined]
    by_artifact = {
        row.version.artifact_id: row for row in version_rows.rows_of(list(newest), request.user)
    }
    context = {
        "project": found,
        "page": page,
        "rows": [(one, by_artifact.get(one.pk)) for one in page.rows],
        "kind": kind if kind in ArtifactKind.values else "",
        "kinds": ["", *ArtifactKind.values],
        "name": name,
    }
    return render(request, "dashboard/artifacts.html", context)


def _filtered(project: Project, kind: str, name: str) -> QuerySet[Artifact]:
    newest = ArtifactVersion.objects.filter(artifact=OuterRef("pk")).order_by("-number")
    rows = Artifact.objects.filter(project=project)
    if kind in ArtifactKind.values:
        rows = rows.filter(kind=kind)
    if name:
        rows = rows.filter(name__icontains=name)
    aliases = ArtifactAlias.objects.select_related("version").order_by("name")
    return (
        rows.annotate(newest=Subquery(newest.values("pk")[:1]))
        .order_by(F("newest").desc(nulls_last=True), "name")
        .prefetch_related(Prefetch("aliases", queryset=aliases))
    )


@require_safe
def page(request: SignedIn, workspace: str, project: str, name: str) -> HttpResponse:
    """One artifact: `?version=` is open, with `?path=` of its files, and differs from `?with=`."""
    artifact = _artifact_of(request, workspace, project, name)
    found = version_rows.versions().filter(artifact=artifact).order_by("-number")
    versions = Page.of(request, found)
    context: dict[str, Any] = {
        "project": artifact.project,
        "artifact": artifact,
        "versions": versions,
        "rows": version_rows.rows_of(versions.rows, request.user),
        "editable": may_edit(request.user, artifact.project),
        "registers": may_register(request.user, artifact.project.workspace),
        "longest_days": retention.LONGEST_DAYS,
    }
    if versions.total:
        context |= _chosen(request, artifact)
    return render(request, "dashboard/artifact.html", context)


def _chosen(request: SignedIn, artifact: Artifact) -> dict[str, Any]:
    """What the page shows of the version that its address chooses; of the newest if it does not."""
    project = artifact.project
    asked = request.GET.get("version") or domain.LATEST
    version = domain.resolve(project, artifact.name, asked)
    other = request.GET.get("with", "")
    old = domain.resolve(project, artifact.name, other) if other else None
    at = [project.workspace.slug, project.slug, artifact.name, version.number]
    place = Place(
        f"?version={version.number}",
        reverse("artifact_content", args=at),
        reverse("artifact_picture", args=at),
    )
    return {
        "version": version,
        "chosen": version_rows.rows_of([version], request.user)[0],
        "tree": FileTree.of(version.files, request.GET.get("path", ""), place),
        "root": place.page,
        "metadata": run_facts.tree_rows(version.metadata),
        "lineage": LineageView.of(version, request.user),
        "box": {"width": BOX_WIDTH, "height": BOX_HEIGHT},
        "old": old,
        "diff": trees.compare(old.files, version.files) if old else None,
        "aliases": list(artifact.aliases.order_by("name").values_list("name", flat=True)),
        "registrations": list(version.registrations.select_related("model__workspace")),
    }


def _artifact_of(request: SignedIn, workspace: str, project: str, name: str) -> Artifact:
    found = project_of(request, workspace, project)
    artifact = Artifact.objects.filter(project=found, name=name).first()
    if artifact is None:
        raise NotFound(f"There is no artifact {name[:200]} in {workspace}/{project}.")
    artifact.project = found
    return artifact


@require_POST
def alias(request: SignedIn, workspace: str, project: str, name: str) -> HttpResponse:
    """Points `alias` to `version`, or with `remove=1` removes it."""
    artifact = _artifact_of(request, workspace, project, name)
    access.require(request.user, artifact.project, Role.MEMBER)
    wanted = request.POST.get("alias", "").strip()
    version = domain.resolve(artifact.project, name, request.POST.get("version", ""))
    if request.POST.get("remove") == "1":
        domain.remove_alias(artifact, wanted)
        messages.success(request, f"The alias {wanted} is removed.")
    else:
        domain.set_alias(version, wanted)
        messages.success(request, f"{wanted} is version {version.number} now.")
    return redirect(version_rows.address(version))


@require_POST
def keep(request: SignedIn, workspace: str, project: str, name: str) -> HttpResponse:
    """Says how many versions are kept, and for how many days: an empty field keeps all."""
    artifact = _artifact_of(request, workspace, project, name)
    access.require(request.user, artifact.project, Role.MEMBER)
    before = artifact.versions.count()
    retention.edit(
        artifact,
        keep_versions=_whole(request, "keep_versions", MOST_KEPT),
        keep_days=_whole(request, "keep_days", retention.LONGEST_DAYS),
    )
    erased = before - artifact.versions.count()
    gone = f" {erased} went at once." if erased else ""
    messages.success(request, f"The rules are kept.{gone}")
    return redirect("artifact", workspace, project, name)


def _whole(request: SignedIn, name: str, most: int) -> int:
    """A number of the form; 0 for an empty field. Raises Invalid."""
    text = request.POST.get(name, "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most):
        message = f"Use a whole number up to {most:,}, or nothing to keep all."
        raise Invalid(f"{name} is {text[:40]!r}. {message}", fields={name: [message]})
    return int(text)


@require_POST
def pin(request: SignedIn, workspace: str, project: str, name: str) -> HttpResponse:
    """Pins `version`, or with `pinned=0` no longer."""
    artifact = _artifact_of(request, workspace, project, name)
    access.require(request.user, artifact.project, Role.MEMBER)
    version = domain.resolve(artifact.project, name, request.POST.get("version", ""))
    pinned = request.POST.get("pinned") != "0"
    retention.pin(version, pinned)
    done = "is pinned" if pinned else "is no longer pinned"
    messages.success(request, f"Version {version.number} {done}.")
    return redirect(version_rows.address(version))


@require_safe
def content(
    request: SignedIn, workspace: str, project: str, name: str, number: int
) -> HttpResponseBase:
    """One file of a version as a download; a Range header asks for a part of it."""
    version = _version_of(request, workspace, project, name, number)
    return stored_files.send(request, version.files, request.GET.get("path", ""))


@require_safe
def picture(
    request: SignedIn, workspace: str, project: str, name: str, number: int
) -> HttpResponse:
    """One file of a version as a picture."""
    version = _version_of(request, workspace, project, name, number)
    return stored_files.picture(version.files, request.GET.get("path", ""))


def _version_of(
    request: SignedIn, workspace: str, project: str, name: str, number: int
) -> ArtifactVersion:
    return domain.resolve(project_of(request, workspace, project), name, str(number))
