"""/workspaces/: workspaces and their members."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import access
from experiments.api.auth import ACCOUNT, SIGNED_IN, visible_workspaces
from experiments.api.docs import documented
from experiments.api.fields import Input, Output, RoleField, Text
from experiments.api.idempotency import idempotent
from experiments.api.views import ApiView, WorkspaceView, or_not_found
from experiments.errors import Denied
from experiments.models import ApiToken, Membership, Role
from experiments.problems import unprintable


class WorkspaceOutput(Output):
    slug = serializers.CharField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class WorkspaceInput(Input):
    slug = Text()
    name = Text(max_length=120)


class WorkspaceChange(Input):
    name = Text(max_length=120)


class MemberOutput(Output):
    username = serializers.CharField(source="user.username")
    name = serializers.CharField(source="user.get_full_name")
    role = serializers.ChoiceField(choices=Role.choices)
    created_at = serializers.DateTimeField()


class MemberInput(Input):
    username = Text(max_length=150)
    role = RoleField()


class MemberChange(Input):
    role = RoleField()


EXAMPLE = {"slug": "lab", "name": "Lab", "created_at": "2026-11-23T12:00:00Z"}
MEMBER_EXAMPLE = {
    "username": "ada",
    "name": "Ada Lovelace",
    "role": "member",
    "created_at": "2026-11-23T12:00:00Z",
}


class Workspaces(ApiView):
    needed = {"GET": SIGNED_IN, "POST": ACCOUNT}

    @documented(
        "workspaces_list", "List my workspaces", answer=WorkspaceOutput, example=EXAMPLE, paged=True
    )
    def get(self, request: Request) -> Response:
        return self.pages.page(
            request,
            visible_workspaces(request),
            by="slug",
            show=lambda some: WorkspaceOutput(some, many=True).data,
        )

    @documented(
        "workspaces_create",
        "Create a workspace",
        description="The caller becomes its admin.",
        answer=WorkspaceOutput,
        example=EXAMPLE,
        status=201,
        body=WorkspaceInput,
        body_example={"slug": "lab", "name": "Lab"},
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        asked = self.read(WorkspaceInput)
        if isinstance(request.auth, ApiToken) and request.auth.workspace_id is not None:
            raise Denied("This token reaches one workspace only: it cannot create another.")
        workspace = access.create_workspace(**asked, user=self.caller)
        return Response(WorkspaceOutput(workspace).data, status=201)


class WorkspaceDetail(WorkspaceView):
    needed = {"GET": Role.VIEWER, "PATCH": Role.ADMIN}

    @documented("workspaces_get", "One workspace", answer=WorkspaceOutput, example=EXAMPLE)
    def get(self, request: Request, workspace: str) -> Response:
        return Response(WorkspaceOutput(self.find_workspace()).data)

    @documented(
        "workspaces_edit",
        "Rename a workspace",
        answer=WorkspaceOutput,
        example=EXAMPLE,
        body=WorkspaceChange,
        body_example={"name": "Lab"},
    )
    def patch(self, request: Request, workspace: str) -> Response:
        found = self.find_workspace()
        access.rename_workspace(found, name=self.read(WorkspaceChange)["name"])
        return Response(WorkspaceOutput(found).data)


class Members(WorkspaceView):
    needed = {"GET": Role.VIEWER, "POST": Role.ADMIN}

    @documented(
        "members_list", "List members", answer=MemberOutput, example=MEMBER_EXAMPLE, paged=True
    )
    def get(self, request: Request, workspace: str) -> Response:
        rows = Membership.objects.select_related("user").filter(workspace=self.find_workspace())
        return self.pages.page(
            request, rows, by="id", show=lambda some: MemberOutput(some, many=True).data
        )

    @documented(
        "members_create",
        "Add a member",
        answer=MemberOutput,
        example=MEMBER_EXAMPLE,
        status=201,
        body=MemberInput,
        body_example={"username": "ada", "role": "member"},
    )
    @idempotent()
    def post(self, request: Request, workspace: str) -> Response:
        member = access.add_member(workspace=self.find_workspace(), **self.read(MemberInput))
        return Response(MemberOutput(member).data, status=201)


class MemberDetail(WorkspaceView):
    needed = {"GET": Role.VIEWER, "PATCH": Role.ADMIN, "DELETE": Role.ADMIN}

    def member(self) -> Membership:
        username = self.kwargs["username"]
        found = Membership.objects.select_related("user", "workspace").filter(
            workspace=self.find_workspace(), user__username=username
        )
        return or_not_found(None if unprintable(username) else found.first())

    @documented("members_get", "One member", answer=MemberOutput, example=MEMBER_EXAMPLE)
    def get(self, request: Request, workspace: str, username: str) -> Response:
        return Response(MemberOutput(self.member()).data)

    @documented(
        "members_edit",
        "Change a role",
        answer=MemberOutput,
        example=MEMBER_EXAMPLE,
        body=MemberChange,
        body_example={"role": "viewer"},
    )
    def patch(self, request: Request, workspace: str, username: str) -> Response:
        member = access.change_role(self.member(), role=self.read(MemberChange)["role"])
        return Response(MemberOutput(member).data)

    @documented("members_remove", "Remove a member", answer=None, status=204, errors=[409])
    def delete(self, request: Request, workspace: str, username: str) -> Response:
        access.remove_member(self.member())
        return Response(status=204)
