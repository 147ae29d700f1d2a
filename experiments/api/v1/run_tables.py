"""/runs/groups/ and /runs/export/: the runs of one project in groups, and all of them as CSV."""

from typing import Any

from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import floats, reading, run_export
from experiments.api.auth import SIGNED_IN
from experiments.api.docs import documented
from experiments.api.fields import Output
from experiments.api.views import ApiView, find_project
from experiments.errors import Invalid
from experiments.shapes import RunGroup, Spread

CSV = "text/csv; charset=utf-8"
PROJECT = ("project", str, "'slug' or 'workspace/slug'.")
FILTER = ("filter", str, "Only the runs that this finds, such as: status = completed.")
ARCHIVED = ("archived", str, "false (default), or true: the archived runs instead.")


class SpreadOutput(Output):
    mean = serializers.JSONField(help_text='A number, "inf" or "-inf"; null: of no number.')
    sd = serializers.JSONField(help_text="The sample's standard deviation; null below two.")
    count = serializers.IntegerField(help_text="Runs with a finite number.")
    nonfinite = serializers.IntegerField(help_text="Runs whose number is NaN or infinite.")


class GroupOutput(Output):
    run = serializers.CharField(help_text="The id of its oldest run.")
    values = serializers.ListField(
        child=serializers.CharField(allow_null=True), help_text="In the order of `by`."
    )
    runs = serializers.IntegerField(help_text="How many runs it has.")
    run_ids = serializers.ListField(
        child=serializers.CharField(), help_text="Of its newest runs, 200 at most."
    )
    statuses = serializers.DictField(child=serializers.IntegerField())
    metrics = serializers.DictField(child=SpreadOutput())
    held = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(allow_null=True)),
        help_text="By column: the values that its runs hold, null for none: null first, then "
        "numbers by size, then texts; of many the first 4.",
    )


EXAMPLE = {
    "run": "1jh3v9r7k2m0c4qx",
    "values": ["0.01"],
    "runs": 3,
    "run_ids": ["1jh3v9r7m8d1t5fy", "1jh3v9r7kz1c8ahe", "1jh3v9r7k2m0c4qx"],
    "statuses": {"completed": 3},
    "metrics": {"metrics.loss": {"mean": 0.25, "sd": 0.01, "count": 3, "nonfinite": 0}},
    "held": {"params.net": ["conv4"], "seed": ["0", "1", "2"]},
}


class RunGroups(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented(
        "runs_groups",
        "The runs of a project in groups of those that are alike",
        description="Each group with mean, sample standard deviation and N of the metrics asked "
        "for, and what its runs have in common in the params asked for.",
        answer=GroupOutput,
        example=EXAMPLE,
        paged=True,
        query=(
            PROJECT,
            (
                "by",
                str,
                "What runs of a group have in common: status, group, seed, name, user, parent, "
                "params.KEY or tags.KEY; may be repeated. Or seedless alone: the same code and "
                "the same params but for `seed`.",
            ),
            FILTER,
            (
                "column",
                str,
                "metrics.KEY, metrics.KEY(min), metrics.KEY(max), params.KEY, group or seed; may "
                "be repeated.",
            ),
            (
                "sort",
                str,
                "created (the newest run; the default is -created), runs, one of `by`, or a "
                "metric: the mean of the group. A - before it turns the order round. Groups "
                "without it come last.",
            ),
            ARCHIVED,
        ),
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params
        limit, cursor = self.pages.asked(request)
        start = self.pages.whole(cursor) or 0
        sort = asked.get("sort", "-created")
        page = reading.run_groups(
            find_project(request, asked.get("project")),
            by=asked.getlist("by"),
            filters=asked.get("filter", ""),
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
            columns=_group_columns(asked.getlist("column")),
            offset=start,
            limit=limit,
            archived=_archived(asked.get("archived", "false")),
        )
        after = start + limit if page.has_more else None
        return self.pages.answer(request, list(map(_shown, page.groups)), after)


class RunsExport(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented(
        "runs_export",
        "All runs of a project that a filter finds, as CSV",
        description="One line a run, in the order asked for, after a head: id, name, then the "
        "columns. The least and the most of a metric come with their step. Numbers are exact; "
        "text that a spreadsheet would run as a formula has an apostrophe in front.",
        answer=None,
        gives="text/csv",
        query=(
            PROJECT,
            FILTER,
            (
                "column",
                str,
                f"{', '.join(run_export.ATTRIBUTES)}, params.KEY, metrics.KEY, metrics.KEY(min) or "
                "metrics.KEY(max); may be repeated. Without any: all params and the last values "
                "of all metrics.",
            ),
            ("sort", str, "As of GET /runs/; -created by default."),
            ARCHIVED,
        ),
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        asked = request.query_params
        project = find_project(request, asked.get("project"))
        sort = asked.get("sort", "-created")
        lines = run_export.csv_lines(
            project,
            columns=asked.getlist("column") or run_export.all_columns(project),
            filters=asked.get("filter", ""),
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
            archived=_archived(asked.get("archived", "false")),
        )
        answer = StreamingHttpResponse(run_export.pieces(lines), content_type=CSV)
        answer["Content-Disposition"] = f'attachment; filename="{project.slug}-runs.csv"'
        return answer


def _group_columns(names: list[str]) -> list[str]:
    known = ("metrics.", "params.")
    for name in names:
        if not name.startswith(known) and name not in ("group", "seed"):
            problem = f"{name[:100]!r} is not known; use metrics.KEY, params.KEY, group or seed."
            raise Invalid(f"column: {problem}", fields={"column": [problem]})
    return list(dict.fromkeys(names))[: run_export.MOST_COLUMNS]


def _archived(text: str) -> bool:
    if text not in ("false", "true"):
        raise Invalid("archived: Use false or true.", fields={"archived": ["Use false or true."]})
    return text == "true"


def _shown(group: RunGroup) -> dict[str, Any]:
    return {
        "run": group.id,
        "values": group.values,
        "runs": group.runs,
        "run_ids": group.run_ids,
        "statuses": group.statuses,
        "metrics": {name: _spread(spread) for name, spread in group.metrics.items()},
        "held": group.held,
    }


def _spread(spread: Spread) -> dict[str, Any]:
    mean, sd = (None if one is None else floats.to_json(one) for one in (spread.mean, spread.sd))
    return {"mean": mean, "sd": sd, "count": spread.count, "nonfinite": spread.nonfinite}
