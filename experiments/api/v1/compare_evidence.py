"""/compare/media/ and /compare/console/: what runs showed and printed, side by side."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import reading
from experiments.api.auth import SIGNED_IN
from experiments.api.docs import documented
from experiments.api.fields import Output
from experiments.api.pages import Pages
from experiments.api.v1.compared_runs import MOST, choice, invalid, runs_asked
from experiments.api.views import ApiView
from experiments.comparing import console
from experiments.comparing.console import ConsoleLines, LogRow
from experiments.comparing.words import Span
from experiments.models import Run
from experiments.reading.media import MediaFile, MediaIndex
from experiments.shapes import LogLine

FURTHEST = 2**53  # of a step, either side of 0
MOST_ROWS = 10_000
STREAMS = ("stdout", "stderr")  # left out: both
KINDS = ("same", "changed", "only_old", "only_new")
PAGED = (
    ("limit", int, "Items on a page; 50."),
    ("cursor", str, "Where the page begins: from `next` of the page before."),
)
TWO_RUNS = ("runs", str, "The ids of two runs, separated by a comma: the old one, the new one.")


class NextOutput(Output):
    next = serializers.URLField(allow_null=True, help_text="Address of the next page.")


class MediaFileOutput(Output):
    step = serializers.IntegerField(help_text="The nearest to the one asked for.")
    extension = serializers.CharField(help_text="All after the step: png, table.json.")
    path = serializers.CharField(help_text="Among the files of the run.")
    content = serializers.CharField(help_text="The address of its bytes.")


class MediaNameOutput(Output):
    kind = serializers.CharField(help_text="image, figure, curve, table, confusion, ...")
    name = serializers.CharField()
    files = serializers.DictField(
        child=MediaFileOutput(allow_null=True), help_text="By run; null: nothing of this name."
    )


class CompareMediaOutput(NextOutput):
    step = serializers.IntegerField(help_text="The step asked for, else the last of all.")
    steps = serializers.ListField(
        child=serializers.IntegerField(), help_text="At which any run showed any of these names."
    )
    is_all = serializers.BooleanField(help_text="False: runs have more than is read.")
    results = MediaNameOutput(many=True)


class CompareMedia(ApiView):
    needed = {"GET": SIGNED_IN}
    pages = Pages(most=500)

    @documented(
        "compare_media",
        "What runs showed, name by name, at one step",
        description="Each run at the step, else at its nearest, the earlier of two. One run alone "
        "is fine. `content` of a file gives its bytes.",
        answer=CompareMediaOutput,
        example={
            "step": 100,
            "steps": [0, 100],
            "is_all": True,
            "results": [
                {
                    "kind": "image",
                    "name": "samples",
                    "files": {
                        "1jh3v9r7k2m0c4qx": {
                            "step": 100,
                            "extension": "png",
                            "path": "media/image/samples/000000000100.png",
                            "content": "/api/v1/runs/1jh3v9r7k2m0c4qx/files/content/"
                            "?path=media/image/samples/000000000100.png",
                        },
                        "1jh3v9r7k2m0c4qy": None,
                    },
                }
            ],
            "next": None,
        },
        query=(
            ("runs", str, f"1 to {MOST} ids of runs, separated by commas."),
            ("contains", str, "Only names that hold this text, as kind/name."),
            ("step", int, "A whole number; the last step."),
            *PAGED,
        ),
    )
    def get(self, request: Request) -> Response:
        runs = runs_asked(request, least=1)
        index = reading.media_index(runs, request.query_params.get("contains", ""))
        step = _step(request, index)

        def show(some: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
            return [
                {
                    "kind": name[0],
                    "name": name[1],
                    "files": {run.pk: _file(run, index.at(name, run.pk, step)) for run in runs},
                }
                for name in some
            ]

        page = self.pages.slice(request, index.names, show=show)
        about = {"step": step, "steps": index.steps, "is_all": index.is_all}
        return Response({**about, **page.data})


def _step(request: Request, index: MediaIndex) -> int:
    text = request.query_params.get("step")
    if text is None:
        return index.steps[-1] if index.steps else 0
    digits = text.removeprefix("-")
    is_whole = digits.isascii() and digits.isdecimal() and len(digits) < 17
    if not is_whole or abs(int(text)) > FURTHEST:
        raise invalid("step", f"Use a whole number from {-FURTHEST} to {FURTHEST}.")
    return int(text)


def _file(run: Run, media: MediaFile | None) -> dict[str, Any] | None:
    if media is None:
        return None
    return {
        "step": media.step,
        "extension": media.extension,
        "path": media.path,
        "content": f"/api/v1/runs/{run.pk}/files/content/?path={quote(media.path, safe='/')}",
    }


class DiffLineOutput(Output):
    number = serializers.IntegerField(help_text="From 1, over all attempts.")
    stream = serializers.CharField(help_text="stdout or stderr; of jobs the two are one.")
    text = serializers.CharField(help_text="As it was printed, with its times.")
    words = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="Where it differs: first and past the last character of each stretch.",
    )


class DiffRowOutput(Output):
    kind = serializers.ChoiceField(KINDS, help_text="changed: other numbers in the same words.")
    old = DiffLineOutput(allow_null=True)
    new = DiffLineOutput(allow_null=True)


class ConsoleSideOutput(Output):
    run = serializers.CharField()
    total = serializers.IntegerField(help_text="Lines of its console.")
    left_out = serializers.IntegerField(help_text="Those in the middle that are not compared.")


class CompareConsoleOutput(NextOutput):
    old = ConsoleSideOutput()
    new = ConsoleSideOutput()
    changed = serializers.IntegerField(help_text="Rows of that kind, on all pages.")
    only_old = serializers.IntegerField()
    only_new = serializers.IntegerField()
    results = DiffRowOutput(many=True)


class CompareConsole(ApiView):
    needed = {"GET": SIGNED_IN}
    pages = Pages(most=MOST_ROWS)

    @documented(
        "compare_console",
        "What two runs printed, aligned line by line",
        description="Times, dates, durations and rates are no differences. Of a console of more "
        f"than {2 * console.ENDS:,} lines the first and the last {console.ENDS:,} are compared.",
        answer=CompareConsoleOutput,
        example={
            "old": {"run": "1jh3v9r7k2m0c4qx", "total": 2, "left_out": 0},
            "new": {"run": "1jh3v9r7k2m0c4qy", "total": 1, "left_out": 0},
            "changed": 1,
            "only_old": 1,
            "only_new": 0,
            "results": [
                {
                    "kind": "changed",
                    "old": {"number": 1, "stream": "stdout", "text": "loss 0.5", "words": [[5, 8]]},
                    "new": {"number": 1, "stream": "stdout", "text": "loss 0.4", "words": [[5, 8]]},
                }
            ],
            "next": None,
        },
        query=(
            TWO_RUNS,
            ("stream", str, "stdout or stderr: what was printed there alone; both."),
            ("differs", str, "1: only rows that differ."),
            *PAGED,
        ),
    )
    def get(self, request: Request) -> Response:
        old, new = runs_asked(request, most=2)
        stream = choice(request, "stream", STREAMS, "")
        differs = choice(request, "differs", ("0", "1"), "0") == "1"
        diff = console.compare(old.pk, new.pk, stream=stream)
        rows = [row for row in diff.rows if not (differs and row.is_same)]
        page = self.pages.slice(request, rows, show=lambda some: [_row(row) for row in some])
        about = {
            "old": _side(old, diff.old),
            "new": _side(new, diff.new),
            "changed": diff.changed,
            "only_old": diff.only_old,
            "only_new": diff.only_new,
        }
        return Response({**about, **page.data})


def _side(run: Run, lines: ConsoleLines) -> dict[str, Any]:
    return {"run": run.pk, "total": lines.total, "left_out": lines.left_out}


def _row(row: LogRow) -> dict[str, Any]:
    if row.is_same:
        kind = "same"
    else:
        kind = "changed" if row.old and row.new else "only_old" if row.old else "only_new"
    gone, come = row.words
    return {"kind": kind, "old": _line(row.old, gone), "new": _line(row.new, come)}


def _line(line: LogLine | None, words: Sequence[Span]) -> dict[str, Any] | None:
    if line is None:
        return None
    spans = [list(span) for span in words]
    return {"number": line.number, "stream": line.stream, "text": line.text, "words": spans}


urlpatterns = [
    path("compare/media/", CompareMedia.as_view()),
    path("compare/console/", CompareConsole.as_view()),
]
