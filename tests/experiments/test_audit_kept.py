"""The database keeps the audit log, whoever asks it: no entry is changed, none is deleted."""

import pytest
from django.db import DatabaseError, connection, transaction

from experiments import audit, audit_keeping, lifecycle
from experiments.models import AuditEntry, Run
from experiments.models.audit import Action
from tests import factories

pytestmark = pytest.mark.django_db

TABLE = AuditEntry._meta.db_table


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {TABLE} SET actor = 'eve'",
        f"DELETE FROM {TABLE}",
        f"DELETE FROM {TABLE} WHERE id > 0",
    ],
)
def test_the_database_refuses_to_change_what_happened(statement):
    audit.record(Action.SIGNED_IN, "ada")

    with (
        pytest.raises(DatabaseError, match="never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert AuditEntry.objects.get().subject == "ada"


def test_sqlite_refuses_to_replace_an_entry():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no REPLACE; its upsert is an UPDATE")
    audit.record(Action.SIGNED_IN, "ada")
    columns = ", ".join(field.column for field in AuditEntry._meta.concrete_fields)
    forged = columns.replace("actor,", "'eve',")

    with (
        pytest.raises(DatabaseError, match="never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"REPLACE INTO {TABLE} ({columns}) SELECT {forged} FROM {TABLE}")

    audit.record(Action.SIGNED_IN, "bob")
    assert list(AuditEntry.objects.values_list("subject", flat=True).order_by("pk")) == [
        "ada",
        "bob",
    ]


def test_postgresql_refuses_to_empty_the_table_too():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with (
        pytest.raises(DatabaseError, match="never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"TRUNCATE {TABLE}")


def test_whom_and_what_entries_are_about_can_still_be_erased():
    workspace = factories.make_workspace("lab")
    ada = factories.make_user("ada")
    run = factories.make_run(factories.make_project(workspace), status="completed", created_by=ada)
    audit.record(Action.SIGNED_IN, "ada", actor=ada)
    lifecycle.erase(lifecycle.trash(run))

    ada.delete()
    workspace.delete()

    assert not Run.objects.exists()
    subjects = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert subjects == ["user.signed_in", "run.trashed", "run.erased"]


IDLE = {
    "sqlite": (
        "DROP TRIGGER audit_kept_from_delete",
        f"CREATE TRIGGER audit_kept_from_delete BEFORE DELETE ON {TABLE} BEGIN SELECT 1; END",
    ),
    "postgresql": (
        """CREATE OR REPLACE FUNCTION experiments_keep_audit() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RETURN OLD; END $$""",
    ),
}
OFF = (f"ALTER TABLE {TABLE} ENABLE REPLICA TRIGGER audit_kept_from_update",)


@pytest.mark.parametrize("how", ["idle", "off"])
def test_triggers_that_keep_nothing_are_missed_and_made_anew(how):
    if how == "off" and connection.vendor == "sqlite":
        pytest.skip("SQLite has no switch for triggers")
    assert audit_keeping.is_kept()
    with connection.cursor() as cursor:
        for statement in IDLE[connection.vendor] if how == "idle" else OFF:
            cursor.execute(statement)

    assert not audit_keeping.is_kept()
    audit_keeping.keep()
    assert audit_keeping.is_kept()
