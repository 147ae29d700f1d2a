"""/runs/: runs, what is written on them, and what can be done to them."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import lifecycle, reading, search
from experiments.api.auth import SIGNED_IN, seen
from experiments.api.docs import documented
from experiments.api.fields import Input
from experiments.api.idempotency import idempotent
from experiments.api.v1 import run_lists
from experiments.api.v1 import run_shapes as shapes
from experiments.api.v1.run_shapes import RunDetailOutput, RunOutput
from experiments.api.views import BodyProjectView, RunView, find_project
from experiments.errors import Invalid
from experiments.models import Project, Role, Run, RunStatus

QUERY = [
    ("project", str, "'slug' or 'workspace/slug'."),
    ("status", str, "One status, or several with commas."),
    ("tag", str, "Runs with this tag; may be repeated: all of them."),
    ("group", str, "Runs of this group."),
    ("parent", str, "Runs nested in the run of this id; none: in no run."),
    ("q", str, "Runs whose name contains this."),
    ("filter", str, "For example: status = running AND params.outer.lr < 0.01"),
    ("archived", str, "false (default), true, all or trash: what was deleted."),
    (
        "sort",
        str,
        "In another order than newest first, of one project's runs: created, started, finished, "
        "duration, name, number, status, group, seed, params.KEY, metrics.KEY, metrics.KEY(min) or "
        "metrics.KEY(max); a - before it turns the order round. Runs without it come last.",
    ),
]
# What `filter` says as well; beside `sort` it does.
NARROWING = ("status", "tag", "group", "parent", "q")


class Runs(BodyProjectView):
    needed = {"GET": SIGNED_IN, "POST": Role.MEMBER}

    @documented(
        "runs_list",
        "List runs, newest first",
        answer=RunOutput,
        example=shapes.EXAMPLE,
        paged=True,
        query=QUERY,
    )
    def get(self, request: Request) -> Response:
        rows = Run.objects.filter(seen(request))
        if sort := request.query_params.get("sort"):
            return self._sorted(request, sort)
        return self.pages.page(
            request,
            _filtered(request, rows).only("pk"),
            by="-id",
            show=lambda some: run_lists.shown([run.pk for run in some]),
        )

    def _sorted(self, request: Request, sort: str) -> Response:
        """A page by position: in an order by values there is nothing else to continue from."""
        asked = request.query_params
        if "project" not in asked:
            raise _bad_query("sort", "Name the project too: runs of one are compared.")
        if named := next((name for name in NARROWING if name in asked), None):
            raise _bad_query(named, "Beside sort, say it in filter.")
        if (archived := asked.get("archived", "false")) not in ("false", "true"):
            raise _bad_query("archived", "Beside sort, use false or true.")
        limit, cursor = self.pages.asked(request)
        start = self.pages.whole(cursor) or 0
        ids, total = reading.run_ids(
            find_project(request, asked["project"]),
            filters=asked.get("filter", ""),
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
            offset=start,
            limit=limit,
            archived=archived == "true",
        )
        after = start + limit if start + limit < total else None
        return self.pages.answer(request, run_lists.shown(ids), after)

    @documented(
        "runs_create",
        "Start a run that a client executes",
        description="The run is running at once. To have a worker execute one, submit a job. "
        "A client that may have to ask again later than an Idempotency-Key is kept names the run "
        "by an `origin` of its own: the project has one run of each.",
        again="The project has a run of this origin already: this one, as it is now.",
        answer=RunDetailOutput,
        example={**shapes.DETAIL_EXAMPLE, "job": None},
        status=201,
        body=shapes.RunInput,
        body_example=shapes.EXAMPLE_INPUT,
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        asked = self.read(shapes.RunInput)
        del asked["project"]
        run, is_new = lifecycle.create_client_run(project=self.project, user=self.caller, **asked)
        return Response(RunDetailOutput(run).data, status=201 if is_new else 200)


def _filtered(request: Request, rows: QuerySet[Run]) -> QuerySet[Run]:
    asked = request.query_params
    project: Project | None = None
    if name := asked.get("project"):
        project = find_project(request, name)
        rows = rows.filter(project=project)
    if text := asked.get("status"):
        rows = rows.filter(status__in=_statuses(text))
    for tag in asked.getlist("tag")[:20]:
        rows = rows.filter(tag_rows__name=tag)
    if group := asked.get("group"):
        rows = rows.filter(group=group)
    if parent := asked.get("parent"):
        rows = rows.filter(parent=None) if parent == "none" else rows.filter(parent=parent)
    if part := asked.get("q"):
        rows = rows.filter(name__icontains=part)
    if text := asked.get("filter"):
        rows = rows.filter(search.parse(text, project=project))
    match asked.get("archived", "false"):
        case "false":
            return rows.filter(archived_at=None)
        case "true":
            return rows.exclude(archived_at=None).filter(deleted_at=None)
        case "all":
            return rows.filter(deleted_at=None)
        case "trash":
            return rows.exclude(deleted_at=None)
    raise _bad_query("archived", "Use false, true, all or trash.")


def _statuses(text: str) -> list[str]:
    wanted = text.split(",")
    if unknown := [name for name in wanted if name not in RunStatus.values]:
        known = ", ".join(RunStatus.values)
        raise _bad_query("status", f"{unknown[0][:60]!r} is none of {known}.")
    return wanted


def _bad_query(name: str, message: str) -> Invalid:
    return Invalid(f"{name}: {message}", fields={name: [message]})


class RunDetail(RunView):
    needed = {"GET": Role.VIEWER, "PATCH": Role.MEMBER, "DELETE": Role.MEMBER}

    @documented("runs_get", "One run", answer=RunDetailOutput, example=shapes.DETAIL_EXAMPLE)
    def get(self, request: Request, run_id: str) -> Response:
        return Response(RunDetailOutput(self.run).data)

    @documented(
        "runs_edit",
        "Change name, notes, tags, group, parent or colour",
        answer=RunDetailOutput,
        example=shapes.DETAIL_EXAMPLE,
        body=shapes.RunChange,
        body_example={"tags": ["paper"], "notes": "As in section 5.1."},
    )
    def patch(self, request: Request, run_id: str) -> Response:
        asked = self.read(shapes.RunChange)
        if "color" in asked:
            asked["color"] = asked["color"] or 0
        run = lifecycle.edit_run(self.run, **asked)
        return Response(RunDetailOutput(run).data)

    @documented(
        "runs_trash",
        "Move a run to the trash",
        description="It can be restored; after METASCOPE_TRASH_DAYS it is erased.",
        answer=None,
        status=204,
    )
    def delete(self, request: Request, run_id: str) -> Response:
        lifecycle.trash(self.run)
        return Response(status=204)


class RunErase(RunView):
    needed = {"POST": Role.ADMIN}

    @documented(
        "runs_erase",
        "Erase a run that is in the trash, for good",
        answer=None,
        status=204,
        body=shapes.Nothing,
        body_example={},
    )
    def post(self, request: Request, run_id: str) -> Response:
        self.read(shapes.Nothing)
        lifecycle.erase(self.run)
        return Response(status=204)


class RunAction(RunView):
    """A verb on a run. Each subclass says what it does to the run with the body it takes."""

    needed = {"POST": Role.MEMBER}
    takes: ClassVar[type[Input]] = shapes.Nothing
    act: ClassVar[Callable[..., Run]]

    def perform(self) -> Response:
        run = type(self).act(self.run, **self.read(self.takes))
        return Response(RunDetailOutput(run).data)


def _action(  # type: ignore[no-untyped-def]
    name: str,
    summary: str,
    act: Callable[..., Run],
    takes: type[Input],
    example: Any,
    description: str = "",
):
    """A view class for one verb, documented."""

    @documented(
        f"runs_{name}",
        summary,
        answer=RunDetailOutput,
        example=shapes.DETAIL_EXAMPLE,
        body=takes,
        body_example=example,
        description=description,
    )
    def post(self: RunAction, request: Request, run_id: str) -> Response:
        return self.perform()

    return type(
        f"Run{name.title()}",
        (RunAction,),
        {"takes": takes, "act": staticmethod(act), "post": post, "__doc__": summary},
    )


def _add_params(run: Run, *, params: dict[str, Any]) -> Run:
    return lifecycle.set_params(run, params)


def _set_summary(run: Run, *, summary: dict[str, Any]) -> Run:
    return lifecycle.set_summary(run, summary)


def _finish(run: Run, *, status: str, **more: Any) -> Run:
    return lifecycle.finish_client_run(run, status=RunStatus(status), **more)


_SILENCE = (
    "A run that a client executes is marked as crashed when nothing is heard of it for "
    "METASCOPE_CLIENT_SILENCE_S (10 minutes by default): no points, no console lines, no "
    "evaluation, no heartbeat. Any of these makes it running again; whatever was sent is kept."
)
ACTIONS = {
    "params": _action(
        "params", "Add params", _add_params, shapes.ParamsInput, {"params": {"dropout": 0.5}}
    ),
    "summary": _action(
        "summary", "Set final values", _set_summary, shapes.SummaryInput,
        {"summary": {"test": {"accuracy": 0.987}}},
    ),
    "finish": _action(
        "finish", "End a run that a client executes", _finish, shapes.FinishInput,
        {"status": "completed"},
    ),
    "cancel": _action(
        "cancel", "Cancel a run, with its job", lifecycle.cancel_run, shapes.ReasonInput,
        {"reason": "Wrong learning rate."},
    ),
    "heartbeat": _action(
        "heartbeat", "Say that a client's run is alive", lifecycle.beat_client_run,
        shapes.Nothing, {}, _SILENCE,
    ),
    "resume": _action(
        "resume", "Go on with a run that a client executes", lifecycle.resume_client_run,
        shapes.ResumeInput, {"after_step": 1000},
        "Running again, whatever had become of it; its console says what was dropped.",
    ),
    "archive": _action(
        "archive", "Hide a run from lists", lifecycle.archive, shapes.Nothing, {}
    ),
    "unarchive": _action(
        "unarchive", "Show an archived run again", lifecycle.unarchive, shapes.Nothing, {}
    ),
    "restore": _action(
        "restore", "Take a run out of the trash", lifecycle.restore, shapes.Nothing, {}
    ),
}  # fmt: skip
