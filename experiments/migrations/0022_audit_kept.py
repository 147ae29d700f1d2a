"""The database itself refuses to change or delete entries of the audit log."""

from django.db import migrations

SAYS = "entries of the audit log are never changed or deleted"
INSTALL = {
    "sqlite": (
        f"""CREATE TRIGGER audit_kept_from_update BEFORE UPDATE ON experiments_auditentry
        BEGIN SELECT RAISE(ABORT, '{SAYS}'); END""",
        f"""CREATE TRIGGER audit_kept_from_delete BEFORE DELETE ON experiments_auditentry
        BEGIN SELECT RAISE(ABORT, '{SAYS}'); END""",
    ),
    "postgresql": (
        f"""CREATE FUNCTION experiments_keep_audit() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION '{SAYS}'; END $$""",
        """CREATE TRIGGER audit_kept_from_update BEFORE UPDATE OR DELETE ON experiments_auditentry
        FOR EACH ROW EXECUTE FUNCTION experiments_keep_audit()""",
        """CREATE TRIGGER audit_kept_from_delete BEFORE TRUNCATE ON experiments_auditentry
        FOR EACH STATEMENT EXECUTE FUNCTION experiments_keep_audit()""",
    ),
}
REMOVE = {
    "sqlite": (
        "DROP TRIGGER IF EXISTS audit_kept_from_update",
        "DROP TRIGGER IF EXISTS audit_kept_from_delete",
    ),
    "postgresql": (
        "DROP TRIGGER IF EXISTS audit_kept_from_update ON experiments_auditentry",
        "DROP TRIGGER IF EXISTS audit_kept_from_delete ON experiments_auditentry",
        "DROP FUNCTION IF EXISTS experiments_keep_audit()",
    ),
}


def install(apps, schema_editor):
    """Makes the triggers. SQLite drops them with a table that a later migration makes anew."""
    for statement in INSTALL[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    """Takes them away, for what this version comes from."""
    for statement in REMOVE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("experiments", "0021_parents_of_tags")]

    operations = [migrations.RunPython(install, remove)]
