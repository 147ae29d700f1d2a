"""What is kept, counted and collected at the command line."""

import io
import re

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from experiments import blobs, files, folding, lifecycle, recording
from experiments.models import Blob, Run
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

    assert said("collect_garbage", "--dry-run") == "1 files of 2.0\xa0KB would go.\n"
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
        "project", "runs", "points", "metrics", "code", "files", "artifacts", "checkpoints",
    ]  # fmt: skip
    cells = re.split(r"\s{2,}", row.replace("\xa0", " "))
    assert cells[:3] == ["lab/sinusoid", "1", "4"]
    assert cells[5:] == ["5 bytes", "0 bytes", "0 bytes"]
    assert 100 < int(cells[3].split()[0]) < 2000
    assert total.replace("\xa0", " ") == "1 stored files, 5 bytes"
