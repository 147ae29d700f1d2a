from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0022_audit_kept")]

    operations = [
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=[
                    *("project", "name", "archived_at", "group", "seed", "number", "status"),
                    *("created_by", "created_at", "started_at", "finished_at", "id"),
                ],
                name="runs_by_name",
            ),
        ),
    ]
