import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0019_registry")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="children",
                to="experiments.run",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("parent__isnull", True)),
                fields=["project", "archived_at", "-created_at", "-id"],
                name="outer_runs_by_age",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("parent__isnull", True)),
                fields=["project", "archived_at", "status", "id"],
                name="outer_runs_by_status",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("parent__isnull", False)),
                fields=["project", "parent", "archived_at", "-created_at", "-id"],
                name="child_runs",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["project", "group", "archived_at", "-created_at", "-id"],
                name="runs_by_group",
            ),
        ),
        migrations.CreateModel(
            name="Rewind",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("attempt", models.PositiveIntegerField(null=True)),
                ("after_step", models.BigIntegerField()),
                ("points", models.PositiveBigIntegerField()),
                ("evaluations", models.PositiveIntegerField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rewinds",
                        to="experiments.run",
                    ),
                ),
            ],
        ),
    ]
