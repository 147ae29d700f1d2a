from django.db import migrations

from experiments import audit_keeping


def keep(apps, schema_editor):
    """The database itself refuses to change or delete entries of the audit log."""
    for statement in audit_keeping.INSTALL[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def let_go(apps, schema_editor):
    """As the version before this one has it."""
    for statement in audit_keeping.REMOVE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("experiments", "0021_parents_of_tags")]

    operations = [migrations.RunPython(keep, let_go)]
