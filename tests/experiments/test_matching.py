"""A search finds the runs that the database finds by the plain condition, page by page."""

import random
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments import reading, search
from experiments.models import Run, Series
from experiments.models.ids import new_id
from experiments.reading import id_arrays, matching
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
    "params.lr > 0.1 AND params.lr < 0.9 OR seed = 1",
    "NOT (NOT tags = odd AND NOT (metrics.loss > 0.5 OR status = failed))",
    "created > 2020-01-01 AND NOT name ~ 1",
    "NOT (status = failed OR number < 9)",
)
SORTS = (
    "metrics.loss",
    "metrics.loss(best)",
    "metrics.loss(max)",
    "params.lr",
    "params.net",
    "number",
)


@pytest.fixture
def project():
    rng = random.Random(3)
    project = factories.make_project(main_metric="loss")
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
    return series and getattr(series, search.summary_column(field, run.project))


@pytest.fixture(params=["walked", "looked up"])
def way(request, monkeypatch):
    """How the runs found get into an order: along all rows of it, or each by itself."""
    monkeypatch.setattr(matching, "LOOKED_UP", 0 if request.param == "walked" else 1_000)
    monkeypatch.setattr(matching, "SPARE", 1)


@pytest.mark.parametrize(("filters", "archived"), list(product(FILTERS, (False, True))))
def test_every_page_is_that_of_the_plain_condition(project, way, filters, archived):
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


fields = st.sampled_from(
    ["params.lr < 0.3", "params.net = a", "params.none = 1", "metrics.loss > 0.5", "tags = odd"]
    + ["tags != other", "status = failed", "number > 11", "metrics.loss(min) <= 0.2"]
)
conditions = st.recursive(
    fields,
    lambda some: (
        st.tuples(some, st.sampled_from(["AND", "OR"]), some).map(lambda three: " ".join(three))
        | some.map(lambda one: f"NOT ({one})")
        | some.map(lambda one: f"({one})")
    ),
    max_leaves=7,
)


@given(conditions)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_combination_finds_what_the_plain_condition_finds(project, way, filters):
    plain = Run.objects.filter(search.parse(filters, project=project), project=project)
    expected = set(plain.filter(archived_at=None).values_list("pk", flat=True))

    ids, total = reading.run_ids(
        project,
        filters=filters,
        sort="metrics.loss",
        descending=True,
        offset=0,
        limit=100,
        archived=False,
    )

    assert (set(ids), total) == (expected, len(expected))


@pytest.mark.parametrize("odd", [id_arrays._ODD, (np.uint64(0), np.uint64(0))])
def test_equal_ids_and_no_others_get_the_same_number(monkeypatch, odd):
    monkeypatch.setattr(id_arrays, "_ODD", odd)  # zeros: the mixed bits of all ids are equal
    ids = np.array([new_id() for _ in range(50)], "S16")
    parts = [ids[:30], id_arrays.NONE, ids[20:][::-1]]

    numbers, known = id_arrays.numbered(parts)

    assert [known[mine].tolist() for mine in numbers] == [part.tolist() for part in parts]
    assert len(known) == 50
    assert id_arrays.among(parts[0], parts[2]).tolist() == [False] * 20 + [True] * 10
    assert not id_arrays.among(parts[0], parts[1]).any()
