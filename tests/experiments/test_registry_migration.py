"""Versions that were registered before it was noted where they come from."""

import importlib
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from experiments.mlflow import runs
from experiments.models import ModelVersion
from experiments.registry import origins
from tests import factories
from tests.registering import logged_model, model_named, put, register

pytestmark = pytest.mark.django_db
KNOWN = ("run_project", "files_run", "files_project", "folder")


def test_whose_files_they_have_is_noted(data_dir):
    project = factories.make_project()
    run = factories.make_run(project)
    put(run, "model/net")
    model = model_named(project.workspace)
    made = [
        register(model, run=run.pk, path="model"),
        register(model, logged_model=logged_model(run, net=b"1").pk),
        register(model, source="s3://bucket/net"),
    ]
    before = [{name: getattr(one, name) for name in KNOWN} for one in made]
    forgotten = {"run_project": None, "files_run": None, "files_project": None, "folder": ""}
    ModelVersion.objects.update(**forgotten)

    migration = importlib.import_module("experiments.migrations.0019_registry")
    editor = SimpleNamespace(connection=connection, execute=connection.cursor().execute)
    migration.note_origins(apps, editor)

    found = ModelVersion.objects.order_by("number")
    assert [{name: getattr(one, name) for name in KNOWN} for one in found] == before
    assert before[0]["folder"] == "model"
    assert origins.is_hidden(found[0], frozenset({project.pk}))
    assert runs.artifact_uri(run) in found[0].location
