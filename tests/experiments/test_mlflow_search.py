"""What a search of MLflow's asks of the database."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments.mlflow import logging, points, searching
from experiments.models import Project
from tests import factories as make

pytestmark = pytest.mark.django_db


def queries(project: Project) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        found, _ = searching.search(
            Project.objects.filter(pk=project.pk), text="metrics.m >= 0", orders=["metrics.m DESC"],
            stages=searching.stages_of(""), limit=100, token="",
        )  # fmt: skip
    assert len(found) == project.runs.count()
    return len(seen)


def test_a_page_costs_as_many_queries_as_one_run(data_dir):
    project = make.make_project(make.make_workspace("lab", ada="member"), "sinusoid")

    def add(number):
        run = make.make_run(project, f"run-{number}")
        logging.log(run.pk, params=[("p", "1")], tags={"t": "2"})
        logging.log_points(run.pk, [points.columns("m", [0], [1], [float(number)])])

    add(0)
    first = queries(project)
    for number in range(1, 12):
        add(number)
    assert queries(project) == first
