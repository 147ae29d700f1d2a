"""/models/: the registry of models: names, their versions, stages, aliases, and comparisons."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.access import Place
from experiments.api.auth import SIGNED_IN, visible_projects, visible_workspaces
from experiments.api.docs import documented
from experiments.api.idempotency import idempotent
from experiments.api.v1.model_shapes import (
    COMPARISON,
    MODEL,
    MODEL_VERSION,
    ModelAliasInput,
    ModelChange,
    ModelComparisonOutput,
    ModelInput,
    ModelOutput,
    ModelVersionChange,
    ModelVersionInput,
    ModelVersionOutput,
    comparison_of,
)
from experiments.api.views import ApiView, WorkspaceView, find_workspace, or_not_found
from experiments.checks import invalid, no_such
from experiments.comparing.metrics import STATS
from experiments.mlflow import registering
from experiments.mlflow.registering import MadeOf
from experiments.models import ModelVersion, RegisteredModel, Role
from experiments.registry import catalog, compared, origins, versions
from experiments.registry.origins import Shut


class Models(ApiView):
    needed = {"GET": SIGNED_IN, "POST": Role.MEMBER}

    def find_place(self) -> Place:
        slug = self.body.get("workspace")
        if not isinstance(slug, str):
            raise invalid("workspace", "must be the slug of one of your workspaces.")
        return find_workspace(self.request, slug)

    @documented(
        "models_list",
        "List registered models",
        answer=ModelOutput,
        example=MODEL,
        paged=True,
        query=(
            ("workspace", str, "Only of this workspace."),
            ("name", str, "Only those whose name holds this, whatever the case."),
        ),
    )
    def get(self, request: Request) -> Response:
        rows = RegisteredModel.objects.filter(workspace__in=visible_workspaces(request))
        if slug := request.query_params.get("workspace"):
            rows = rows.filter(workspace=find_workspace(request, slug))
        if name := request.query_params.get("name"):
            rows = rows.filter(name__icontains=name)
        return self.pages.page(
            request,
            catalog.listed(rows),
            by="-id",
            show=lambda some: ModelOutput(some, many=True).data,
        )

    @documented(
        "models_create",
        "Register a name for a model",
        answer=ModelOutput,
        example={**MODEL, "aliases": {}, "latest": None, "version_count": 0},
        status=201,
        body=ModelInput,
        body_example={"workspace": "lab", "name": "few-shot learner"},
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        asked = self.read(ModelInput)
        home = find_workspace(request, asked.pop("workspace"))
        model = catalog.create(home, **asked)
        return Response(_shown(model), status=201)


class ModelView(WorkspaceView):
    """Below /models/<workspace>/<name>/."""

    @property
    def model(self) -> RegisteredModel:
        if not hasattr(self, "_model"):
            home = self.find_workspace()
            rows = catalog.listed(RegisteredModel.objects.filter(workspace=home))
            self._model = or_not_found(rows.filter(name=self.kwargs["name"]).first())
        return self._model

    @property
    def shut(self) -> Shut:
        """What this caller may not learn the origins of."""
        return origins.shut_projects(self.caller)

    def find_place(self) -> Place:
        return self.model.workspace

    def version_of(self, number: int) -> ModelVersion:
        """One of the model's versions. Raises NotFound."""
        rows = versions.versions().filter(model=self.model, number=number)
        return or_not_found(rows.first())

    def shown_version(self, version: ModelVersion) -> Any:
        """A version as it is stored now."""
        fresh = versions.versions().get(pk=version.pk)
        return ModelVersionOutput(fresh, context={"shut": self.shut}).data


class ModelDetail(ModelView):
    needed = {"GET": Role.VIEWER, "PATCH": Role.MEMBER, "DELETE": Role.MEMBER}

    @documented("models_get", "One registered model", answer=ModelOutput, example=MODEL)
    def get(self, request: Request, workspace: str, name: str) -> Response:
        return Response(ModelOutput(self.model).data)

    @documented(
        "models_edit",
        "Describe, tag or rename a model",
        answer=ModelOutput,
        example=MODEL,
        body=ModelChange,
        body_example={"description": "Five-way, one shot.", "tags": {"task": "omniglot"}},
    )
    @transaction.atomic
    def patch(self, request: Request, workspace: str, name: str) -> Response:
        asked = self.read(ModelChange)
        new_name = asked.pop("name", None)
        catalog.edit(self.model, **asked)
        if new_name is not None:
            catalog.rename(self.model, new_name)
        return Response(_shown(self.model))

    @documented(
        "models_delete",
        "Delete a model with its versions",
        description="Runs, artifacts and their files stay.",
        answer=None,
        status=204,
    )
    def delete(self, request: Request, workspace: str, name: str) -> Response:
        catalog.delete(self.model)
        return Response(status=204)


class ModelVersions(ModelView):
    needed = {"GET": Role.VIEWER, "POST": Role.MEMBER}

    @documented(
        "models_versions", "List the versions of a model", answer=ModelVersionOutput,
        example=MODEL_VERSION, paged=True,
    )  # fmt: skip
    def get(self, request: Request, workspace: str, name: str) -> Response:
        rows: QuerySet[ModelVersion] = versions.versions().filter(model=self.model)
        context = {"shut": self.shut}
        return self.pages.page(
            request,
            rows,
            by="-id",
            show=lambda some: ModelVersionOutput(some, many=True, context=context).data,
        )

    @documented(
        "models_register",
        "Register a version",
        description="Made of the files of a run, of a logged model, of a version of an artifact of "
        "kind model, or of an address elsewhere. What is registered is not erased with the trash, "
        "nor by the rules of its artifact.",
        answer=ModelVersionOutput,
        example=MODEL_VERSION,
        status=201,
        again="The version that this version of an artifact is already; it gets the aliases.",
        body=ModelVersionInput,
        body_example={"artifact_version": 7, "aliases": ["champion"]},
    )
    @idempotent()
    def post(self, request: Request, workspace: str, name: str) -> Response:
        asked = self.read(ModelVersionInput)
        made_of = MadeOf(
            **{
                one: asked.pop(one)
                for one in ("run", "path", "logged_model", "artifact_version", "source")
            }
        )
        version, is_new = registering.register(
            self.model, visible_projects(request), made_of, user=self.caller, **asked
        )
        return Response(self.shown_version(version), status=201 if is_new else 200)


class ModelVersionDetail(ModelView):
    needed = {"GET": Role.VIEWER, "PATCH": Role.MEMBER, "DELETE": Role.MEMBER}

    @documented("models_version", "One version", answer=ModelVersionOutput, example=MODEL_VERSION)
    def get(self, request: Request, workspace: str, name: str, number: int) -> Response:
        return Response(self.shown_version(self.version_of(number)))

    @documented(
        "models_edit_version",
        "Move a version to a stage, describe or tag it",
        answer=ModelVersionOutput,
        example=MODEL_VERSION,
        body=ModelVersionChange,
        body_example={"stage": "Production", "archive_others": True},
    )
    @transaction.atomic
    def patch(self, request: Request, workspace: str, name: str, number: int) -> Response:
        asked = self.read(ModelVersionChange)
        version = self.version_of(number)
        stage, archive_others = asked.pop("stage", None), asked.pop("archive_others")
        if stage is not None:
            versions.move_to_stage(version, stage, archive_others=archive_others)
        elif archive_others:
            raise invalid("archive_others", "goes with a stage.")
        if asked:
            catalog.edit(version, **asked)
        return Response(self.shown_version(version))

    @documented("models_delete_version", "Delete a version", answer=None, status=204)
    def delete(self, request: Request, workspace: str, name: str, number: int) -> Response:
        versions.delete(self.version_of(number))
        return Response(status=204)


class ModelAliasDetail(ModelView):
    needed = {"GET": Role.VIEWER, "PUT": Role.MEMBER, "DELETE": Role.MEMBER}

    @documented(
        "models_of_alias", "The version that an alias points to", answer=ModelVersionOutput,
        example=MODEL_VERSION, description="'latest' is the highest.",
    )  # fmt: skip
    def get(self, request: Request, workspace: str, name: str, alias: str) -> Response:
        found = versions.of_alias(self.model, alias)
        if found is None:
            raise no_such("alias", f"{name}@{alias}")
        return Response(self.shown_version(found))

    @documented(
        "models_alias", "Point an alias to a version", answer=ModelVersionOutput,
        example=MODEL_VERSION, body=ModelAliasInput, body_example={"version": 3},
    )  # fmt: skip
    def put(self, request: Request, workspace: str, name: str, alias: str) -> Response:
        version = self.version_of(self.read(ModelAliasInput)["version"])
        versions.set_alias(version, alias)
        return Response(self.shown_version(version))

    @documented("models_unalias", "Remove an alias", answer=None, status=204)
    def delete(self, request: Request, workspace: str, name: str, alias: str) -> Response:
        if not versions.delete_alias(self.model, alias):
            raise no_such("alias", f"{name}@{alias}")
        return Response(status=204)


class ModelComparison(ModelView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "models_compare",
        "Compare versions",
        description="Params and metrics of the runs that made them, and their files. The first is "
        "what the others are compared with.",
        answer=ModelComparisonOutput,
        example=COMPARISON,
        query=(
            ("versions", str, f"{compared.LEAST} to {compared.MOST} numbers: 1,3."),
            ("stat", str, f"Which value of a metric: {', '.join(STATS)}."),
        ),
    )
    def get(self, request: Request, workspace: str, name: str) -> Response:
        wanted = compared.numbers(request.query_params.get("versions", ""))
        asked = request.query_params.get("stat", STATS[0])
        stat = next((one for one in STATS if one == asked), None)
        if stat is None:
            raise invalid("stat", f"is {asked[:60]!r}: use one of {', '.join(STATS)}.")
        found = compared.compare(self.model, wanted, self.shut, stat)
        return Response(comparison_of(found, self.shut))


def _shown(model: RegisteredModel) -> Any:
    """A model as it is stored now."""
    return ModelOutput(catalog.listed(RegisteredModel.objects.all()).get(pk=model.pk)).data


_model = "models/<slug:workspace>/<str:name>/"
_version = f"{_model}versions/<int:number>/"
urlpatterns = [
    path("models/", Models.as_view()),
    path(_model, ModelDetail.as_view()),
    path(f"{_model}versions/", ModelVersions.as_view()),
    path(_version, ModelVersionDetail.as_view()),
    path(f"{_model}aliases/<str:alias>/", ModelAliasDetail.as_view()),
    path(f"{_model}compare/", ModelComparison.as_view()),
]
