"""/artifacts/: datasets, models and files by name; their versions logged and listed; aliases."""

from django.db.models import Max
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import artifacts, retention
from experiments.access import Place
from experiments.api.auth import SIGNED_IN, seen, visible_projects
from experiments.api.docs import documented
from experiments.api.idempotency import idempotent
from experiments.api.v1.artifact_shapes import (
    ARTIFACT,
    SHA,
    VERSION,
    AliasInput,
    ArtifactChange,
    ArtifactOutput,
    VersionInput,
    VersionOutput,
    versions,
)
from experiments.api.views import ApiView, BodyProjectView, find_project, or_not_found
from experiments.errors import Invalid
from experiments.models import Artifact, Role, Run


class Artifacts(BodyProjectView):
    needed = {"GET": SIGNED_IN, "POST": Role.MEMBER}

    @documented(
        "artifacts_list",
        "List artifacts",
        answer=ArtifactOutput,
        example=ARTIFACT,
        paged=True,
        query=(
            ("project", str, "Only of this project: 'slug' or 'workspace/slug'."),
            ("kind", str, "Only of this kind."),
            ("name", str, "Only the one of this name."),
        ),
    )
    def get(self, request: Request) -> Response:
        rows = Artifact.objects.select_related("project__workspace").filter(
            seen(request), project__deleted_at=None
        )
        asked = request.query_params
        if project := asked.get("project"):
            rows = rows.filter(project=find_project(request, project))
        if kind := asked.get("kind"):
            rows = rows.filter(kind=kind)
        if name := asked.get("name"):
            rows = rows.filter(name=name)
        return self.pages.page(
            request,
            rows.annotate(latest=Max("versions__number")),
            by="-id",
            show=lambda some: ArtifactOutput(some, many=True).data,
        )

    @documented(
        "artifacts_log",
        "Log a version of an artifact",
        description="Made with the artifact if need be. Equal files are the same version: then "
        "the answer is 200 with that one, which gets the aliases and the run.",
        answer=VersionOutput,
        example=VERSION,
        status=201,
        again="The version of the same content that was there.",
        body=VersionInput,
        body_example={
            "project": "lab/omniglot",
            "name": "omniglot-split",
            "kind": "dataset",
            "files": [{"path": "train.csv", "sha256": SHA}],
            "aliases": ["paper"],
        },
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        asked = self.read(VersionInput)
        run_id = asked.pop("run")
        del asked["project"]
        logged = artifacts.log_version(
            project=self.project,
            user=self.caller,
            run=_run_of(self, run_id) if run_id else None,
            stored=asked.pop("files"),
            elsewhere=asked.pop("references"),
            **asked,
        )
        version = versions().get(pk=logged.version.pk)
        return Response(VersionOutput(version).data, status=201 if logged.created else 200)


def _run_of(view: BodyProjectView, run_id: str) -> Run:
    """The run that made it, in a project of the same workspace that the caller may write to."""
    projects = visible_projects(view.request, Role.MEMBER)
    projects = projects.filter(workspace=view.project.workspace_id)
    found = Run.objects.filter(pk=run_id, project__in=projects).first()
    if found is None:
        message = f"There is no run {run_id[:40]!r} in this workspace that you may write to."
        raise Invalid(f"run: {message}", fields={"run": [message]})
    return found


class ArtifactView(ApiView):
    """Below /artifacts/<id>/."""

    @property
    def artifact(self) -> Artifact:
        if not hasattr(self, "_artifact"):
            rows = Artifact.objects.select_related("project__workspace").filter(
                seen(self.request),
                pk=self.kwargs["artifact_id"],
            )
            self._artifact = or_not_found(rows.annotate(latest=Max("versions__number")).first())
        return self._artifact

    def find_place(self) -> Place:
        return self.artifact.project


class ArtifactDetail(ArtifactView):
    needed = {"GET": Role.VIEWER, "PATCH": Role.MEMBER, "DELETE": Role.MEMBER}

    @documented("artifacts_get", "One artifact", answer=ArtifactOutput, example=ARTIFACT)
    def get(self, request: Request, artifact_id: int) -> Response:
        return Response(ArtifactOutput(self.artifact).data)

    @documented(
        "artifacts_edit",
        "Describe an artifact, or say which versions to keep",
        description="Of more than `keep_versions` the oldest are erased, and those that are older "
        "than `keep_days` but the newest; never one that has an alias, is pinned or registered, or "
        "that a run has read. null takes a rule away.",
        answer=ArtifactOutput,
        example=ARTIFACT,
        body=ArtifactChange,
        body_example={"keep_versions": 10, "keep_days": 90},
    )
    def patch(self, request: Request, artifact_id: int) -> Response:
        retention.edit(self.artifact, **self.read(ArtifactChange))
        return Response(ArtifactOutput(self.artifact).data)

    @documented(
        "artifacts_erase", "Erase an artifact with all its versions", answer=None, status=204,
        errors=(409,),
    )  # fmt: skip
    def delete(self, request: Request, artifact_id: int) -> Response:
        retention.delete_artifact(self.artifact)
        return Response(status=204)


class Versions(ArtifactView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "artifacts_versions", "List the versions of an artifact", answer=VersionOutput,
        example=VERSION, paged=True,
    )  # fmt: skip
    def get(self, request: Request, artifact_id: int) -> Response:
        return self.pages.page(
            request,
            versions().filter(artifact=self.artifact),
            by="-id",
            show=lambda rows: VersionOutput(rows, many=True).data,
        )


class Alias(ArtifactView):
    needed = {"PUT": Role.MEMBER, "DELETE": Role.MEMBER}

    @documented(
        "artifacts_alias", "Point an alias to a version", answer=VersionOutput, example=VERSION,
        body=AliasInput, body_example={"version": 2},
    )  # fmt: skip
    def put(self, request: Request, artifact_id: int, alias: str) -> Response:
        number = self.read(AliasInput)["version"]
        version = or_not_found(versions().filter(artifact=self.artifact, number=number).first())
        artifacts.set_alias(version, alias)
        return Response(VersionOutput(versions().get(pk=version.pk)).data)

    @documented("artifacts_unalias", "Remove an alias", answer=None, status=204)
    def delete(self, request: Request, artifact_id: int, alias: str) -> Response:
        artifacts.remove_alias(self.artifact, alias)
        return Response(status=204)


_artifact = "artifacts/<int:artifact_id>/"
urlpatterns = [
    path("artifacts/", Artifacts.as_view()),
    path(_artifact, ArtifactDetail.as_view()),
    path(f"{_artifact}versions/", Versions.as_view()),
    path(f"{_artifact}aliases/<str:alias>/", Alias.as_view()),
]
