"""METASCOPE_DATABASE_URL: what is understood, and what is refused in one sentence."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from config import database_url
from config.refusal import StartRefused

NAME = "METASCOPE_DATABASE_URL"


def test_every_part_is_taken():
    found = database_url.parse(NAME, "postgresql://ada:p%40%2Fss@db.lab:5433/runs?sslmode=require")

    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["USER"], found["PASSWORD"]) == ("ada", "p@/ss")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.lab", "5433", "runs")
    assert found["OPTIONS"]["sslmode"] == "require"
    assert found["CONN_HEALTH_CHECKS"]


def test_a_socket_is_named_by_its_folder():
    found = database_url.parse(NAME, "postgres://ada@/runs?host=/var/run/postgresql")

    assert (found["HOST"], found["PORT"]) == ("/var/run/postgresql", "")
    assert "host" not in found["OPTIONS"]
    assert database_url.without_password(found) == "runs on /var/run/postgresql"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://ada:secret@h/n", "begins with neither"),
        ("h/n", "begins with neither"),
        ("postgres://ada:secret@h", "name of one database"),
        ("postgres://ada:secret@h/a/b", "name of one database"),
        ("postgres://ada:secret@h:99999/n", "no host and port"),
        ("postgres://ada:sec#secret@h/n", "no host and port"),
        ("postgres://ada:secret@h/n#m", "it has a '#'"),
        ("postgres://ada:secret@[h/n", "no host and port"),
        ("postgres://ada:secret@h/n?sslmode", "option=value"),
        ("postgres://ada:secret@h/n?sslmode=", "give option 'sslmode' one value"),
        ("postgres://ada:secret@h/n?sslmode=some", "sslmode is one of"),
        ("postgres://ada:secret@h/n?connect_timeout=soon", "number of seconds"),
        ("postgres://ada:secret@h/n?options=-cfsync%3Doff", "option 'options' is not one of"),
    ],
)
def test_what_is_not_understood_is_refused_without_the_password(url, problem):
    with pytest.raises(StartRefused, match=problem) as refusal:
        database_url.parse(NAME, url)

    assert str(refusal.value).startswith(f"{NAME} is not understood (")
    assert "secret" not in str(refusal.value)


def test_a_command_says_so_in_one_sentence():
    done = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "create_token", "admin"],
        env={**os.environ, NAME: "sqlite:///runs"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.startswith(f"metascope: {NAME} is not understood")
    assert done.stderr.count("\n") == 1
