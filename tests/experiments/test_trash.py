"""The trash: out of sight, restored whole, and erased for good only from there."""

import io
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from experiments import blobs, files, lifecycle, recording, snapshots
from experiments.errors import Conflict
from experiments.models import Blob, Manifest, MetricBatch, Project, Run, RunStatus, Snapshot
from tests import factories

pytestmark = pytest.mark.django_db

POINTS = {"series": [{"key": "loss", "steps": [0], "values": [1.0]}]}


def test_a_run_in_the_trash_is_in_no_list_and_comes_back_whole():
    run = factories.make_run(status="completed")

    lifecycle.trash(run)

    assert run.archived_at is not None
    assert run.deleted_at is not None
    assert Run.objects.get(pk=run.pk).status == RunStatus.COMPLETED
    lifecycle.restore(run)
    assert run.archived_at is run.deleted_at is None


def test_a_clients_running_run_is_cancelled_and_a_jobs_is_refused():
    mine = factories.make_run(status="running")
    of_job = factories.make_job(status="running").run

    lifecycle.trash(mine)
    with pytest.raises(Conflict, match="cancel it first"):
        lifecycle.trash(of_job)

    assert Run.objects.get(pk=mine.pk).status == RunStatus.CANCELLED
    assert Run.objects.get(pk=of_job.pk).deleted_at is None


def test_only_the_trash_is_erased_and_all_of_it_goes(data_dir):
    run = factories.make_run(status="completed")
    recording.record(run_id=run.pk, client="c", number=0, series=recording.parse_series(POINTS))
    files.put(files.of_run(run), "a", io.BytesIO(b"bytes of a"))
    workspace = run.project.workspace
    shared = snapshots.store(workspace=workspace, files={"train.py": b"shared"})
    other = factories.make_run(run.project)
    lifecycle.attach_snapshot(run, shared)
    lifecycle.attach_snapshot(other, shared)

    with pytest.raises(Conflict, match="in the trash"):
        lifecycle.erase(run)
    lifecycle.erase(lifecycle.trash(run))

    assert not Run.objects.filter(pk=run.pk).exists()
    assert not Manifest.objects.exists()
    assert not MetricBatch.objects.exists()
    assert Snapshot.objects.get() == shared  # another run executed the same code
    Blob.objects.update(created_at=Now() - 2 * blobs.COLLECT_AFTER)
    assert blobs.collect() == 1
    assert snapshots.load(shared) == {"train.py": b"shared"}


def test_what_waited_long_enough_is_erased(settings):
    old, new = (lifecycle.trash(factories.make_run(status="completed")) for _ in range(2))
    Run.objects.filter(pk=old.pk).update(
        deleted_at=Now() - timedelta(days=settings.TRASH_DAYS, seconds=5)
    )

    assert lifecycle.empty_trash() == 1
    assert [run.pk for run in Run.objects.all()] == [new.pk]


def test_a_project_goes_and_comes_with_its_runs(settings):
    run = factories.make_run(status="completed")
    project = run.project

    lifecycle.trash_project(project)
    run.refresh_from_db()
    assert project.deleted_at is not None
    assert run.deleted_at is not None

    lifecycle.restore_project(project)
    run.refresh_from_db()
    assert project.deleted_at is run.deleted_at is run.archived_at is None

    lifecycle.trash_project(project)
    long_ago = Now() - timedelta(days=settings.TRASH_DAYS + 1)
    Run.objects.update(deleted_at=long_ago)
    Project.objects.update(deleted_at=long_ago)
    assert lifecycle.empty_trash() == 1
    assert not Project.objects.exists()


def test_a_project_with_a_running_job_stays():
    job = factories.make_job(status="running")

    with pytest.raises(Conflict, match="1 jobs"):
        lifecycle.trash_project(job.run.project)

    assert Project.objects.get().deleted_at is None


def test_a_run_does_not_come_back_into_a_project_in_the_trash():
    run = factories.make_run(status="completed")
    lifecycle.trash_project(run.project)

    with pytest.raises(Conflict, match="restore that"):
        lifecycle.restore(run)

    assert Run.objects.get().deleted_at is not None
