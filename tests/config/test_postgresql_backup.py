"""A backup of an instance on PostgreSQL comes back whole into an empty database, or not at all.

In processes of their own, each with the database that METASCOPE_DATABASE_URL names.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from experiments.management import postgresql
from tests import database

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only on PostgreSQL"),
    pytest.mark.skipif(not postgresql.have_programs(), reason="pg_dump is not on the PATH"),
]

FILL = """
import io
from experiments import access, audit, blobs, files, lifecycle, snapshots
from experiments.models import Workspace, User
user = access.ensure_first_user()
lab = Workspace.objects.get()
project = lifecycle.create_project(workspace=lab, slug="p")
run = lifecycle.create_run(project=project, user=user, name="kept", params={"lr": 1e22})
files.put(files.of_run(run), "a.txt", io.BytesIO(b"bytes of a"))
audit.record("user.signed_in", "ada")
blobs.put(b"nobody refers to these")
"""
SHOW = """
from experiments.models import AuditEntry, Run
from experiments import files, blobs
run = Run.objects.get()
print(run.name, run.params, blobs.read(files.find(run.files, "a.txt").blob_id).decode())
print(AuditEntry.objects.last().subject)
"""


TABLES = """
from django.db import connection
print(len(connection.introspection.table_names()))
"""


@pytest.fixture(scope="module")
def urls(django_db_setup, django_db_blocker) -> Iterator[tuple[str, str]]:
    """The addresses of two empty databases."""
    names = [f"metascope_{letter}_{os.getpid()}" for letter in "ab"]
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"CREATE DATABASE {name}")
    yield database.url(names[0]), database.url(names[1])
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def manage(
    folder: Path, url: str, *arguments: str, told: str = ""
) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METASCOPE_")}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=settings.BASE_DIR, input=told, text=True,
        env={**kept, "METASCOPE_DATA": str(folder), database.URL: url}, capture_output=True,
        timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def backup(urls, tmp_path_factory) -> Path:
    """A backup of an instance with a run, on the first database."""
    folder = tmp_path_factory.mktemp("instance")
    made = manage(folder / "data", urls[0], "migrate", "-v0")
    assert made.returncode == 0, made.stderr
    filled = manage(folder / "data", urls[0], "shell", told=FILL)
    assert filled.returncode == 0, filled.stderr
    (folder / "data" / "secret_key").write_text("key of before")
    done = manage(folder / "data", urls[0], "backup", str(folder / "backup"))
    assert done.returncode == 0, done.stderr
    assert "1 blobs" in done.stdout  # that something refers to
    return folder / "backup"


def test_a_database_that_holds_something_is_left_alone(urls, backup, tmp_path):
    done = manage(tmp_path / "new", urls[0], "restore", str(backup))

    assert done.returncode == 1
    assert "Nothing was restored: the database is not empty" in done.stderr


@pytest.mark.parametrize("harm", ["dump", "blob", "about", "newer"])
def test_a_damaged_backup_changes_nothing(urls, backup, tmp_path, harm):
    backup = shutil.copytree(backup, tmp_path / "harmed")
    if harm == "dump":
        with (backup / postgresql.DUMP).open("r+b") as file:
            file.seek(2000)
            file.write(b"damage")
    elif harm == "blob":
        next(path for path in (backup / "blobs").rglob("*") if path.is_file()).unlink()
    elif harm == "about":
        (backup / postgresql.ABOUT).write_text("[]")
    else:
        about = json.loads((backup / postgresql.ABOUT).read_text())
        about["migrations"].append("9999_of_tomorrow")
        (backup / postgresql.ABOUT).write_text(json.dumps(about))

    done = manage(tmp_path / "new", urls[1], "restore", str(backup))

    assert done.returncode == 1
    assert "Nothing was restored" in done.stderr
    assert "Traceback" not in done.stderr
    emptied = manage(
        tmp_path / "new",
        urls[1],
        "shell",
        told=TABLES,
    )
    assert emptied.stdout.strip().endswith("0"), emptied.stderr


def test_without_the_programs_it_is_refused_with_what_to_install(urls, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    for command in ("backup", "restore"):
        done = manage(tmp_path / "data", urls[0], command, str(tmp_path / "copy"))
        assert done.returncode == 1
        assert "not on the PATH" in done.stderr
    assert not (tmp_path / "copy").exists()


def test_it_comes_back_whole_into_an_empty_database(urls, backup, tmp_path):
    new = tmp_path / "new"

    done = manage(new, urls[1], "restore", str(backup))

    assert done.returncode == 0, done.stderr
    shown = manage(new, urls[1], "shell", told=SHOW)
    assert "kept {'lr': 1e+22} bytes of a" in shown.stdout, shown.stderr
    assert "ada" in shown.stdout
    assert (new / "secret_key").read_text().strip() == "key of before"
    wiped = manage(new, urls[1], "shell", told="AuditEntry.objects.all()._raw_delete('default')")
    assert "never changed or deleted" in wiped.stderr
    checks = json.loads(manage(new, urls[1], "doctor", "--all", "--json").stdout)["checks"]
    assert checks["database"] == checks["migrations"] == checks["audit"] == checks["blobs"] == []


def test_an_upgrade_takes_a_backup_first(urls, backup):
    folder = backup.parent / "data"
    back = manage(folder, urls[0], "migrate", "experiments", "0020_child_runs", "-v0")
    assert back.returncode == 0, back.stderr

    done = manage(folder, urls[0], "upgrade")

    assert done.returncode == 0, done.stderr
    assert "The way back" in done.stdout
    [taken] = (folder / "backups").iterdir()
    assert (taken / postgresql.DUMP).is_file()
    assert manage(folder, urls[0], "upgrade", "--check").returncode == 0
