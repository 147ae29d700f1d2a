"""/users/me/: who the caller is and where they may do what."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import access
from experiments.api.auth import ACCOUNT, SIGNED_IN, visible_workspaces
from experiments.api.docs import documented
from experiments.api.fields import Choice, Input, Output
from experiments.api.views import ApiView
from experiments.models import ApiToken, Membership, Palette, Role


class MembershipOfUser(Output):
    workspace = serializers.CharField(source="workspace.slug")
    name = serializers.CharField(source="workspace.name")
    role = serializers.ChoiceField(choices=Role.choices)


class UserOutput(Output):
    id = serializers.IntegerField()
    username = serializers.CharField()
    name = serializers.CharField(source="get_full_name")
    memberships = MembershipOfUser(many=True)
    palette = serializers.ChoiceField(
        choices=Palette.choices, help_text="The colours that runs have on this user's pages."
    )
    token = serializers.CharField(allow_null=True, help_text="Prefix of the token in use.")


class UserChange(Input):
    palette = Choice(choices=Palette.values)


EXAMPLE = {
    "id": 1,
    "username": "ada",
    "name": "Ada Lovelace",
    "memberships": [{"workspace": "lab", "name": "Lab", "role": "member"}],
    "palette": "standard",
    "token": "ms_x7Kq2",
}


class Me(ApiView):
    needed = {"GET": SIGNED_IN, "PATCH": ACCOUNT}

    @documented("users_me", "The calling user", answer=UserOutput, example=EXAMPLE)
    def get(self, request: Request) -> Response:
        return Response(self._shown(request))

    @documented(
        "users_edit_me",
        "Change how pages look for the calling user",
        answer=UserOutput,
        example={**EXAMPLE, "palette": "safe"},
        body=UserChange,
        body_example={"palette": "safe"},
    )
    def patch(self, request: Request) -> Response:
        access.choose_palette(self.caller, self.read(UserChange)["palette"])
        return Response(self._shown(request))

    def _shown(self, request: Request) -> dict[str, Any]:
        user = self.caller
        token: Any = request.auth
        memberships = (
            Membership.objects.select_related("workspace")
            .filter(user=user, workspace__in=visible_workspaces(request))
            .order_by("workspace__slug")
        )
        return {
            "id": user.pk,
            "username": user.username,
            "name": user.get_full_name(),
            "memberships": MembershipOfUser(memberships, many=True).data,
            "palette": user.palette,
            "token": token.prefix if isinstance(token, ApiToken) else None,
        }
