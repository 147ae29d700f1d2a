"""Which files a start takes for its database, and which it leaves alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from config import database
from config.refusal import StartRefused


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metascope.sqlite3"


def make(path: Path, *statements: str) -> bytes:
    """The bytes of a database that these statements made."""
    with closing(sqlite3.connect(path)) as made:
        for statement in statements:
            made.execute(statement)
        made.commit()
    return path.read_bytes()


MIGRATIONS = "CREATE TABLE django_migrations (id integer PRIMARY KEY, app text, name text, applied)"


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE songs (id integer PRIMARY KEY)"],
        [
            "CREATE TABLE auth_user (id integer PRIMARY KEY)",
            MIGRATIONS,
            "INSERT INTO django_migrations VALUES (1, 'auth', '0001_initial', '2030-01-01')",
        ],
    ],
)
def test_database_of_another_program_is_refused_and_left_as_it_was(path, statements):
    before = make(path, *statements)

    with pytest.raises(StartRefused, match="database of another program") as refusal:
        database.check_file(path)

    assert str(path) in str(refusal.value)
    assert "--data" in str(refusal.value)
    assert path.read_bytes() == before
    assert not path.with_name(path.name + "-wal").exists()


def test_own_database_may_hold_more_tables(path):
    make(
        path,
        MIGRATIONS,
        "INSERT INTO django_migrations VALUES (1, 'experiments', '0001_initial', '2030-01-01')",
        "CREATE TABLE notes_of_the_operator (id integer PRIMARY KEY)",
    )

    assert database.check_file(path) is None


def test_interrupted_first_start_goes_on(path):
    """It got as far as Django's own tables, not to ours."""
    make(path, MIGRATIONS, "CREATE TABLE django_content_type (id integer PRIMARY KEY)")

    assert database.check_file(path) is None


@pytest.mark.parametrize("state", ["empty", "gone"])
def test_lost_database_beside_blobs_is_refused(path, state):
    blob = path.parent / "blobs" / "ab" / "abcd"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"kept")
    if state == "empty":
        path.touch()

    with pytest.raises(StartRefused, match=f"is {state} while .*restore both from a backup"):
        database.check_file(path)

    assert blob.read_bytes() == b"kept"


@pytest.mark.parametrize("is_empty", [True, False])
def test_new_folder_is_taken(path, is_empty):
    (path.parent / "datasets").mkdir()  # archives may be put there before the first start
    (path.parent / "datasets" / "images.zip").write_bytes(b"archive")
    (path.parent / "blobs").mkdir()
    if is_empty:
        path.touch()

    assert database.check_file(path) is None


@pytest.mark.django_db
def test_every_table_of_ours_is_known():
    tables = set(connection.introspection.table_names())

    assert tables - {"django_migrations"} <= set(connection.introspection.django_table_names())
