"""A backup is complete, or says that it is not."""

import sqlite3

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from experiments import snapshots
from experiments.management.commands.backup import copy_instance
from experiments.management.copies import NotWhole
from tests.factories import make_workspace

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases have their own"),
]


@pytest.fixture
def instance(data_dir):
    """A data folder with a snapshot of two files, its database in a file as an instance has it."""
    data_dir.mkdir(parents=True)
    snapshots.store(workspace=make_workspace(), files={"a.py": b"a = 1\n", "b.py": b"b = 2\n"})
    (data_dir / "secret_key").write_text("key")
    with sqlite3.connect(data_dir / "metascope.sqlite3") as file:
        connection.connection.backup(file)
    file.close()
    return data_dir


def test_backup_has_every_blob_and_row(instance, tmp_path):
    blobs = copy_instance(instance, instance / "metascope.sqlite3", tmp_path)

    assert blobs == 2
    names = {path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()}
    assert names == {path.name for path in (instance / "blobs").rglob("*") if path.is_file()}
    assert (tmp_path / "secret_key").read_text() == "key"
    with sqlite3.connect(tmp_path / "metascope.sqlite3") as copy:
        assert copy.execute("SELECT slug FROM experiments_workspace").fetchall() == [("lab",)]
    copy.close()


def test_missing_blob_makes_it_incomplete(instance, tmp_path):
    next(path for path in (instance / "blobs").rglob("*") if path.is_file()).unlink()

    with pytest.raises(NotWhole, match="1 blobs are missing"):
        copy_instance(instance, instance / "metascope.sqlite3", tmp_path)


def test_damaged_blob_makes_it_incomplete(instance, tmp_path):
    blob = next(path for path in (instance / "blobs").rglob("*") if path.is_file())
    blob.chmod(0o600)
    blob.write_bytes(b"another")

    with pytest.raises(NotWhole, match=f"1 blobs are damaged, {blob.name}"):
        copy_instance(instance, instance / "metascope.sqlite3", tmp_path)


def test_absent_database_is_refused(tmp_path, monkeypatch):
    named = settings.DATABASES["default"]
    monkeypatch.setitem(named, "NAME", str(tmp_path / "absent.sqlite3"))

    with pytest.raises(CommandError, match="is METASCOPE_DATA right"):
        call_command("backup", str(tmp_path / "copy"))

    assert not (tmp_path / "copy").exists()
