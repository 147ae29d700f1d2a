import django.db.models.deletion
from django.db import migrations, models

from experiments import pyramid

AT_ONCE = 500


def write_overviews(apps, schema_editor):
    """The coarse blocks of the chunks that are there, from their finest."""
    chunks = apps.get_model("experiments", "SeriesChunk").objects.order_by("pk")
    overviews = apps.get_model("experiments", "ChunkOverview").objects
    last = 0
    columns = ("pk", "series", "points", "pyramid")
    while rows := chunks.filter(pk__gt=last).values_list(*columns)[:AT_ONCE]:
        found = [
            overviews.model(
                chunk_id=pk,
                series_id=series,
                blocks=pyramid.overview(pyramid.unpack([data], [points]), pyramid.FORMER_LEVELS),
            )
            for pk, series, points, data in rows
        ]
        overviews.bulk_create(found)
        last = found[-1].chunk_id


class Migration(migrations.Migration):
    dependencies = [("experiments", "0017_documents")]

    operations = [
        migrations.CreateModel(
            name="ChunkOverview",
            fields=[
                ("chunk_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("blocks", models.BinaryField()),
                (
                    "series",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="overviews",
                        to="experiments.series",
                    ),
                ),
            ],
        ),
        migrations.RunPython(write_overviews, migrations.RunPython.noop),
        migrations.RemoveIndex(model_name="serieschunk", name="chunks_by_step"),
        migrations.AddIndex(
            model_name="serieschunk",
            index=models.Index(
                fields=["series", "first_step", "last_step", "number", "points"],
                name="chunks_in_order",
            ),
        ),
    ]
