from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0023_short_columns_of_runs")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="exit_code",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
    ]
