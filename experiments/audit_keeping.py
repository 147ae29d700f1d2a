"""Triggers by which the database itself refuses to change or delete entries of the audit log.

They keep them from a mistake, and from whoever reaches the database through this program. Who owns
the database can drop them: `doctor` says when they are gone, and a start makes them again.
"""

from django.db import connection, transaction

TABLE = "experiments_auditentry"
SAYS = "entries of the audit log are never changed or deleted"
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
        AS $$ BEGIN RAISE EXCEPTION '{SAYS}'; END $$""",
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
_BOTH = {"audit_kept_from_update", "audit_kept_from_delete"}
NAMES = {"sqlite": _BOTH | {"audit_kept_from_replace"}, "postgresql": _BOTH}
_THERE = {
    "sqlite": f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{TABLE}'",
    "postgresql": f"""SELECT tgname FROM pg_trigger
        WHERE tgrelid = to_regclass('{TABLE}') AND tgenabled <> 'D'""",
}


def is_kept() -> bool:
    """Whether the triggers are there, and not switched off."""
    with connection.cursor() as cursor:
        cursor.execute(_THERE[connection.vendor])
        return {name for (name,) in cursor.fetchall()} >= NAMES[connection.vendor]


def keep() -> None:
    """Makes the triggers anew. SQLite drops them with a table that a migration makes anew."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in (*REMOVE[connection.vendor], *INSTALL[connection.vendor]):
            cursor.execute(statement)
