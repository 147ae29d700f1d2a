"""A backup comes back whole, or nothing is touched."""

import os
import shutil
import sqlite3
from contextlib import closing

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from config import blob_store, data_folder
from experiments import snapshots
from experiments.management.commands.backup import copy_instance
from tests.factories import make_workspace

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases have their own"),
]


@pytest.fixture
def backup(data_dir, tmp_path):
    """A backup of an instance with a snapshot; the instance itself is gone."""
    data_dir.mkdir(parents=True)
    snapshots.store(workspace=make_workspace(), files={"a.py": b"a = 1\n", "b.py": b"b = 2\n"})
    (data_dir / "secret_key").write_text("key")
    with closing(sqlite3.connect(data_dir / "metascope.sqlite3")) as file:
        connection.connection.backup(file)
    (tmp_path / "backup").mkdir()
    copy_instance(data_dir, data_dir / "metascope.sqlite3", tmp_path / "backup")
    shutil.rmtree(data_dir)
    return tmp_path / "backup"


def slugs(folder):
    with closing(sqlite3.connect(folder / "metascope.sqlite3")) as database:
        return [row[0] for row in database.execute("SELECT slug FROM experiments_workspace")]


def blobs(folder):
    return {path.name: path.read_bytes() for path in (folder / "blobs").rglob("*")
            if path.is_file()}  # fmt: skip


def test_into_an_empty_folder(backup, data_dir, capsys):
    call_command("restore", str(backup))

    assert slugs(data_dir) == ["lab"]
    assert blobs(data_dir) == blobs(backup)
    assert (data_dir / "secret_key").read_text().strip() == "key"
    assert (data_dir / "metascope.sqlite3").stat().st_mode & 0o777 == 0o600
    assert "2 blobs" in capsys.readouterr().out
    assert not (data_dir / ".restoring").exists()


def test_an_empty_folder_that_was_open_is_made_private(backup, data_dir):
    data_dir.mkdir(mode=0o755)
    data_dir.chmod(0o755)

    call_command("restore", str(backup))

    assert data_dir.stat().st_mode & 0o777 == 0o700


def test_what_was_there_is_kept_beside_and_damaged_blobs_are_mended(backup, data_dir):
    call_command("restore", str(backup))
    with closing(sqlite3.connect(data_dir / "metascope.sqlite3")) as database, database:
        database.execute("UPDATE experiments_workspace SET slug = 'later'")
    damaged = next(path for path in (data_dir / "blobs").rglob("*") if path.is_file())
    damaged.write_bytes(b"x")

    call_command("restore", str(backup))

    (aside,) = data_dir.glob("before-restore-*")
    assert (slugs(data_dir), slugs(aside)) == (["lab"], ["later"])
    assert blobs(data_dir) == blobs(backup)


def test_what_a_killed_instance_left_in_its_log_comes_too(backup, data_dir):
    database = sqlite3.connect(backup / "metascope.sqlite3")
    database.execute("PRAGMA journal_mode=WAL")
    with database:
        database.execute("UPDATE experiments_workspace SET slug = 'logged'")
    assert (backup / "metascope.sqlite3-wal").stat().st_size > 0

    call_command("restore", str(backup))

    database.close()
    assert slugs(data_dir) == ["logged"]


def test_a_running_instance_is_refused(backup, data_dir):
    call_command("restore", str(backup))
    held = data_folder.lock(data_dir)

    with pytest.raises(CommandError, match="another Metascope"):
        call_command("restore", str(backup))

    os.close(held)
    assert not list(data_dir.glob("before-restore-*"))


@pytest.mark.parametrize("harm", ["missing", "damaged", "database", "newer", "none"])
def test_a_backup_that_is_not_whole_changes_nothing(backup, data_dir, harm):
    call_command("restore", str(backup))
    blob = next(path for path in (backup / "blobs").rglob("*") if path.is_file())
    said = {"missing": "missing", "damaged": "damaged", "database": "database", "none": "no backup",
            "newer": "newer Metascope"}[harm]  # fmt: skip
    if harm == "missing":
        blob.unlink()
    elif harm == "damaged":
        blob.write_bytes(b"x")
    elif harm == "database":
        (backup / "metascope.sqlite3").write_bytes(b"SQLite format 3\0" + b"\1" * 8000)
    elif harm == "none":
        (backup / "metascope.sqlite3").unlink()
    else:
        with closing(sqlite3.connect(backup / "metascope.sqlite3")) as database, database:
            database.execute(
                "INSERT INTO django_migrations (app, name, applied) "
                "VALUES ('experiments', '9999_later', '2026-01-01')"
            )

    with pytest.raises(CommandError, match=f"Nothing was restored: .*{said}"):
        call_command("restore", str(backup))

    assert slugs(data_dir) == ["lab"]
    assert not list(data_dir.glob("before-restore-*"))
    assert not (data_dir / ".restoring").exists()


def test_files_in_a_bucket_stay_there(bucket, data_dir, tmp_path, capsys, monkeypatch):
    data_dir.mkdir(parents=True)
    snapshots.store(workspace=make_workspace(), files={"a.py": b"a = 1\n"})
    database = data_dir / "metascope.sqlite3"
    with closing(sqlite3.connect(database)) as file:
        connection.connection.backup(file)
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(database))

    call_command("backup", str(tmp_path / "backup"))
    said = capsys.readouterr().out
    shutil.rmtree(data_dir)
    call_command("restore", str(tmp_path / "backup"))

    monkeypatch.delenv("METASCOPE_BLOBS")
    assert blob_store.storage(data_dir)["OPTIONS"]["bucket"] == bucket.name
    assert f"Its 1 blobs stay in s3://{bucket.name}/some/folder" in said
    assert f"Its 1 blobs are in s3://{bucket.name}/some/folder" in capsys.readouterr().out
    assert slugs(data_dir) == ["lab"]
    assert not (tmp_path / "backup" / "blobs").exists()
    assert len(list(bucket.objects.all())) == 1


def test_whose_files_are_in_a_bucket_is_not_restored_without_its_name(
    bucket, data_dir, tmp_path, settings, monkeypatch
):
    data_dir.mkdir(parents=True)
    blob_store.keep(data_dir)
    snapshots.store(workspace=make_workspace(), files={"a.py": b"a = 1\n"})
    database = data_dir / "metascope.sqlite3"
    with closing(sqlite3.connect(database)) as file:
        connection.connection.backup(file)
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(database))
    call_command("backup", str(tmp_path / "backup"))
    shutil.rmtree(data_dir)
    monkeypatch.delenv("METASCOPE_BLOBS")
    settings.STORAGES = {**settings.STORAGES, "blobs": blob_store.storage(data_dir)}

    with pytest.raises(CommandError, match=f"set METASCOPE_BLOBS=s3://{bucket.name}/some/folder"):
        call_command("restore", str(tmp_path / "backup"))
    assert not (data_dir / "metascope.sqlite3").exists()
