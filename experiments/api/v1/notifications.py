"""/notifications/: the caller's inbox; /projects/.../watch/: what reaches it."""

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import inbox
from experiments.api.auth import SIGNED_IN, visible_workspaces
from experiments.api.docs import documented
from experiments.api.fields import Flag, Input, Output, Texts, Whole
from experiments.api.views import ApiView, ProjectView
from experiments.models import EventKind, Notification, Role, Watch

MOST_MARKED = 500


class NotificationOutput(Output):
    id = serializers.IntegerField()
    kind = serializers.CharField(help_text=f"mention, {', '.join(EventKind.values)}.")
    title = serializers.CharField()
    text = serializers.CharField()
    project = serializers.SerializerMethodField()
    run = serializers.CharField(source="run_id", allow_null=True)
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)

    def get_project(self, one: Notification) -> str:
        return f"{one.project.workspace.slug}/{one.project.slug}"


class ReadInput(Input):
    ids = serializers.ListField(
        child=Whole(min_value=0, max_value=2**63 - 1),
        required=False,
        max_length=MOST_MARKED,
        help_text="Left out: all of them.",
    )


class ReadOutput(Output):
    marked = serializers.IntegerField()
    unread = serializers.IntegerField()


class WatchOutput(Output):
    kinds = serializers.ListField(child=serializers.CharField())
    only_mine = serializers.BooleanField()


class WatchInput(Input):
    kinds = Texts(max_length=20, help_text=f"Of {', '.join(EventKind.values)}.")
    only_mine = Flag(default=False, help_text="Of the runs that I started alone.")


EXAMPLE = {
    "id": 12,
    "kind": "failed",
    "title": "maml-s3 failed",
    "text": "train/loss became NaN at step 11,990.",
    "project": "lab/sinusoid",
    "run": "01arz3ndektsv4rr",
    "created_at": "2026-11-24T09:00:00Z",
    "read_at": None,
}
WATCHED = {"kinds": ["failed", "nan"], "only_mine": True}


class Notifications(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented(
        "notifications_list",
        "List my notifications, newest first",
        answer=NotificationOutput,
        example=EXAMPLE,
        paged=True,
        query=[("unread", str, "true: those alone that have not been read.")],
    )
    def get(self, request: Request) -> Response:
        rows = inbox.of_user(self.caller).select_related("project__workspace")
        rows = rows.filter(project__workspace__in=visible_workspaces(request))
        if request.query_params.get("unread") == "true":
            rows = rows.filter(read_at=None)
        return self.pages.page(
            request, rows, by="-id", show=lambda some: NotificationOutput(some, many=True).data
        )


class NotificationsRead(ApiView):
    needed = {"POST": SIGNED_IN}

    @documented(
        "notifications_read",
        "Mark my notifications as read",
        answer=ReadOutput,
        example={"marked": 1, "unread": 0},
        body=ReadInput,
        body_example={"ids": [12]},
    )
    def post(self, request: Request) -> Response:
        ids: Any = self.read(ReadInput).get("ids")
        marked = inbox.mark_read(self.caller, ids)
        return Response({"marked": marked, "unread": inbox.unread_count(self.caller)})


class ProjectWatch(ProjectView):
    needed = {"GET": Role.VIEWER, "PUT": Role.VIEWER}

    @documented("watch_get", "What I hear of a project", answer=WatchOutput, example=WATCHED)
    def get(self, request: Request, workspace: str, project: str) -> Response:
        return Response(self._told(inbox.watch_of(self.project, self.caller)))

    @documented(
        "watch_set",
        "Choose what I hear of a project",
        answer=WatchOutput,
        example=WATCHED,
        body=WatchInput,
        body_example=WATCHED,
    )
    def put(self, request: Request, workspace: str, project: str) -> Response:
        return Response(self._told(inbox.watch(self.project, self.caller, **self.read(WatchInput))))

    def _told(self, watch: Watch) -> dict[str, Any]:
        return dict(WatchOutput(watch).data)


urlpatterns = [
    path("notifications/", Notifications.as_view()),
    path("notifications/read/", NotificationsRead.as_view()),
    path("projects/<slug:workspace>/<slug:project>/watch/", ProjectWatch.as_view()),
]
