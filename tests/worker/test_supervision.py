"""The worker's side of a job's process, without one."""

import signal
import threading

import pytest

from experiments import queue
from experiments.models import LogChunk
from tests.factories import make_job, make_worker
from worker import supervision
from worker.console import FILE_NAME
from worker.runner import ConsoleFormatter


def test_process_knows_neither_keys_nor_broker(settings, tmp_path, monkeypatch):
    for name in ("METASCOPE_SECRET_KEY", "METASCOPE_BROKER_URL", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("METASCOPE_OMNIGLOT", "archives")
    monkeypatch.setenv("METASCOPE_NETWORK_PACKAGES", "mypkg")

    known = supervision.scrubbed_environment(tmp_path, threads=2)

    assert "secret" not in known.values()
    assert known["METASCOPE_OMNIGLOT"] == "archives"
    assert known["METASCOPE_NETWORK_PACKAGES"] == "mypkg"
    assert known["METASCOPE_DATA"] == str(settings.DATA_DIR)
    assert (known["METASCOPE_JOB_THREADS"], known["OMP_NUM_THREADS"]) == ("2", "1")


def test_process_finds_the_bucket_that_files_are_in(bucket, tmp_path):
    known = supervision.scrubbed_environment(tmp_path, threads=2)

    assert known["METASCOPE_BLOBS"] == f"s3://{bucket.name}/some/folder"
    assert known["METASCOPE_S3_ENDPOINT"].startswith("http://127.0.0.1:")
    assert known["AWS_SECRET_ACCESS_KEY"] == "test"


@pytest.mark.parametrize(("slots", "threads"), [(1, 8), (3, 2), (16, 1)])
def test_threads_are_the_jobs_share_of_the_machine(settings, monkeypatch, slots, threads):
    settings.JOB_SLOTS = slots
    monkeypatch.setattr(supervision.os, "cpu_count", lambda: 8)

    assert supervision.threads_of_a_job() == threads


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (3, "its process ended with status 3 before the job was over"),
        (-signal.SIGKILL, "its process was killed by SIGKILL (the machine may be out of memory)"),
        (-signal.SIGSEGV, "its process was killed by SIGSEGV"),
    ],
)
def test_exit_is_told_in_words(status, said):
    assert supervision._describe_exit(status) == said


@pytest.mark.django_db(transaction=True)
def test_job_that_cannot_be_started_is_lost_with_the_reason(settings, data_dir):
    job = queue.claim(make_job(max_attempts=1).pk, worker=make_worker())
    data_dir.mkdir(parents=True)
    (data_dir / "jobs").write_text("a file where the folder belongs")

    supervision.supervise(job, threading.Event())

    job.refresh_from_db()
    assert job.status == "failed"
    assert "the worker could not run it" in job.reason


@pytest.mark.django_db
def test_console_of_a_dead_attempt_is_taken_over(data_dir):
    job = make_job(status="running", attempt=2)
    left = data_dir / "jobs" / job.pk / "1"
    left.mkdir(parents=True)
    (left / FILE_NAME).write_bytes(b"12:00:00 INFO last words")

    supervision._finish_consoles(job)

    chunk = LogChunk.objects.get(run=job.run)
    assert (chunk.attempt, chunk.text) == (1, "12:00:00 INFO last words\n")
    assert not left.exists()


@pytest.mark.django_db
def test_console_of_an_attempt_that_is_alive_after_all_is_left_to_it(data_dir):
    job = make_job(status="running", attempt=2)
    LogChunk.objects.create(run=job.run, attempt=1, number=0, text="12:00:00 INFO by the other\n")
    left = data_dir / "jobs" / job.pk / "1"
    left.mkdir(parents=True)
    (left / FILE_NAME).write_bytes(b"12:00:00 INFO by the other\n12:00:01 INFO and more\n")

    supervision._finish_consoles(job)

    assert left.exists()
    assert LogChunk.objects.count() == 1


def test_every_line_of_a_record_is_stamped():
    record = supervision.logger.makeRecord("w", 40, "f", 1, "Failed:\nwhy", (), None)
    record.created = 0

    text = ConsoleFormatter("%(message)s").format(record)

    assert text == "00:00:00 ERROR Failed:\n00:00:00 ERROR why"
