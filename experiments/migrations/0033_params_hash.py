from itertools import groupby

import django.db.models.deletion
from django.db import migrations, models

from experiments.params_hash import hash_of

AT_ONCE = 1_000


def write_hashes(apps, schema_editor):
    """Those of the runs that are there, from the rows of their params."""
    runs = apps.get_model("experiments", "Run").objects.order_by("pk")
    params = apps.get_model("experiments", "Param").objects
    hashes = apps.get_model("experiments", "ParamsHash").objects
    last = ""
    while ids := list(runs.filter(pk__gt=last).values_list("pk", flat=True)[:AT_ONCE]):
        last = ids[-1]
        rows = params.filter(run__in=ids).order_by("run").values_list("run", "project", "key", "text")
        hashes.bulk_create(
            hashes.model(
                run_id=run,
                project_id=project,
                value=hash_of((key, text) for *_, key, text in theirs),
            )
            for (run, project), theirs in groupby(rows, key=lambda row: row[:2])
        )


class Migration(migrations.Migration):
    dependencies = [("experiments", "0031_left_out_files")]

    operations = [
        migrations.CreateModel(
            name="ParamsHash",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="params_hash",
                        serialize=False,
                        to="experiments.run",
                    ),
                ),
                ("value", models.BigIntegerField()),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="experiments.project",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "value", "run"], name="runs_by_params")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["project", "snapshot", "id"],
                condition=models.Q(snapshot__isnull=False),
                name="runs_by_code",
            ),
        ),
        migrations.RunPython(write_hashes, migrations.RunPython.noop),
    ]
