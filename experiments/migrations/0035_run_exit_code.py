from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0018_chunk_overviews")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="exit_code",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
    ]
