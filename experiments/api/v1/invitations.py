"""/workspaces/<workspace>/invitations/: links that make one person a member; and accepting one."""

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import access
from experiments.api.auth import ACCOUNT
from experiments.api.docs import documented
from experiments.api.fields import Input, Output, RoleField, Text, Whole
from experiments.api.idempotency import idempotent
from experiments.api.v1.workspaces import MEMBER_EXAMPLE, MemberOutput
from experiments.api.views import ApiView, WorkspaceView, or_not_found
from experiments.errors import Denied
from experiments.models import ApiToken, Role


class InvitationOutput(Output):
    id = serializers.IntegerField()
    role = serializers.ChoiceField(choices=Role.choices)
    note = serializers.CharField(help_text="Whom it is meant for.")
    invited_by = serializers.CharField(source="invited_by.username", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class NewInvitationOutput(InvitationOutput):
    link = serializers.CharField(
        allow_null=True, help_text="Its path on this server. Shown once; null in a replayed answer."
    )


class InvitationInput(Input):
    role = RoleField()
    days = Whole(required=False, help_text=f"1 to {access.MOST_DAYS}; 7.")
    note = Text(max_length=120, required=False, allow_blank=True)


class AcceptInput(Input):
    secret = Text(max_length=100, help_text="The part of the link after /invitations/.")


EXAMPLE = {
    "id": 3,
    "role": "member",
    "note": "Grace, visiting in spring",
    "invited_by": "max",
    "created_at": "2026-11-23T12:00:00Z",
    "expires_at": "2026-11-30T12:00:00Z",
}


class Invitations(WorkspaceView):
    needed = {"GET": Role.ADMIN, "POST": Role.ADMIN}

    @documented(
        "invitations_list", "List open invitations", answer=InvitationOutput, example=EXAMPLE,
        paged=True,
    )  # fmt: skip
    def get(self, request: Request, workspace: str) -> Response:
        rows = access.open_invitations(self.find_workspace()).select_related("invited_by")
        return self.pages.page(
            request, rows, by="-id", show=lambda some: InvitationOutput(some, many=True).data
        )

    @documented(
        "invitations_create",
        "Invite somebody",
        description="The link makes whoever opens it first a member, with an account of their own "
        "or a new one.",
        answer=NewInvitationOutput,
        example={**EXAMPLE, "link": "/invitations/Yd0SNmJdJpSXRzGuVvX0sHqPlWbCfA9tEiM/"},
        status=201,
        body=InvitationInput,
        body_example={"role": "member", "days": 7},
    )
    @idempotent(secret="link")
    def post(self, request: Request, workspace: str) -> Response:
        invitation, secret = access.create_invitation(
            workspace=self.find_workspace(), user=self.caller, **self.read(InvitationInput)
        )
        shown = InvitationOutput(invitation).data
        return Response({**shown, "link": f"/invitations/{secret}/"}, status=201)


class InvitationDetail(WorkspaceView):
    needed = {"DELETE": Role.ADMIN}

    @documented("invitations_revoke", "Revoke an invitation", answer=None, status=204)
    def delete(self, request: Request, workspace: str, invitation_id: int) -> Response:
        rows = self.find_workspace().invitations.select_related("workspace")
        access.revoke_invitation(or_not_found(rows.filter(pk=invitation_id).first()))
        return Response(status=204)


class AcceptInvitation(ApiView):
    needed = {"POST": ACCOUNT}

    @documented(
        "invitations_accept",
        "Become a member by an invitation",
        answer=MemberOutput,
        example=MEMBER_EXAMPLE,
        body=AcceptInput,
        body_example={"secret": "Yd0SNmJdJpSXRzGuVvX0sHqPlWbCfA9tEiM"},
        errors=(404, 409),
    )
    def post(self, request: Request) -> Response:
        secret = self.read(AcceptInput)["secret"]
        if isinstance(request.auth, ApiToken) and request.auth.workspace_id is not None:
            raise Denied("This token reaches one workspace only: it cannot join another.")
        return Response(MemberOutput(access.accept_invitation(secret, self.caller)).data)


_invitations = "workspaces/<slug:workspace>/invitations/"
urlpatterns = [
    path(_invitations, Invitations.as_view()),
    path(f"{_invitations}<int:invitation_id>/", InvitationDetail.as_view()),
    path("invitations/accept/", AcceptInvitation.as_view()),
]
