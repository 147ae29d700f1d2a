"""Runs of clients: silence is a crash, any later sign of life undoes it, whoever is faster."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from experiments import lifecycle, recording
from experiments.errors import Invalid
from experiments.models import MetricBatch, Run, RunStatus, RunTag
from tests.factories import make_job, make_project, make_run, make_user

LIMIT_S = 600
database = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limit(settings):
    settings.CLIENT_SILENCE_S = LIMIT_S


def silent_run(seconds: float = LIMIT_S + 1) -> Run:
    """A running run of a client that was heard of so long ago."""
    run = lifecycle.create_run(project=make_project(), user=make_user())
    Run.objects.filter(pk=run.pk).update(heartbeat_at=Now() - timedelta(seconds=seconds))
    return run


def send_points(run: Run, number: int = 0) -> None:
    with lifecycle.sign_of_life(run.pk):
        recording.record(
            run_id=run.pk,
            client="box",
            number=number,
            series=recording.parse_series({"points": [{"key": "loss", "step": 0, "value": 1}]}),
        )


@database
def test_a_silent_run_has_crashed_and_says_why():
    silent, alive = silent_run(), silent_run(LIMIT_S - 60)

    assert lifecycle.sweep_silent_runs() == 1
    assert lifecycle.sweep_silent_runs() == 0

    silent.refresh_from_db()
    alive.refresh_from_db()
    assert (silent.status, alive.status) == ("crashed", "running")
    assert silent.status_reason.startswith("No sign of life for 600 s")
    assert silent.finished_at == silent.heartbeat_at
    assert alive.status_reason == ""


@database
def test_a_run_that_was_never_heard_of_is_silent_since_its_start():
    long_ago = timezone.now() - timedelta(seconds=LIMIT_S + 1)
    run = make_run(started_at=long_ago, heartbeat_at=None)

    lifecycle.sweep_silent_runs()

    run.refresh_from_db()
    assert (run.status, run.finished_at) == ("crashed", run.started_at)


@database
@pytest.mark.parametrize("status", ["queued", "completed", "failed", "cancelled", "crashed"])
def test_only_running_runs_crash(status):
    make_run(status=status, heartbeat_at=timezone.now() - timedelta(days=1))

    assert lifecycle.sweep_silent_runs() == 0


@database
def test_a_run_of_a_job_is_left_to_its_lease():
    job = make_job(make_run(heartbeat_at=timezone.now() - timedelta(days=1)), status="running")

    assert lifecycle.sweep_silent_runs() == 0

    job.run.refresh_from_db()
    assert job.run.status == "running"


@database
def test_late_points_are_kept_and_bring_a_crashed_run_back_visibly():
    run = silent_run()
    lifecycle.sweep_silent_runs()

    send_points(run)

    run.refresh_from_db()
    assert (run.status, run.finished_at) == ("running", None)
    assert run.status_reason.startswith("Heard of again; nothing had been heard since 20")
    assert MetricBatch.objects.filter(run=run).count() == 1
    assert lifecycle.sweep_silent_runs() == 0


@database
def test_console_lines_are_a_sign_of_life():
    run = silent_run()
    lifecycle.sweep_silent_runs()

    lifecycle.log_client_run(run, recording.ClientLog("box", 0, ["still here"]))

    assert Run.objects.get().status == "running"


@database
def test_a_repeated_batch_is_a_sign_of_life_too():
    run = silent_run()
    send_points(run)
    Run.objects.update(heartbeat_at=Now() - timedelta(seconds=LIMIT_S + 1))

    send_points(run)

    assert lifecycle.sweep_silent_runs() == 0


@database
@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_run_that_somebody_ended_takes_late_points_and_stays_ended(status):
    run = make_run(status=status)

    send_points(run)

    run.refresh_from_db()
    assert run.status == status
    assert MetricBatch.objects.filter(run=run).count() == 1


@database
def test_a_batch_that_is_refused_is_no_sign_of_life():
    run = silent_run()

    with pytest.raises(Invalid), lifecycle.sign_of_life(run.pk):
        recording.record(run_id=run.pk, client="box", number=-1, series=[])

    assert lifecycle.sweep_silent_runs() == 1


def test_a_run_heard_of_while_it_is_swept_is_running_in_the_end(file_database):
    """Eight times over: whoever is first, the sign of life is newer than the silence."""
    for number in range(8):
        run = silent_run()
        start = threading.Barrier(2)
        threads = [
            threading.Thread(target=_at_once, args=(start, lifecycle.sweep_silent_runs)),
            threading.Thread(target=_at_once, args=(start, send_points, run, number)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        run.refresh_from_db()
        assert (run.status, run.finished_at) == ("running", None)
        assert MetricBatch.objects.filter(run=run).count() == 1


def _at_once(start: threading.Barrier, act, *arguments) -> None:
    start.wait()
    act(*arguments)
    connections.close_all()


@database
def test_runs_of_clients_without_a_heartbeat_may_be_silent_for_longer(settings):
    patient, late = (make_run(status="running") for _ in range(2))
    for run in (patient, late):
        RunTag.objects.create(run=run, project=run.project, name="mlflow.runName", value="x")
    for run, seconds in (
        (patient, settings.CLIENT_SILENCE_S + 60), (late, settings.MUTE_CLIENT_SILENCE_S + 60),
    ):  # fmt: skip
        Run.objects.filter(pk=run.pk).update(heartbeat_at=Now() - timedelta(seconds=seconds))

    assert lifecycle.sweep_silent_runs() == 1
    assert Run.objects.get(pk=patient.pk).status == RunStatus.RUNNING
    assert Run.objects.get(pk=late.pk).status == RunStatus.CRASHED
