"""The doctor names each thing that is wrong, and nothing of an instance that is well."""

import json
import shutil
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, ProgrammingError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from config import database_url, doctor, health
from experiments import recording, snapshots
from experiments.models import MetricBatch, Worker
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def well(data_dir, monkeypatch):
    """An instance that is up, with code, points and a worker."""
    data_dir.mkdir(mode=0o700)
    parts = {"broker": "ok", "worker": "ok", "beat": "ok", "disk": "ok", "database": "ok"}
    monkeypatch.setattr(health, "check_parts", lambda: parts)
    factories.make_worker()
    run = factories.make_run()
    run.snapshot = snapshots.store(workspace=run.project.workspace, files={"a.py": b"a = 1\n"})
    run.save()
    points = {"client": "c", "number": 0, "points": [{"key": "a", "step": 0, "value": 1}]}
    batch = recording.parse_batch(points)
    recording.record(run_id=run.pk, client="c", number=0, series=batch.series)
    return parts


def says(**options):
    found = doctor.examine(thorough=options.get("thorough", True))
    return {name: " ".join(one.says for one in some) for name, some in found.items() if some}


@pytest.mark.parametrize("thorough", [True, False])
def test_one_that_is_well(thorough, capsys):
    assert says(thorough=thorough) == {}

    call_command("doctor")

    assert capsys.readouterr().out.splitlines() == [f"{name}: ok" for name in doctor.CHECKS]


@pytest.mark.parametrize(("harm", "said"), [("missing", "is missing"), ("damaged", "is damaged")])
def test_a_file_that_is_lost_or_damaged(data_dir, harm, said):
    path = next(one for one in (data_dir / "blobs").rglob("*") if one.is_file())
    path.chmod(0o600)
    path.unlink() if harm == "missing" else path.write_bytes(b"x")

    assert said in says()["blobs"]
    assert path.name in says(thorough=False)["blobs"]


def test_a_part_that_is_down(well):
    well["worker"] = "no worker was heard of in the last 15 seconds"

    assert says() == {"parts": "worker: no worker was heard of in the last 15 seconds."}


def test_a_migration_that_is_missing():
    applied = MigrationRecorder.Migration.objects.filter(app="experiments")
    applied.filter(pk=applied.latest("pk").pk).delete()

    assert "1 migrations have not been applied" in says()["migrations"]


def test_a_database_of_a_newer_version_is_said_and_looked_at_no_further():
    MigrationRecorder.Migration.objects.create(app="experiments", name="9999_of_tomorrow")

    found = doctor.examine(thorough=False)

    (finding,) = found["migrations"]
    assert "newer Metascope: experiments.9999_of_tomorrow is unknown here" in finding.says
    assert "Start that version, or restore the backup of the upgrade" in finding.mend
    assert list(found) == ["database", "migrations"]


def test_points_that_nobody_folds():
    MetricBatch.objects.update(created_at=timezone.now() - timedelta(hours=1))

    assert "1 batches of points wait" in says()["folding"]


def test_jobs_that_are_stuck():
    long_ago = timezone.now() - timedelta(hours=1)
    lost = factories.make_job(status="running", worker=Worker.objects.get(), lease_until=long_ago)
    waiting = factories.make_job(queue="gpu")
    type(waiting).objects.filter(pk=waiting.pk).update(created_at=long_ago)

    assert f"The job {lost.pk} runs" in says()["jobs"]
    assert "1 jobs wait in the queue gpu" in says()["jobs"]


def test_a_clock_that_is_ahead_open_files_and_settings_that_tell_too_much(data_dir, settings):
    Worker.objects.update(heartbeat_at=timezone.now() + timedelta(hours=1))
    (data_dir / "secret_key").write_text("key")
    (data_dir / "secret_key").chmod(0o644)
    settings.DEBUG = True
    settings.CSRF_TRUSTED_ORIGINS = ["https://lab.example"]

    found = says()

    assert "in the future" in found["clock"]
    assert "secret_key (644)" in found["permissions"]
    assert "METASCOPE_DEBUG=1" in found["settings"]
    assert "METASCOPE_HTTPS is not" in found["settings"]


def test_a_database_that_does_not_answer_is_said_once(monkeypatch):
    def broken(thorough):
        raise DatabaseError("disk image is malformed")

    monkeypatch.setitem(doctor.CHECKS, "database", broken)

    (said,) = says().values()
    assert said.startswith("The database ")
    assert said.endswith("does not answer (disk image is malformed).")


GB = 2**30


@pytest.mark.parametrize(
    ("error", "free", "said", "mend"),
    [
        ("disk I/O error", 0, "is full (0 MB are free)", "Make room on the disk that holds"),
        ("unable to open database file", 2**20, "is full (1 MB", "Make room on the disk"),
        ("database or disk is full", 9 * GB, "is full", "Make room on the disk"),
        ("disk I/O error", 9 * GB, "does not answer (disk I/O error)", "its quota, its mount"),
        ("disk image is malformed", 0, "does not answer (disk image", "Restore a backup"),
        ("unable to open database file", 9 * GB, "does not answer", "check METASCOPE_DATA"),
    ],
)
def test_a_full_disk_is_no_damaged_database(
    data_dir, settings, monkeypatch, error, free, said, mend
):
    def broken(thorough):
        raise OperationalError(error)

    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setitem(doctor.CHECKS, "database", broken)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))

    (finding,) = doctor.examine(thorough=False)["database"]

    assert said in finding.says
    assert mend in finding.mend
    if "Make room" in mend:
        assert str(data_dir) in finding.mend
        assert "restore" not in finding.mend


@pytest.mark.parametrize(
    ("error", "said", "mend"),
    [
        (OperationalError, "does not answer (FATAL: no such database)", "Start its server"),
        (ProgrammingError, "has not been migrated (FATAL: no such database)", "Start ./run"),
    ],
)
def test_a_server_is_named_with_the_variable_and_without_its_password(
    monkeypatch, settings, error, said, mend
):
    def broken(thorough):
        raise error("connecting\nFATAL: no such database\n\tmore")

    url = "postgres://ada:secret@db.example:5432/lab"
    named = database_url.parse("METASCOPE_DATABASE_URL", url)
    monkeypatch.setitem(settings.DATABASES, "default", named)
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setitem(doctor.CHECKS, "database", broken)

    (finding,) = doctor.examine(thorough=False)["database"]

    assert said in finding.says
    assert "lab on db.example:5432" in finding.says
    assert mend in finding.mend
    assert "METASCOPE_DATABASE_URL" in finding.mend
    assert "secret" not in finding.says + finding.mend


def test_a_file_that_is_not_there_is_said_once_and_not_made(monkeypatch, settings, data_dir):
    named = {"ENGINE": "django.db.backends.sqlite3", "NAME": data_dir / "metascope.sqlite3"}
    monkeypatch.setitem(settings.DATABASES, "default", named)

    (said,) = says().values()

    assert f"There is no database in {settings.DATA_DIR}" in said
    assert not (data_dir / "metascope.sqlite3").exists()


def test_programs_read_json_and_the_exit_code(well, capsys):
    well["broker"] = "does not answer"

    with pytest.raises(SystemExit) as left:
        call_command("doctor", "--json")

    told = json.loads(capsys.readouterr().out)
    assert (left.value.code, told["ok"]) == (1, False)
    assert told["checks"]["parts"] == [
        {"check": "parts", "says": "broker: does not answer.", "mend": doctor.MEND["broker"]}
    ]
    assert told["checks"]["blobs"] == []


def test_a_bucket_that_does_not_answer_is_said_once(bucket):
    snapshots.store(workspace=factories.make_workspace(), files={"a.py": b"a = 1\n"})
    assert "blobs" not in says()

    bucket.objects.all().delete()
    assert "is missing" in says()["blobs"]
    bucket.delete()

    assert "cannot be reached, or refuses" in says()["blobs"]
