"""/runs/<id>/comments/: what people say about a run, or about a point of a curve."""

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import comments
from experiments.api.auth import acting_role
from experiments.api.docs import documented
from experiments.api.fields import Input, Output, Text, Whole
from experiments.api.idempotency import idempotent
from experiments.api.views import RunView, or_not_found
from experiments.models import Comment, Role


class CommentOutput(Output):
    id = serializers.IntegerField()
    text = serializers.CharField(help_text="Markdown.")
    metric = serializers.CharField(help_text="The curve that it is about; empty: the run.")
    step = serializers.IntegerField(allow_null=True, help_text="The point of that curve.")
    author = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_author(self, comment: Comment) -> str | None:
        return comment.author.username if comment.author else None


class CommentInput(Input):
    text = Text(max_length=comments.LONGEST, help_text="@name tells that member.")
    metric = Text(allow_blank=True, default="", max_length=250)
    step = Whole(
        allow_null=True,
        default=None,
        min_value=comments.LEAST_STEP,
        max_value=comments.MOST_STEP,
    )


EXAMPLE = {
    "id": 7,
    "text": "@grace this is where the rate was cut.",
    "metric": "train/loss",
    "step": 4000,
    "author": "ada",
    "created_at": "2026-11-24T09:00:00Z",
}


class RunComments(RunView):
    needed = {"GET": Role.VIEWER, "POST": Role.MEMBER}

    @documented(
        "comments_list",
        "List the comments on a run, oldest first",
        answer=CommentOutput,
        example=EXAMPLE,
        paged=True,
    )
    def get(self, request: Request, run_id: str) -> Response:
        rows = self.run.comments.select_related("author")
        return self.pages.page(
            request, rows, by="id", show=lambda some: CommentOutput(some, many=True).data
        )

    @documented(
        "comments_create",
        "Comment on a run or a point of a curve",
        description="Members whom the text names as @name find it among their notifications.",
        answer=CommentOutput,
        example=EXAMPLE,
        status=201,
        body=CommentInput,
        body_example={"text": EXAMPLE["text"], "metric": "train/loss", "step": 4000},
    )
    @idempotent()
    def post(self, request: Request, run_id: str) -> Response:
        made = comments.comment(self.run, user=self.caller, **self.read(CommentInput))
        return Response(CommentOutput(made).data, status=201)


class OneComment(RunView):
    needed = {"DELETE": Role.MEMBER}

    @documented(
        "comments_remove",
        "Remove a comment",
        description="Who wrote it does, and admins of the project.",
        answer=None,
        status=204,
    )
    def delete(self, request: Request, run_id: str, comment_id: int) -> Response:
        role = acting_role(request, self.run.project, Role.MEMBER)
        rows = self.run.comments.select_related("author", "run__project")
        found = or_not_found(rows.filter(pk=comment_id).first())
        comments.remove(found, user=self.caller, role=role)
        return Response(status=204)


_comments = "runs/<slug:run_id>/comments/"
urlpatterns = [
    path(_comments, RunComments.as_view()),
    path(f"{_comments}<int:comment_id>/", OneComment.as_view()),
]
