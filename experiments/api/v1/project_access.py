"""/projects/<workspace>/<project>/access/: who may do what in one project."""

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import access
from experiments.api.docs import documented
from experiments.api.fields import Choice, Input, Output
from experiments.api.views import ProjectView, or_not_found
from experiments.models import Membership, ProjectRole, Role
from experiments.problems import unprintable

OWN = [(ProjectRole.NONE, "None"), *Role.choices]


class AccessOutput(Output):
    username = serializers.CharField()
    workspace_role = serializers.ChoiceField(choices=Role.choices)
    own = serializers.ChoiceField(
        choices=OWN, allow_null=True,
        help_text="What stands here instead of the role in the workspace; none shuts out.",
    )  # fmt: skip
    role = serializers.ChoiceField(
        choices=Role.choices, allow_null=True, help_text="What counts; null: not even reading."
    )


class AccessInput(Input):
    role = Choice(choices=OWN)


EXAMPLE = {"username": "ada", "workspace_role": "viewer", "own": "member", "role": "member"}


class ProjectAccess(ProjectView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "access_list", "Who may do what in a project", answer=AccessOutput, example=EXAMPLE,
        paged=True,
    )  # fmt: skip
    def get(self, request: Request, workspace: str, project: str) -> Response:
        found = access.members_of_project(self.project)
        return self.pages.slice(
            request, found, show=lambda some: AccessOutput(some, many=True).data
        )


class MemberAccess(ProjectView):
    needed = {"PUT": Role.ADMIN, "DELETE": Role.ADMIN}

    def member(self) -> Membership:
        """The member of the workspace that the address names."""
        username = self.kwargs["username"]
        rows = Membership.objects.select_related("user").filter(
            workspace=self.project.workspace_id, user__username=username
        )
        return or_not_found(None if unprintable(username) else rows.first())

    @documented(
        "access_set",
        "Give a member another role in a project",
        description="Instead of the one in the workspace, higher or lower; none shuts the member "
        "out. An admin of the workspace is admin of all its projects: 409.",
        answer=AccessOutput,
        example=EXAMPLE,
        body=AccessInput,
        body_example={"role": "member"},
        errors=(409,),
    )
    def put(self, request: Request, workspace: str, project: str, username: str) -> Response:
        role = self.read(AccessInput)["role"]
        return Response(
            AccessOutput(access.set_project_role(self.project, self.member(), role)).data
        )

    @documented("access_drop", "Let the role in the workspace count again", answer=None, status=204)
    def delete(self, request: Request, workspace: str, project: str, username: str) -> Response:
        access.set_project_role(self.project, self.member(), None)
        return Response(status=204)


_access = "projects/<slug:workspace>/<slug:project>/access/"
urlpatterns = [
    path(_access, ProjectAccess.as_view()),
    path(f"{_access}<str:username>/", MemberAccess.as_view()),
]
