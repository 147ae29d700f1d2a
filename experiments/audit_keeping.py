"""Triggers by which the database itself refuses to change or delete entries of the audit log.

They keep them from a mistake, and from whoever reaches the database through this program. Who owns
the database can drop them: `doctor` says when they are gone, and a start makes them again.
"""

from django.db import connection, transaction

TABLE = "experiments_auditentry"
SAYS = "entries of the audit log are never changed or deleted"
_BODY = f" BEGIN RAISE EXCEPTION '{SAYS}'; END "
INSTALL = {
    "sqlite": (
        f"""CREATE TRIGGER audit_kept_from_update BEFORE UPDATE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, '{SAYS}'); END""",
        f"""CREATE TRIGGER audit_kept_from_delete BEFORE DELETE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, '{SAYS}'); END""",
        # REPLACE deletes without asking the trigger of DELETE.
        f"""CREATE TRIGGER audit_kept_from_replace BEFORE INSERT ON {TABLE}
        WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, '{SAYS}'); END""",
    ),
    "postgresql": (
        f"""CREATE FUNCTION experiments_keep_audit() RETURNS trigger LANGUAGE plpgsql
        AS $${_BODY}$$""",
        f"""CREATE TRIGGER audit_kept_from_update BEFORE UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION experiments_keep_audit()""",
        f"""CREATE TRIGGER audit_kept_from_delete BEFORE TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION experiments_keep_audit()""",
    ),
}
REMOVE = {
    "sqlite": (
        "DROP TRIGGER IF EXISTS audit_kept_from_update",
        "DROP TRIGGER IF EXISTS audit_kept_from_delete",
        "DROP TRIGGER IF EXISTS audit_kept_from_replace",
    ),
    "postgresql": (
        f"DROP TRIGGER IF EXISTS audit_kept_from_update ON {TABLE}",
        f"DROP TRIGGER IF EXISTS audit_kept_from_delete ON {TABLE}",
        "DROP FUNCTION IF EXISTS experiments_keep_audit()",
    ),
}
_THERE = {
    "sqlite": f"SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{TABLE}'",
    # Fired in every session but replicas' own (O), or in these, too (A); by the function above.
    "postgresql": f"""SELECT t.tgname FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
        WHERE t.tgrelid = to_regclass('{TABLE}') AND t.tgenabled IN ('O', 'A')
        AND f.proname = 'experiments_keep_audit' AND f.prosrc = '{_BODY.replace("'", "''")}'""",
}
_EXPECTED = {
    "sqlite": set(INSTALL["sqlite"]),
    "postgresql": {"audit_kept_from_update", "audit_kept_from_delete"},
}


def is_kept() -> bool:
    """Whether the triggers are there as they were made, and not switched off."""
    with connection.cursor() as cursor:
        cursor.execute(_THERE[connection.vendor])
        return {found for (found,) in cursor.fetchall()} >= _EXPECTED[connection.vendor]


def keep() -> None:
    """Makes the triggers anew. SQLite drops them with a table that a migration makes anew."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in (*REMOVE[connection.vendor], *INSTALL[connection.vendor]):
            cursor.execute(statement)
