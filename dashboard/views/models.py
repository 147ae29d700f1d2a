"""The registry of models: the list, one model with its versions, and versions side by side."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard import mlmodel, model_rows, run_facts
from dashboard.file_tree import FileTree, Place
from dashboard.lineage_view import BOX_HEIGHT, BOX_WIDTH, LineageView
from dashboard.model_rows import VersionRow
from dashboard.paging import Page
from dashboard.requests import SignedIn
from dashboard.scope import may_register, workspace_of
from experiments import access
from experiments.comparing.metrics import STATS
from experiments.directions import MACHINE
from experiments.errors import NotFound
from experiments.models import ModelVersion, RegisteredModel, RegistryTag, Workspace
from experiments.registry import catalog, compared, origins, versions
from experiments.registry.origins import Shut

EXAMPLE_PROJECT = "my-project"
LONGEST_SEARCH = 200
LONGEST_NUMBER = 9


@require_safe
def listed(request: SignedIn) -> HttpResponse:
    """The registered models of the reader's workspaces, those of `?workspace=` whose name, tags or
    description hold `?q=` and that have a version in `?stage=`."""
    mine = access.workspaces_of(request.user).order_by("slug")
    asked = {
        "q": request.GET.get("q", "")[:LONGEST_SEARCH].strip(),
        "stage": _known(request.GET.get("stage", ""), versions.STAGES[1:]),
        "workspace": _known(request.GET.get("workspace", ""), [one.slug for one in mine]),
    }
    page = Page.of(request, _filtered(mine, **asked))
    stages = _stages(page.rows)
    context = {
        "page": page,
        "rows": [(one, stages.get(one.pk, []), catalog.tags_of(one)) for one in page.rows],
        "workspaces": list(mine),
        "stages": ["", *versions.STAGES[1:]],
        "asked": asked,
        "is_filtered": any(asked.values()),
        "queries": {stage: _query(asked, stage) for stage in ["", *versions.STAGES[1:]]},
        "project_name": _newest_project(request),
    }
    return render(request, "dashboard/models.html", context)


def _known(value: str, choices: Any) -> str:
    return value if value in choices else ""


def _query(asked: dict[str, str], stage: str) -> str:
    wanted = {**asked, "stage": stage}
    return "?" + urlencode({name: value for name, value in wanted.items() if value})


def _newest_project(request: SignedIn) -> str:
    """A project of the reader's, for the example that the empty list shows."""
    found = access.projects_of(request.user).filter(deleted_at=None).order_by("-pk").first()
    return found.slug if found else EXAMPLE_PROJECT


def _filtered(
    mine: QuerySet[Workspace], *, q: str, stage: str, workspace: str
) -> QuerySet[RegisteredModel]:
    rows = RegisteredModel.objects.filter(workspace__in=mine)
    if workspace:
        rows = rows.filter(workspace__slug=workspace)
    if stage:
        there = ModelVersion.objects.filter(model=OuterRef("pk"), stage=stage)
        rows = rows.filter(Exists(there))
    if q:
        tagged = RegistryTag.objects.filter(model=OuterRef("pk"), version=None)
        tagged = tagged.filter(Q(key__icontains=q) | Q(value__icontains=q))
        rows = rows.filter(Q(name__icontains=q) | Q(description__icontains=q) | Exists(tagged))
    return catalog.listed(rows).order_by("-changed_at", "-pk")


def _stages(models: list[RegisteredModel]) -> dict[int, list[tuple[str, int]]]:
    """By model, the highest version of each stage that says something."""
    staged = ModelVersion.objects.filter(model__in=models).exclude(stage=ModelVersion.Stage.NONE)
    found: dict[int, list[tuple[str, int]]] = {}
    highest = staged.values("model", "stage").annotate(highest=Max("number"))
    for row in highest.order_by("model", "-stage"):
        found.setdefault(row["model"], []).append((row["stage"], row["highest"]))
    return found


@require_safe
def page(request: SignedIn, workspace: str, name: str) -> HttpResponse:
    """One model: `?version=` is open, with `?path=` of its files; `?version=@ALIAS` leads there."""
    model = model_of(request, workspace, name)
    asked = request.GET.get("version", "")
    if asked.startswith("@"):
        found = versions.of_alias(model, asked[1:])
        if found is None:
            raise NotFound(f"{model.name} has no alias {asked[1:70]}.")
        return redirect(model_rows.version_address(found))
    shut = origins.shut_projects(request.user)
    listed_versions = versions.versions().filter(model=model).order_by("-number")
    found_page = Page.of(request, listed_versions)
    context: dict[str, Any] = {
        "model": model,
        "tags": catalog.tags_of(model),
        "aliases": sorted(
            (alias.name, alias.version.number) for alias in model.aliases.select_related("version")
        ),
        "versions": found_page,
        "rows": model_rows.rows_of(found_page.rows, shut),
        "editable": may_register(request.user, model.workspace),
        "stages": versions.STAGES,
        "project_name": EXAMPLE_PROJECT,
    }
    if found_page.total:
        context |= _open(request, model, asked, shut)
    return render(request, "dashboard/model.html", context)


def _open(request: SignedIn, model: RegisteredModel, asked: str, shut: Shut) -> dict[str, Any]:
    """What the page shows of the version that its address chooses; of the newest if it does not."""
    version = version_of(model, asked) if asked else versions.of_alias(model, versions.LATEST)
    assert version is not None  # the model has versions
    (chosen,) = model_rows.rows_of([version], shut)
    return {
        "version": version,
        "chosen": chosen,
        "version_tags": catalog.tags_of(version),
        **_files(request, chosen, shut),
        **_measured(chosen),
        # Where the files were made, if the reader may know it.
        "project_name": chosen.run.project.slug if chosen.run else EXAMPLE_PROJECT,
        "lineage": LineageView.of_model(version, chosen.run, request.user),
        "box": {"width": BOX_WIDTH, "height": BOX_HEIGHT},
    }


def _files(request: SignedIn, chosen: VersionRow, shut: Shut) -> dict[str, Any]:
    """The files of a version that has some here, and what its MLmodel says."""
    if chosen.origin.hidden:
        return {}
    version = chosen.version
    tree, folder = origins.files_of(version, shut)
    if tree is None:
        return {}
    at = [version.model.workspace.slug, version.model.name, version.number]
    place = Place(
        f"?version={version.number}",
        reverse("model_content", args=at),
        reverse("model_picture", args=at),
        folder,
    )
    return {
        "tree": FileTree.of(tree, request.GET.get("path", ""), place),
        "root": place.page,
        "mlmodel": mlmodel.read(tree, folder),
    }


def _measured(chosen: VersionRow) -> dict[str, Any]:
    if chosen.run is None:
        return {}
    summaries = run_facts.summaries_of(chosen.run)
    return {
        "params": run_facts.tree_rows(chosen.run.params),
        "metrics": sorted(summaries.values(), key=lambda one: one.key.startswith(MACHINE)),
    }


@require_safe
def compare(request: SignedIn, workspace: str, name: str) -> HttpResponse:
    """The versions `?versions=1,3` side by side; also `?v=1&v=3`, as a form sends them."""
    model = model_of(request, workspace, name)
    if chosen := request.GET.getlist("v"):
        there = reverse("model_compare", args=[workspace, name])
        oldest_first = sorted(chosen, key=lambda one: (len(one), one))
        return redirect(f"{there}?versions={','.join(oldest_first)}")
    wanted = compared.numbers(request.GET.get("versions", ""))
    stat = next((one for one in STATS if one == request.GET.get("stat")), STATS[0])
    shut = origins.shut_projects(request.user)
    found = compared.compare(model, wanted, shut, stat)
    rows = model_rows.rows_of(found.versions, shut)
    only_differing = request.GET.get("differs") != "0"
    context = {
        "model": model,
        "rows": rows,
        "found": found,
        "params": [row for row in found.params if row.differs or not only_differing],
        "only_differing": only_differing,
        "differing": sum(row.differs for row in found.params),
        "files": [
            (row.version, diff)
            for row, diff in zip(rows, found.files, strict=True)
            if diff is not None
        ],
        "stats": STATS,
        "stat": stat,
        "wanted": ",".join(map(str, wanted)),
        "firsts": [
            (one, ",".join(map(str, [one, *(other for other in wanted if other != one)])))
            for one in wanted
        ],
    }
    return render(request, "dashboard/model_compare.html", context)


def model_of(request: SignedIn, workspace: str, name: str) -> RegisteredModel:
    """The model at /w/<workspace>/models/<name>/. Raises NotFound, also for strangers."""
    return catalog.find(workspace_of(request, workspace), name)


def version_of(model: RegisteredModel, number: str) -> ModelVersion:
    """One of its versions. Raises NotFound, and Invalid for what is no number."""
    return versions.find(model.workspace, model.name, number[: LONGEST_NUMBER + 1])
