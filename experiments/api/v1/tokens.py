"""/tokens/: the caller's API tokens."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import access
from experiments.api.auth import ACCOUNT, SIGNED_IN
from experiments.api.docs import documented
from experiments.api.fields import Choice, Input, Output, Text
from experiments.api.idempotency import idempotent
from experiments.api.views import ApiView, find_workspace, or_not_found
from experiments.errors import Denied
from experiments.models import ApiToken, Scope, Workspace


class TokenOutput(Output):
    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The first characters, to recognise it by.")
    workspace = serializers.CharField(
        source="workspace.slug", allow_null=True, default=None,
        help_text="The only workspace it reaches; null for all of its user.",
    )  # fmt: skip
    scope = serializers.ChoiceField(choices=Scope.choices)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class NewTokenOutput(TokenOutput):
    token = serializers.CharField(
        allow_null=True, help_text="Shown once; null in a replayed answer."
    )


class TokenInput(Input):
    name = Text(max_length=120)
    workspace = Text(max_length=64, required=False, allow_null=True)
    scope = Choice(
        choices=Scope.choices, required=False,
        help_text="read, write (log runs, files and jobs), or admin: all that its user may.",
    )  # fmt: skip
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


EXAMPLE = {
    "id": 7,
    "name": "training box",
    "prefix": "ms_x7Kq2",
    "workspace": None,
    "scope": "write",
    "created_at": "2026-11-23T12:00:00Z",
    "last_used_at": None,
    "expires_at": None,
    "revoked_at": None,
}


class Tokens(ApiView):
    needed = {"GET": SIGNED_IN, "POST": ACCOUNT}

    @documented("tokens_list", "List my tokens", answer=TokenOutput, example=EXAMPLE, paged=True)
    def get(self, request: Request) -> Response:
        rows = own_tokens(self).select_related("workspace")
        return self.pages.page(
            request, rows, by="-id", show=lambda some: TokenOutput(some, many=True).data
        )

    @documented(
        "tokens_create",
        "Create a token",
        description="A token never reaches further than the token that creates it, which needs the "
        "scope admin. Without a scope it may do all that its user may.",
        answer=NewTokenOutput,
        example={**EXAMPLE, "token": "ms_x7Kq2Yd0SNmJdJpSXRzGuVvX0sHqPlWbCfA9tEiM"},
        status=201,
        body=TokenInput,
        body_example={"name": "training box", "scope": "write"},
    )
    @idempotent(secret="token")
    def post(self, request: Request) -> Response:
        asked = self.read(TokenInput)
        slug = asked.get("workspace")
        workspace = find_workspace(request, slug) if slug else None
        workspace, expires_at = _narrowed(request.auth, workspace, asked.get("expires_at"))
        token, secret = access.create_token(
            user=self.caller,
            name=asked["name"],
            workspace=workspace,
            scope=Scope(asked.get("scope", Scope.ADMIN)),
            expires_at=expires_at,
        )
        return Response({**TokenOutput(token).data, "token": secret}, status=201)


class TokenDetail(ApiView):
    needed = {"DELETE": ACCOUNT}

    @documented("tokens_revoke", "Revoke a token", answer=None, status=204)
    def delete(self, request: Request, token_id: int) -> Response:
        access.revoke_token(or_not_found(own_tokens(self).filter(pk=token_id).first()))
        return Response(status=204)


def own_tokens(view: ApiView) -> QuerySet[ApiToken]:
    """The caller's tokens; a narrowed token knows only those as narrow as itself."""
    tokens = ApiToken.objects.filter(user=view.caller)
    token: Any = view.request.auth
    if isinstance(token, ApiToken) and token.workspace_id is not None:
        return tokens.filter(workspace=token.workspace_id)
    return tokens


def _narrowed(
    maker: Any, workspace: Workspace | None, expires_at: datetime | None
) -> tuple[Workspace | None, datetime | None]:
    """Raises Denied if the new token would outlive its maker; narrows it to the maker's reach."""
    if not isinstance(maker, ApiToken):
        return workspace, expires_at
    if maker.expires_at is not None and (expires_at is None or expires_at > maker.expires_at):
        raise Denied(
            f"A token that expires cannot make one that lives longer: use an expires_at up to "
            f"{maker.expires_at:%Y-%m-%dT%H:%M:%SZ}.",
            fields={"expires_at": ["Is after the end of the token in use."]},
        )
    return workspace or maker.workspace, expires_at
