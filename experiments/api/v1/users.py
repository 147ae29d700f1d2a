"""/users/me/: who the caller is and where they may do what."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.auth import SIGNED_IN, visible_workspaces
from experiments.api.docs import documented
from experiments.api.fields import Output
from experiments.api.views import ApiView
from experiments.models import ApiToken, Membership, Role


class MembershipOfUser(Output):
    workspace = serializers.CharField(source="workspace.slug")
    name = serializers.CharField(source="workspace.name")
    role = serializers.ChoiceField(choices=Role.choices)


class UserOutput(Output):
    id = serializers.IntegerField()
    username = serializers.CharField()
    name = serializers.CharField(source="get_full_name")
    memberships = MembershipOfUser(many=True)
    token = serializers.CharField(allow_null=True, help_text="Prefix of the token in use.")


EXAMPLE = {
    "id": 1,
    "username": "ada",
    "name": "Ada Lovelace",
    "memberships": [{"workspace": "lab", "name": "Lab", "role": "member"}],
    "token": "ms_x7Kq2",
}


class Me(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented("users_me", "The calling user", answer=UserOutput, example=EXAMPLE)
    def get(self, request: Request) -> Response:
        user = self.caller
        token: Any = request.auth
        memberships = (
            Membership.objects.select_related("workspace")
            .filter(user=user, workspace__in=visible_workspaces(request))
            .order_by("workspace__slug")
        )
        return Response(
            {
                "id": user.pk,
                "username": user.username,
                "name": user.get_full_name(),
                "memberships": MembershipOfUser(memberships, many=True).data,
                "token": token.prefix if isinstance(token, ApiToken) else None,
            }
        )
