"""/runs/<id>/environment/, snapshot/ and log/: where, what code, what it printed."""

import base64
import binascii
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import blobs, left_out, lifecycle, reading, recording, snapshots
from experiments.api.docs import documented
from experiments.api.fields import Input, Object, Output, Text, Texts, Whole
from experiments.api.idempotency import idempotent
from experiments.api.pages import Pages
from experiments.api.v1.run_shapes import EnvironmentBody
from experiments.api.views import RunView, or_not_found
from experiments.errors import NotFound
from experiments.models import LeftOut, Role, Run, Snapshot, SnapshotFile
from experiments.problems import Problems

ENVIRONMENT = {"environment": {"python": "3.11.9", "packages": {"torch": "2.13.0"}}}


class EnvironmentOutput(Output):
    environment = serializers.DictField()


class RunEnvironment(RunView):
    needed = {"GET": Role.VIEWER, "PUT": Role.MEMBER}

    @documented(
        "runs_environment", "Where a run was executed", answer=EnvironmentOutput,
        example=ENVIRONMENT,
    )  # fmt: skip
    def get(self, request: Request, run_id: str) -> Response:
        return Response({"environment": self.run.environment})

    @documented(
        "runs_set_environment",
        "Say where a run is executed",
        answer=EnvironmentOutput,
        example=ENVIRONMENT,
        body=EnvironmentBody,
        body_example=ENVIRONMENT,
    )
    def put(self, request: Request, run_id: str) -> Response:
        run = lifecycle.set_environment(self.run, **self.read(EnvironmentBody))
        return Response({"environment": run.environment})


class FileOutput(Output):
    path = serializers.CharField()
    sha256 = serializers.CharField(source="blob_id")
    size = serializers.IntegerField(source="blob.size")


class LeftOutFile(Output):
    path = serializers.CharField()
    size = serializers.IntegerField(allow_null=True, help_text="In bytes, where it is known.")
    why = serializers.CharField(help_text="Why it was not recorded.")
    sha256 = serializers.CharField(help_text="Of its content, where the client read it.")


class SnapshotOutput(Output):
    digest = serializers.CharField()
    git_commit = serializers.CharField()
    git_branch = serializers.CharField()
    git_remote = serializers.CharField()
    patch = serializers.BooleanField(help_text="Whether there were uncommitted changes.")
    file_count = serializers.IntegerField()
    left_out = LeftOutFile(
        many=True, help_text="Files that belong to the code and were not recorded, by path."
    )
    left_out_more = serializers.IntegerField(help_text="Further ones, which are not named.")


class LeftOutInput(Input):
    path = Text()
    why = Text(help_text="Such as: larger than 1 MiB.")
    size = Whole(required=False, allow_null=True, min_value=0, max_value=2**63 - 1)
    sha256 = Text(required=False, allow_blank=True, help_text="Of its content.")


class SnapshotInput(Input):
    files = Object(help_text='Text by relative path, or {"base64": "..."} for other bytes.')
    git_commit = Text(required=False, allow_blank=True)
    git_branch = Text(required=False, allow_blank=True)
    git_remote = Text(required=False, allow_blank=True)
    patch = Text(required=False, allow_blank=True, help_text="Output of git diff.")
    left_out = LeftOutInput(
        many=True, required=False, help_text="Files that belong to the code and are not sent."
    )
    left_out_more = Whole(
        required=False, min_value=0, max_value=2**31 - 1, help_text="Further ones, not named."
    )


class ContentOutput(Output):
    path = serializers.CharField()
    text = serializers.CharField(allow_null=True, help_text="Null if it is not UTF-8 text.")
    base64 = serializers.CharField(allow_null=True, help_text="The bytes where text is null.")


SNAPSHOT = {
    "digest": "9f2c4e0b5d6a7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708",
    "git_commit": "1f3c9b2",
    "git_branch": "main",
    "git_remote": "https://example.org/lab/maml.git",
    "patch": False,
    "file_count": 1,
    "left_out": [
        {"path": "words.json", "size": 5242880, "why": "larger than 1 MiB", "sha256": ""},
    ],
    "left_out_more": 0,
}


def _snapshot_of(view: RunView) -> Snapshot:
    if view.run.snapshot is None:
        raise NotFound("No code was recorded for this run.", code="no_snapshot")
    return view.run.snapshot


def _shown(run: Run, snapshot: Snapshot) -> dict[str, Any]:
    others = LeftOut.objects.filter(pk=run.pk).first() or LeftOut(run=run)
    return dict(
        SnapshotOutput(
            {
                "digest": snapshot.digest,
                "git_commit": snapshot.git_commit,
                "git_branch": snapshot.git_branch,
                "git_remote": snapshot.git_remote,
                "patch": snapshot.patch_id is not None,
                "file_count": snapshot.files.count(),
                "left_out": others.files,
                "left_out_more": others.more,
            }
        ).data
    )


class RunSnapshot(RunView):
    needed = {"GET": Role.VIEWER, "POST": Role.MEMBER}

    @documented("runs_snapshot", "The code a run executed", answer=SnapshotOutput, example=SNAPSHOT)
    def get(self, request: Request, run_id: str) -> Response:
        return Response(_shown(self.run, _snapshot_of(self)))

    @documented(
        "runs_set_snapshot",
        "Record the code a run executes",
        description="Once per run. Equal content in a workspace is stored once.",
        answer=SnapshotOutput,
        example=SNAPSHOT,
        status=201,
        body=SnapshotInput,
        body_example={"files": {"train.py": "print('hello')\n"}, "git_commit": "1f3c9b2"},
    )
    @idempotent()
    def post(self, request: Request, run_id: str) -> Response:
        asked = self.read(SnapshotInput)
        files = _bytes_of(asked.pop("files"))
        others, more = asked.pop("left_out", []), asked.pop("left_out_more", 0)
        patch = asked.pop("patch", "").encode()
        snapshot = snapshots.store(
            workspace=self.run.project.workspace, files=files, patch=patch, **asked
        )
        lifecycle.attach_snapshot(self.run, snapshot)
        left_out.store(self.run, others, more=more)
        return Response(_shown(self.run, snapshot), status=201)


def _bytes_of(files: dict[str, Any]) -> dict[str, bytes]:
    """Raises Invalid at `files.<path>` for what is neither text nor base64."""
    problems = Problems()
    found: dict[str, bytes] = {}
    for path, content in files.items():
        try:
            if isinstance(content, str):
                found[path] = content.encode()
            else:
                found[path] = base64.b64decode(content["base64"], validate=True)
        except (KeyError, TypeError, ValueError, binascii.Error):
            problems.add(f"files.{path[:100]}", 'Send text, or {"base64": "..."}.')
    problems.check()
    return found


class SnapshotFiles(RunView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "runs_snapshot_files",
        "List the files of a run's code",
        answer=FileOutput,
        example={"path": "train.py", "sha256": "9f2c4e0b...", "size": 15},
        paged=True,
    )
    def get(self, request: Request, run_id: str) -> Response:
        rows = SnapshotFile.objects.select_related("blob").filter(snapshot=_snapshot_of(self))
        return self.pages.page(
            request, rows, by="path", show=lambda some: FileOutput(some, many=True).data
        )


class SnapshotFileContent(RunView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "runs_snapshot_file",
        "The content of one file",
        answer=ContentOutput,
        example={"path": "train.py", "text": "print('hello')\n", "base64": None},
        query=[("path", str, "As listed.")],
    )
    def get(self, request: Request, run_id: str) -> Response:
        path = request.query_params.get("path", "")
        rows = SnapshotFile.objects.filter(snapshot=_snapshot_of(self), path=path)
        file = or_not_found(rows.first())
        data = blobs.read(file.blob_id)
        try:
            content = {"text": data.decode(), "base64": None}
        except UnicodeDecodeError:
            content = {"text": None, "base64": base64.b64encode(data).decode()}
        return Response({"path": path, **content})


class LineOutput(Output):
    number = serializers.IntegerField()
    attempt = serializers.IntegerField()
    text = serializers.CharField()
    stream = serializers.ChoiceField(
        choices=["stdout", "stderr"], help_text="Of a job, whose two are one, always stdout."
    )


class LogInput(Input):
    client = Text(max_length=64, help_text="A name unique to the sending process.")
    number = Whole(
        min_value=0, max_value=2**31 - 1, help_text="0, 1, 2 ... of the client's batches of lines."
    )
    lines = Texts(
        max_length=10_000,
        help_text="Up to 10,000 characters each, without line breaks; 1,000,000 in all.",
    )
    stderr = serializers.ListField(
        child=Whole(min_value=0), required=False,
        help_text="Places in `lines`, from 0, of those that came from standard error.",
    )  # fmt: skip
    time = serializers.FloatField(
        required=False, allow_null=True,
        help_text="When they were printed by the client's clock, in seconds since 1970; a time "
        "that cannot be, such as one to come, counts as now.",
    )  # fmt: skip


class LoggedOutput(Output):
    lines = serializers.IntegerField()
    duplicate = serializers.BooleanField(help_text="They had been stored before; nothing changed.")


class RunLog(RunView):
    needed = {"GET": Role.VIEWER, "POST": Role.MEMBER}
    pages = Pages(most=5000)

    @documented(
        "runs_log",
        "Console lines, oldest first",
        answer=LineOutput,
        example={
            "number": 1,
            "attempt": 1,
            "text": "12:00:00 INFO meta-step 100",
            "stream": "stdout",
        },
        paged=True,
        query=[("contains", str, "Only lines that hold this text, whatever its case.")],
        description="`next` is null when these are the last lines so far.",
    )
    def get(self, request: Request, run_id: str) -> Response:
        limit, cursor = self.pages.asked(request)
        contains = request.query_params.get("contains", "")
        after = self.pages.whole(cursor)
        found = reading.log_lines(self.run.pk, after=after, limit=limit, contains=contains)
        more = found.next if found.next < found.total else None
        return self.pages.answer(request, LineOutput(found.lines, many=True).data, more)

    @documented(
        "runs_append_log",
        "Record console lines of a run that a client executes",
        description="All or nothing, behind the lines that came before. (client, number) names "
        "the batch, so that sending it again is harmless. A line that begins with a time and a "
        'level ("12:00:00 WARNING ...") keeps them; others get `time`, or when they came in, and '
        "INFO. A sign of life: a run that had crashed by silence is running again.",
        answer=LoggedOutput,
        example={"lines": 2, "duplicate": False},
        body=LogInput,
        body_example={
            "client": "box-4242",
            "number": 0,
            "lines": ["reading data", "12:00:00 WARNING 3 files are missing"],
        },
    )
    def post(self, request: Request, run_id: str) -> Response:
        logged = lifecycle.log_client_run(self.run, recording.parse_log(request.data))
        return Response(LoggedOutput(logged).data)
