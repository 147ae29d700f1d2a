"""/workspaces/<workspace>/audit/: who did what to what, when and from where."""

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import audit
from experiments.api.docs import documented
from experiments.api.fields import Output
from experiments.api.views import WorkspaceView
from experiments.errors import Invalid
from experiments.models import Role
from experiments.models.audit import Action


class EntryOutput(Output):
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    action = serializers.CharField()
    actor = serializers.CharField(
        help_text="Empty: the server itself; 'command line': its operator."
    )
    token = serializers.CharField(help_text="Prefix of the token that was used, if one was.")
    address = serializers.CharField()
    subject = serializers.CharField()
    details = serializers.DictField()


EXAMPLE = {
    "id": 41,
    "at": "2026-11-23T12:00:00Z",
    "action": "member.role_changed",
    "actor": "max",
    "token": "",
    "address": "192.0.2.7",
    "subject": "ada",
    "details": {"before": "viewer", "role": "member"},
}


class Audit(WorkspaceView):
    needed = {"GET": Role.ADMIN}

    @documented(
        "audit_list",
        "Read the audit log of a workspace, newest first",
        description="What was done in the workspace, and what its members, or the command line "
        "for them, did to their own accounts. Entries are never changed.",
        answer=EntryOutput,
        example=EXAMPLE,
        paged=True,
        query=(
            ("action", str, "Only this action, such as run.erased."),
            ("actor", str, "Only what this user did."),
            ("since", str, "Only from this time on, 2026-11-23T12:00:00Z."),
            ("until", str, "Only before this time."),
        ),
    )
    def get(self, request: Request, workspace: str) -> Response:
        rows = audit.entries_of(self.find_workspace())
        asked = request.query_params
        if action := asked.get("action"):
            if action not in list(Action):
                raise _invalid("action", f"Use one of {', '.join(Action)}.")
            rows = rows.filter(action=action)
        if actor := asked.get("actor"):
            rows = rows.filter(actor=actor)
        for name, condition in (("since", "at__gte"), ("until", "at__lt")):
            if text := asked.get(name):
                rows = rows.filter(**{condition: _moment(name, text)})
        return self.pages.page(
            request, rows, by="-id", show=lambda some: EntryOutput(some, many=True).data
        )


def _moment(name: str, text: str) -> object:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or not is_aware(moment):
        raise _invalid(name, "Use a time with its zone, such as 2026-11-23T12:00:00Z.")
    return moment


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", fields={field: [message]})
