"""Celery's entry points and what a worker says about itself."""

import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings
from django.utils import timezone

from experiments.models import Worker
from tests.factories import make_job, make_run
from worker import slots, sweeps, tasks, trainers
from worker.slots import Slots


def test_beat_knows_its_tasks():
    current_app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert scheduled == {tasks.sweep_jobs.name, tasks.fold_series.name}
    assert scheduled <= set(current_app.tasks)


def test_message_outside_a_worker_is_a_clean_return():
    tasks.run_job("0" * 16)

    assert tasks._slots is None


def test_worker_never_loads_torch():
    code = (
        "import sys, django; django.setup(); import worker.tasks; sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env={"DJANGO_SETTINGS_MODULE": "config.settings", "PATH": ""},
        check=False,
    )

    assert done.returncode == 0


def test_every_algorithm_is_announced_with_schema_and_presets():
    announcement = trainers.announcement(name="box/1", pid=1, queues=["gpu", "default"], slots=2)

    assert announcement.queues == ["default", "gpu"]
    assert {"maml", "fomaml", "reptile", "pretrained", "random_init", "oracle"} <= set(
        announcement.trainers
    )
    for trainer in announcement.trainers.values():
        assert trainer["schema"]["properties"]
        assert trainer["presets"]
    assert announcement.devices[0]["kind"] == "cpu"


def test_changed_data_is_noticed(settings, tmp_path):
    settings.DATASETS_DIR = tmp_path / "datasets"
    settings.OMNIGLOT_DIR = tmp_path / "omniglot"
    nothing = trainers.data_on_disk()
    settings.OMNIGLOT_DIR.mkdir()
    (settings.OMNIGLOT_DIR / "images_background.zip").write_bytes(b"x")

    assert nothing == []
    archives = trainers.data_on_disk()
    assert archives != nothing
    (settings.DATASETS_DIR / "pictures" / "train").mkdir(parents=True)
    assert trainers.data_on_disk() != archives


@pytest.mark.django_db
def test_clients_are_silent_only_once_the_worker_has_listened_for_as_long(settings, monkeypatch):
    run = make_run(heartbeat_at=timezone.now() - timedelta(days=1))

    monkeypatch.setattr(sweeps, "_watching_since", time.monotonic())
    sweeps.sweep()
    run.refresh_from_db()
    assert run.status == "running"

    monkeypatch.setattr(sweeps, "_watching_since", time.monotonic() - settings.CLIENT_SILENCE_S)
    sweeps.sweep()
    run.refresh_from_db()
    assert run.status == "crashed"


@pytest.fixture
def supervised(monkeypatch):
    """Jobs the slots started; each runs until `finish` is set."""
    started, finish = [], threading.Event()

    def supervise(job, stopping):
        started.append(job.pk)
        finish.wait(30)
        slots.connections.close_all()

    monkeypatch.setattr(slots, "supervise", supervise)
    return started, finish


def test_slots_find_work_without_a_message_fill_up_and_stop(
    file_database, settings, monkeypatch, supervised
):
    settings.OMNIGLOT_DIR = settings.DATA_DIR / "nowhere"
    monkeypatch.setattr(slots, "LOOK_S", 0.05)
    started, finish = supervised
    low, high, normal = (make_job(priority=p).pk for p in (-10, 10, 0))
    worker = Slots(trainers.announcement(name="box/1", pid=1, queues=["default"], slots=2))

    worker.start()
    assert _soon(lambda: len(started) == 2)
    assert started == [high, normal]
    finish.set()
    assert _soon(lambda: len(started) == 3)
    worker.request_stop()

    assert started[2] == low
    assert worker.join(10)
    assert Worker.objects.get().stopped_at is not None


def _soon(condition) -> bool:
    """Within ten seconds."""
    ticker = threading.Event()
    return any(condition() or ticker.wait(0.02) for _ in range(500))
