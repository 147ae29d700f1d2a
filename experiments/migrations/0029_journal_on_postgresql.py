from django.db import migrations

# Bytes that are compressed already: PostgreSQL would try in vain to compress them once more.
COMPRESSED = (
    ("experiments_metricbatch", "payload"),
    ("experiments_serieschunk", "data"),
    ("experiments_serieschunk", "pyramid"),
)
# Folded batches leave their room to be given back, however much else the table holds.
VACUUM = {
    "autovacuum_vacuum_scale_factor": "0",
    "autovacuum_vacuum_threshold": "1000",
    "toast.autovacuum_vacuum_scale_factor": "0",
    "toast.autovacuum_vacuum_threshold": "5000",
}


def settle(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, column in COMPRESSED:
        schema_editor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    options = ", ".join(f"{name} = {value}" for name, value in VACUUM.items())
    schema_editor.execute(f"ALTER TABLE experiments_metricbatch SET ({options})")


def unsettle(apps, schema_editor):
    """As the version before this one has it."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, column in COMPRESSED:
        schema_editor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTENDED")
    schema_editor.execute(f"ALTER TABLE experiments_metricbatch RESET ({', '.join(VACUUM)})")


class Migration(migrations.Migration):
    dependencies = [("experiments", "0028_episode_answers")]

    operations = [migrations.RunPython(settle, unsettle)]
