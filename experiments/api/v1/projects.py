"""/projects/: named groups of runs."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import lifecycle
from experiments.api.auth import SIGNED_IN, visible_projects, visible_workspaces
from experiments.api.docs import documented
from experiments.api.fields import Choice, Input, Output, Text
from experiments.api.idempotency import idempotent
from experiments.api.v1.run_shapes import Nothing
from experiments.api.views import ApiView, ProjectView, find_workspace
from experiments.errors import Invalid, NotFound
from experiments.models import Role, Workspace

MOST_NAMED = 20  # workspaces, in a message
LONGEST_SHOWN = 64  # of a slug, in a message
DIRECTIONS = [("min", "lower is better"), ("max", "higher is better")]


class ProjectOutput(Output):
    workspace = serializers.CharField(source="workspace.slug")
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    main_metric = serializers.CharField()
    main_metric_direction = serializers.ChoiceField(choices=DIRECTIONS)
    created_at = serializers.DateTimeField()


class ProjectChange(Input):
    name = Text(required=False)
    description = Text(required=False, allow_blank=True)
    main_metric = Text(required=False, allow_blank=True)
    main_metric_direction = Choice(choices=DIRECTIONS, required=False)


class ProjectInput(ProjectChange):
    workspace = Text(required=False, help_text="May be left out by members of one workspace.")
    slug = Text()


EXAMPLE = {
    "workspace": "lab",
    "slug": "sinusoid",
    "name": "Sinusoid",
    "description": "Section 5.1 of the MAML paper.",
    "main_metric": "test/query_loss",
    "main_metric_direction": "min",
    "created_at": "2026-11-23T12:00:00Z",
}


class Projects(ApiView):
    needed = {"GET": SIGNED_IN, "POST": Role.MEMBER}

    def find_place(self) -> Workspace:
        slug = self.body.get("workspace")
        if isinstance(slug, str):
            return find_workspace(self.request, slug)
        mine = list(visible_workspaces(self.request).order_by("slug")[:MOST_NAMED])
        if slug is None and len(mine) == 1:
            return mine[0]
        if not mine:
            raise NotFound("You are not a member of any workspace yet: ask an admin to add you.")
        named = ", ".join(workspace.slug for workspace in mine)
        example = f"{mine[0].slug}/{str(self.body.get('slug') or 'trees')[:LONGEST_SHOWN]}"
        message = f'Name one of your workspaces: {named}. In a script: project="{example}".'
        raise Invalid(f"workspace: {message}", fields={"workspace": [message]})

    @documented(
        "projects_list",
        "List projects",
        answer=ProjectOutput,
        example=EXAMPLE,
        paged=True,
        query=[
            ("workspace", str, "Only of this workspace."),
            ("deleted", str, "false (default), or true: those in the trash."),
        ],
    )
    def get(self, request: Request) -> Response:
        rows = visible_projects(request).select_related("workspace")
        match request.query_params.get("deleted", "false"):
            case "false":
                rows = rows.filter(deleted_at=None)
            case "true":
                rows = rows.exclude(deleted_at=None)
            case _:
                message = "Use false or true."
                raise Invalid(f"deleted: {message}", fields={"deleted": [message]})
        if slug := request.query_params.get("workspace"):
            rows = rows.filter(workspace=find_workspace(request, slug))
        return self.pages.page(
            request, rows, by="-id", show=lambda some: ProjectOutput(some, many=True).data
        )

    @documented(
        "projects_create",
        "Create a project",
        answer=ProjectOutput,
        example=EXAMPLE,
        status=201,
        body=ProjectInput,
        body_example={"workspace": "lab", "slug": "sinusoid", "main_metric": "test/query_loss"},
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        asked = self.read(ProjectInput)
        asked.pop("workspace", None)
        project = lifecycle.create_project(workspace=self.find_place(), **asked)
        return Response(ProjectOutput(project).data, status=201)


class ProjectDetail(ProjectView):
    needed = {"GET": Role.VIEWER, "PATCH": Role.MEMBER, "DELETE": Role.ADMIN}

    @documented("projects_get", "One project", answer=ProjectOutput, example=EXAMPLE)
    def get(self, request: Request, workspace: str, project: str) -> Response:
        return Response(ProjectOutput(self.project).data)

    @documented(
        "projects_edit",
        "Edit a project",
        answer=ProjectOutput,
        example=EXAMPLE,
        body=ProjectChange,
        body_example={"main_metric": "test/accuracy", "main_metric_direction": "max"},
    )
    def patch(self, request: Request, workspace: str, project: str) -> Response:
        changed = lifecycle.edit_project(self.project, **self.read(ProjectChange))
        return Response(ProjectOutput(changed).data)

    @documented(
        "projects_trash",
        "Move a project and its runs to the trash",
        description="It can be restored; after METASCOPE_TRASH_DAYS it is erased.",
        answer=None,
        status=204,
    )
    def delete(self, request: Request, workspace: str, project: str) -> Response:
        lifecycle.trash_project(self.project)
        return Response(status=204)


class ProjectRestore(ProjectView):
    needed = {"POST": Role.ADMIN}

    @documented(
        "projects_restore",
        "Take a project and its runs out of the trash",
        answer=ProjectOutput,
        example=EXAMPLE,
        body=Nothing,
        body_example={},
    )
    def post(self, request: Request, workspace: str, project: str) -> Response:
        self.read(Nothing)
        return Response(ProjectOutput(lifecycle.restore_project(self.project)).data)
