"""A search finds the same runs in the same order, in whichever way its rows are read."""

import random
from itertools import product

import pytest

from experiments import reading, search
from experiments.models import Run, Series
from tests import factories

pytestmark = pytest.mark.django_db

FILTERS = (
    "",
    "params.lr < 0.1",
    "params.lr < 0.9",
    "params.lr < -1",
    "NOT params.lr < 0.2",
    "params.lr < 0.9 AND metrics.loss > 0.3",
    "params.lr < 0.3 AND status = failed",
    "params.lr < 0.5 AND (tags = odd OR name ~ r1)",
    "params.lr > 0.9 OR tags = odd",
    "tags ~ o",
    "NOT tags = odd",
    "status = failed AND name ~ r",
    "metrics.loss(min) < 0.4 AND NOT (params.net = a OR tags = odd)",
    "params.lr IN (0.5, 0.25)",
)
SORTS = ("metrics.loss", "metrics.loss(max)", "params.lr", "params.net", "number")


@pytest.fixture
def project():
    rng = random.Random(3)
    project = factories.make_project()
    for number in range(40):
        params = {"lr": rng.choice([0.05, 0.25, 0.5, 0.95]), "net": rng.choice("ab")}
        run = factories.make_run(
            project,
            f"r{number}",
            params=params if number % 7 else {},
            status="failed" if number % 3 else "completed",
            tags=["odd", "other"] if number % 2 else [],
            archived_at="2026-01-01T00:00:00Z" if number % 5 == 0 else None,
        )
        if number % 6:
            last = rng.random()
            Series.objects.create(
                run=run, project=project, key="loss", last=last, least=last / 2, most=1 - last
            )
    return project


def value_of(run, sort):
    """What the run is sorted by; None where it lacks it."""
    field = search.field(sort)
    if field.kind == "attribute":
        return getattr(run, field.key)
    if field.kind == "params":
        return run.params.get(field.key)
    series = run.series.filter(key=field.key).first()
    return series and getattr(series, search.SUMMARIES[field.summary])


@pytest.mark.parametrize(("filters", "archived"), list(product(FILTERS, (False, True))))
def test_every_page_is_that_of_the_plain_condition(project, filters, archived):
    condition = search.parse(filters, project=project)
    found = Run.objects.filter(condition, project=project, archived_at__isnull=not archived)
    for sort, descending in product(SORTS, (False, True)):
        rows = [(value_of(run, sort), run.pk) for run in found]
        having = sorted((row for row in rows if row[0] is not None), reverse=descending)
        lacking = sorted((row[1] for row in rows if row[0] is None), reverse=descending)
        expected = [pk for _, pk in having] + lacking
        for offset in (0, 3, 10, len(having), len(expected), 100):
            ids, total = reading.run_ids(
                project,
                filters=filters,
                sort=sort,
                descending=descending,
                offset=offset,
                limit=7,
                archived=archived,
            )
            assert total == len(expected)
            assert ids == expected[offset : offset + 7], (sort, descending, offset)
