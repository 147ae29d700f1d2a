from django.db import migrations

PARENT = "mlflow.parentRunId"
DEEPEST = 20


def take_parents(apps, schema_editor):
    """Runs that clients of MLflow nested get the parent that their tag names, if it is one."""
    runs = apps.get_model("experiments", "Run").objects
    tags = apps.get_model("experiments", "RunTag").objects.filter(name=PARENT).order_by("pk")
    named = {
        run: (project, parent)
        for run, project, parent in tags.values_list("run_id", "project_id", "value").iterator()
    }
    for run, (project, parent) in named.items():
        if not _comes_back(run, named) and runs.filter(pk=parent, project=project).exists():
            runs.filter(pk=run).update(parent=parent)


def _comes_back(run, named):
    """Whether following the tags upwards from a run does not end."""
    seen = {run}
    while run in named:
        run = named[run][1]
        if run in seen or len(seen) > DEEPEST:
            return True
        seen.add(run)
    return False


class Migration(migrations.Migration):
    dependencies = [("experiments", "0020_child_runs")]

    operations = [migrations.RunPython(take_parents, migrations.RunPython.noop)]
