"""/projects/<workspace>/<project>/views/: named states of the run table."""

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import saved_views
from experiments.api.auth import acting_role
from experiments.api.docs import documented
from experiments.api.fields import Input, Output, Text
from experiments.api.idempotency import idempotent
from experiments.api.views import ProjectView, or_not_found
from experiments.models import Role, SavedView


class ViewOutput(Output):
    id = serializers.IntegerField()
    name = serializers.CharField()
    query = serializers.CharField(help_text='What the table\'s address has after the "?".')
    created_by = serializers.SerializerMethodField()
    changed_at = serializers.DateTimeField()

    def get_created_by(self, view: SavedView) -> str | None:
        return view.created_by.username if view.created_by else None


class ViewInput(Input):
    name = Text()
    query = Text(
        allow_blank=True,
        max_length=saved_views.LONGEST,
        help_text=f"Of {', '.join(saved_views.KEPT)}; q is a filter, as of GET /runs/.",
    )


EXAMPLE = {
    "id": 3,
    "name": "Best of MAML",
    "query": "q=params.algorithm+%3D+maml&sort=metrics.test%2Fquery_loss&dir=asc",
    "created_by": "ada",
    "changed_at": "2026-11-24T09:00:00Z",
}


class Views(ProjectView):
    needed = {"GET": Role.VIEWER, "POST": Role.MEMBER}

    @documented(
        "views_list", "Saved views of a run table", answer=ViewOutput, example=EXAMPLE, paged=True
    )
    def get(self, request: Request, workspace: str, project: str) -> Response:
        rows = self.project.saved_views.select_related("created_by")
        return self.pages.page(
            request, rows, by="id", show=lambda some: ViewOutput(some, many=True).data
        )

    @documented(
        "views_save",
        "Save a view of the run table",
        description="Under a name of its own; your view of that name, if there is one, is "
        "replaced (200).",
        answer=ViewOutput,
        example=EXAMPLE,
        status=201,
        again="Your view of this name, replaced.",
        body=ViewInput,
        body_example={"name": EXAMPLE["name"], "query": EXAMPLE["query"]},
        errors=(409,),
    )
    @idempotent()
    def post(self, request: Request, workspace: str, project: str) -> Response:
        role = acting_role(request, self.project, Role.MEMBER)
        view, is_new = saved_views.save(
            self.project, user=self.caller, role=role, **self.read(ViewInput)
        )
        return Response(ViewOutput(view).data, status=201 if is_new else 200)


class OneView(ProjectView):
    needed = {"GET": Role.VIEWER, "DELETE": Role.MEMBER}

    def view(self) -> SavedView:
        rows = self.project.saved_views.select_related("created_by", "project")
        return or_not_found(rows.filter(pk=self.kwargs["view_id"]).first())

    @documented("views_get", "One saved view", answer=ViewOutput, example=EXAMPLE)
    def get(self, request: Request, workspace: str, project: str, view_id: int) -> Response:
        return Response(ViewOutput(self.view()).data)

    @documented(
        "views_remove",
        "Remove a saved view",
        description="Who saved it does, and admins of the project.",
        answer=None,
        status=204,
    )
    def delete(self, request: Request, workspace: str, project: str, view_id: int) -> Response:
        role = acting_role(request, self.project, Role.MEMBER)
        saved_views.remove(self.view(), user=self.caller, role=role)
        return Response(status=204)


_views = "projects/<slug:workspace>/<slug:project>/views/"
urlpatterns = [
    path(_views, Views.as_view()),
    path(f"{_views}<int:view_id>/", OneView.as_view()),
]
