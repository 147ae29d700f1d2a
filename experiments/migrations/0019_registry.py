import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

PROXIED = "mlflow-artifacts:/"


def note_origins(apps, schema_editor):
    """Whose files the versions that are there have, and in which projects those and their runs are."""
    if schema_editor.connection.vendor == "postgresql":  # what follows alters the table
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    runs = apps.get_model("experiments", "Run").objects
    logged_models = apps.get_model("experiments", "LoggedModel").objects
    versions = apps.get_model("experiments", "ModelVersion").objects
    for version in versions.select_related("model", "logged_model").iterator(chunk_size=500):
        of_workspace = runs.filter(project__workspace=version.model.workspace_id)
        source_run = of_workspace.filter(pk=version.source_run_id).first()
        version.run_project_id = source_run and source_run.project_id
        parts = version.location.removeprefix(PROXIED).strip("/").split("/")
        is_proxied = version.location.startswith(PROXIED)
        if is_proxied and parts[1:2] == ["models"]:
            found = logged_models.filter(pk="".join(parts[2:3])).first()
            version.folder = "/".join(parts[4:])
        elif is_proxied:
            found = version.files_run = of_workspace.filter(pk="".join(parts[1:2])).first()
            version.folder = "/".join(parts[3:]) if found else ""
        elif version.source.startswith("runs:/"):
            found = source_run
        else:
            found = version.logged_model
        version.files_project_id = found and found.project_id
        version.save(update_fields=["run_project", "files_run", "files_project", "folder"])


class Migration(migrations.Migration):

    dependencies = [
        ('experiments', '0018_chunk_overviews'),
    ]

    operations = [
        migrations.AddField(
            model_name='artifact',
            name='keep_days',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='artifactversion',
            name='pinned',
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='artifact_version',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='registrations', to='experiments.artifactversion'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='created_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='files_project',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='experiments.project'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='files_run',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='registrations', to='experiments.run'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='folder',
            field=models.CharField(blank=True, max_length=1000),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='run_project',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='experiments.project'),
        ),
        migrations.AddIndex(
            model_name='artifact',
            index=models.Index(condition=models.Q(('keep_days__isnull', False)), fields=['keep_days'], name='artifacts_kept_for_days'),
        ),
        migrations.RunPython(note_origins, migrations.RunPython.noop, elidable=True),
    ]
