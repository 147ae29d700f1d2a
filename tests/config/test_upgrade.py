"""An upgrade takes a backup first, and the backup is the way back. In processes of their own."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from django.conf import settings

from config import data_folder

BEFORE = "0014_audit_log"


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """The data folder of an older version, with a workspace."""
    folder = tmp_path_factory.mktemp("older")
    migrated = manage(folder, "migrate", "experiments", BEFORE, "-v0")
    assert migrated.returncode == 0, migrated.stderr
    with closing(sqlite3.connect(folder / "metascope.sqlite3")) as database, database:
        database.execute("INSERT INTO experiments_workspace (slug, name) VALUES ('lab', 'Lab')")
    return folder


def manage(folder, *arguments):
    told = {name: value for name, value in os.environ.items() if not name.startswith("METASCOPE_")}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={**told, "METASCOPE_DATA": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def state(folder):
    with closing(sqlite3.connect(folder / "metascope.sqlite3")) as database:
        slugs = [row[0] for row in database.execute("SELECT slug FROM experiments_workspace")]
        rows = database.execute(
            "SELECT name FROM django_migrations WHERE app = 'experiments' ORDER BY id DESC LIMIT 1"
        )
        return slugs, rows.fetchone()[0]


def test_there_and_back(older):
    checked = manage(older, "upgrade", "--check")
    assert checked.returncode == 1, checked.stderr
    assert "to be applied: experiments.0015_invitations" in checked.stdout
    assert state(older) == (["lab"], BEFORE)

    done = manage(older, "upgrade")

    assert done.returncode == 0, done.stderr
    assert state(older)[1] > BEFORE
    assert manage(older, "upgrade", "--check").returncode == 0
    (backup,) = (older / "backups").iterdir()
    assert f"`manage.py restore {backup}`" in done.stdout

    back = manage(older, "restore", str(backup))

    assert back.returncode == 0, back.stderr
    assert state(older) == (["lab"], BEFORE)


def test_one_that_is_up_is_left_alone(older):
    held = data_folder.lock(older)
    before = state(older)

    refused = manage(older, "upgrade", "--backup", str(older / "elsewhere"))

    os.close(held)
    assert refused.returncode == 1
    assert "Nothing was changed: another Metascope" in refused.stderr
    assert (state(older), (older / "elsewhere").exists()) == (before, False)


def test_one_of_a_newer_version_is_not_called_up_to_date(tmp_path):
    assert manage(tmp_path, "migrate", "-v0").returncode == 0
    with closing(sqlite3.connect(tmp_path / "metascope.sqlite3")) as database, database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('experiments', '9999_of_tomorrow', '2026-11-27')"
        )

    for options in (["--check"], []):
        refused = manage(tmp_path, "upgrade", *options)

        assert refused.returncode == 1
        assert "newer Metascope: experiments.9999_of_tomorrow is unknown here" in refused.stderr
        assert "Start that version, or restore the backup of the upgrade" in refused.stderr
        assert "up to date" not in refused.stdout
    assert not (tmp_path / "backups").exists()


def test_no_database_is_said(tmp_path):
    refused = manage(tmp_path, "upgrade", "--check")

    assert refused.returncode == 1
    assert "is METASCOPE_DATA right" in refused.stderr
