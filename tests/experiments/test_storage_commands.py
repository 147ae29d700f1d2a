"""What is kept, counted and collected at the command line."""

import hashlib
import io
import re
import sqlite3
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from experiments import (
    artifacts,
    blobs,
    files,
    folding,
    lifecycle,
    recording,
    snapshots,
    uploads,
    usage,
)
from experiments.models import (
    Artifact,
    ArtifactVersion,
    Blob,
    BlobUpload,
    Checkpoint,
    Manifest,
    Run,
)
from tests import factories

pytestmark = pytest.mark.django_db


def said(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def long_ago() -> None:
    Blob.objects.update(created_at=Now() - 2 * blobs.COLLECT_AFTER)


def test_garbage_is_counted_first_and_then_deleted(data_dir):
    kept = factories.make_run()
    files.put(files.of_run(kept), "a", io.BytesIO(b"kept"))
    blobs.put(b"x" * 2048)
    long_ago()

    told = said("collect_garbage", "--dry-run").replace("\xa0", " ")
    assert re.search(r"files that nothing refers to +1 of 2.0 KB\n", told)
    assert "1 files would go, 2.0 KB freed." in told
    assert Blob.objects.count() == 2
    assert "1 files deleted, 2.0\xa0KB freed" in said("collect_garbage")
    assert [blob.size for blob in Blob.objects.all()] == [4]
    assert "0 files deleted" in said("collect_garbage")


def test_garbage_takes_the_old_trash_along(data_dir, settings):
    run = factories.make_run(status="completed")
    files.put(files.of_run(run), "a", io.BytesIO(b"gone"))
    lifecycle.trash(run)
    settings.TRASH_DAYS = 0
    long_ago()

    assert said("collect_garbage").startswith("1 runs of the trash erased; 1 files deleted")
    assert not Run.objects.exists()
    assert not Blob.objects.exists()


def test_storage_says_what_a_project_keeps(data_dir):
    run = factories.make_run()
    body = {"series": [{"key": "loss", "steps": [0, 1], "values": [1.0, 2.0]}]}
    for number in range(2):
        recording.record(
            run_id=run.pk, client="c", number=number, series=recording.parse_series(body)
        )
        if number == 0:
            folding.fold_run(run.pk)
    files.put(files.of_run(run), "a", io.BytesIO(b"12345"))

    head, row, total = said("storage").splitlines()

    assert head.split() == [
        "project", "runs", "points", "metrics", "code", "files", "artifacts", "checkpoints", "on",
        "disk", "alone",
    ]  # fmt: skip
    cells = re.split(r"\s{2,}", row.replace("\xa0", " "))
    assert cells[:3] == ["lab/sinusoid", "1", "4"]
    assert cells[5:] == ["5 bytes", "0 bytes", "0 bytes", "5 bytes", "5 bytes"]
    assert 100 < int(cells[3].split()[0]) < 2000
    assert total.replace("\xa0", " ").startswith("1 stored files, 5 bytes: 5 bytes of one project")


def test_what_would_go_is_told_by_kind_and_is_what_goes(data_dir, settings):
    project = factories.make_project()
    due, kept = (factories.make_run(project, status="completed") for _ in range(2))
    body = {"series": [{"key": "loss", "steps": [0], "values": [1.0]}]}
    recording.record(run_id=due.pk, client="c", number=0, series=recording.parse_series(body))
    for run, code in ((due, b"of due alone"), (due, b"shared"), (kept, b"shared")):
        files.put(files.of_run(run), code.decode(), io.BytesIO(code))
    snapshot = snapshots.store(workspace=project.workspace, files={"a.py": b"code of due"})
    lifecycle.attach_snapshot(due, snapshot)
    Checkpoint.objects.create(run=due, attempt=1, step=1, blob=blobs.put(b"checkpoint"))
    blobs.put(b"left over")
    lifecycle.trash(due)
    settings.TRASH_DAYS = 0
    long_ago()

    told = usage.garbage()

    assert told.runs == 1
    assert told.points > 0
    assert {kind: one.size for kind, one in told.files.items()} == {
        "checkpoints": 10, "code": 11, "files": 12, "unreferenced": 9,
    }  # fmt: skip
    assert Run.objects.count() == 2
    files_before = Blob.objects.count()
    said("collect_garbage")
    assert files_before - Blob.objects.count() == told.files_in_all.count == 4
    assert usage.garbage().files_in_all == usage.Amount(0, 0)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="its limit can be lowered for a test")
def test_garbage_is_counted_of_more_runs_than_a_statement_takes_parameters(data_dir, settings):
    project = factories.make_project()
    for number in range(60):
        run = factories.make_run(project, status="completed")
        files.put(files.of_run(run), "a", io.BytesIO(b"%d" % number))
        lifecycle.trash(run)
    settings.TRASH_DAYS = 0
    long_ago()
    connection.ensure_connection()
    limit = connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 50)

    try:
        told = usage.garbage()
    finally:
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, limit)

    assert told.runs == told.files["files"].count == 60


def test_a_project_that_is_erased_leaves_no_file_behind(data_dir, settings):
    project = factories.make_project()
    lab = project.workspace
    blob = uploads.receive(lab, hashlib.sha256(b"data").hexdigest(), io.BytesIO(b"data"))
    stored = [artifacts.Stored(path="a", sha256=blob.pk)]
    artifacts.log_version(project=project, user=None, name="a", kind="dataset", stored=stored)
    lifecycle.trash_project(project)
    settings.TRASH_DAYS = 0
    long_ago()
    BlobUpload.objects.all().delete()

    assert usage.garbage().files["files"] == usage.Amount(1, 4)
    said("collect_garbage")

    assert not Manifest.objects.exists()
    assert not Blob.objects.exists()


def test_storage_says_what_projects_share(data_dir):
    one, other = (factories.make_project(slug=slug) for slug in ("one", "other"))
    for project, content in ((one, b"shared"), (one, b"mine"), (other, b"shared")):
        run = factories.make_run(project)
        for path in ("a", "b"):  # twice, stored once
            files.put(files.of_run(run), path, io.BytesIO(content))
    blobs.put(b"garbage")

    told = said("storage").replace("\xa0", " ").splitlines()

    assert re.split(r"\s{2,}", told[1])[5:] == [
        "20 bytes", "0 bytes", "0 bytes", "10 bytes", "4 bytes",
    ]  # fmt: skip
    assert re.split(r"\s{2,}", told[2])[8:] == ["6 bytes", "0 bytes"]
    assert told[3].startswith(
        "3 stored files, 17 bytes: 4 bytes of one project, 6 bytes of several, 7 bytes of none"
    )


def test_versions_that_are_older_than_they_are_kept_are_told_and_go(data_dir):
    project = factories.make_project()
    for content in (b"old", b"newest"):
        sha = hashlib.sha256(content).hexdigest()
        blob = uploads.receive(project.workspace, sha, io.BytesIO(content))
        stored = [artifacts.Stored(path="a", sha256=blob.pk)]
        artifacts.log_version(project=project, user=None, name="a", kind="dataset", stored=stored)
    Artifact.objects.update(keep_days=5)
    ArtifactVersion.objects.filter(number=1).update(created_at=Now() - timedelta(days=6))
    long_ago()
    BlobUpload.objects.all().delete()

    told = said("collect_garbage", "--dry-run").replace("\xa0", " ")
    done = said("collect_garbage")

    assert f"{project.slug}:a:1, made" in told
    assert "1 files would go, 3 bytes freed." in told
    assert "1 versions of artifacts were past what their rules keep." in done
    assert [blob.size for blob in Blob.objects.all()] == [6]
