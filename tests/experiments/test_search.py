"""The filter language: what each comparison finds, and errors that say where."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments import recording, search
from experiments.errors import Invalid
from experiments.models import Run
from experiments.shapes import SeriesPoints
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    """Runs a, b, c and bare: params, tags and metrics differ; bare has none of them."""
    project = factories.make_project()
    record(
        factories.make_run(
            project, "a", params={"lr": 0.001, "net": "conv4"}, tags=["baseline"], seed=0
        ),
        [3.0, 0.5, 1.0],
    )
    record(
        factories.make_run(
            project, "b", status="failed", params={"lr": 0.1, "net": "MLP"}, tags=["try"], seed=1
        ),
        [2.0, np.nan],
    )
    record(
        factories.make_run(
            project, "c", status="crashed", group="g 1", params={"lr": 1, "deep": {"er": True}}
        ),
        [0.2],
    )
    factories.make_run(project, "bare", params={})
    other = factories.make_run(factories.make_project(slug="other"), "elsewhere")
    record(other, [1.0])
    return project


def record(run, values):
    points = SeriesPoints(
        "test/loss", np.arange(len(values)), np.zeros(len(values)), np.array(values)
    )
    recording.record(run_id=run.id, client="c", number=0, series=[points])


def found(project, text):
    runs = Run.objects.filter(search.parse(text, project=project), project=project)
    return "".join(sorted(run.name[0] if run.name != "bare" else "-" for run in runs))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "-abc"),
        ("status = failed", "b"),
        ("status IN (failed, crashed)", "bc"),
        ("status != failed", "-ac"),
        ("name = a", "a"),
        ("name ~ 'A'", "-a"),
        ('group = "g 1"', "c"),
        ("seed >= 1", "b"),
        ("seed != 1", "a"),
        ("number <= 2", "ab"),
        ("created > 2020-01-01", "-abc"),
        ("created < 2020-01-01T10:00:00", ""),
        ("tags = baseline", "a"),
        ("tags != baseline", "-bc"),
        ("tags ~ TR", "b"),
        ("params.lr = 1e-3", "a"),
        ("params.lr != 0.1", "ac"),
        ("params.lr > 0.01", "bc"),
        ("params.net = conv4", "a"),
        ("params.net ~ mlp", "b"),
        ("params.net != conv4", "b"),
        ("params.deep.er = true", "c"),
        ("metrics.test/loss < 1.5", "ac"),
        ("metrics.test/loss(min) <= 0.5", "ac"),
        ("metrics.test/loss(max) > 2", "a"),
        ("metrics.test/loss = nan", "b"),
        ("metrics.test/loss != nan", "ac"),
        ('metrics."test/loss"(last) = 1', "a"),
        ("NOT status = failed AND params.lr > 0.01", "c"),
        ("name = a OR name = b AND seed = 7", "a"),
        ("(name = a OR name = b) AND seed = 1", "b"),
        ("not (tags = try or name = bare)", "ac"),
    ],
)
def test_finds(project, text, names):
    assert found(project, text) == names


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("colour = red", 1, "'colour' is not a field"),
        ("status = done", 10, "use one of queued"),
        ("status = failed seed = 1", 17, "expected AND, OR"),
        ("seed < many", 8, "expected a number"),
        ("(seed < 1", 10, "expected ')'"),
        ("seed", 5, "found 'the end'"),
        ("name = 'open", 8, "is a quote missing"),
        ("name < 3", 8, "compare texts"),
        ("metrics.loss(mean) < 3", 14, "expected last, min or max"),
        ("created > yesterday", 11, "expected a date"),
        ("params.lr ~ ", 13, "expected a value"),
        ("metrics.loss < nan", 16, "only the last value"),
        ("project_id = 3", 1, "is not a field"),
        ("NOT " * 30 + "seed = 1", 81, "nest at most"),
    ],
)
def test_errors_say_where(text, position, words):
    with pytest.raises(Invalid) as error:
        search.parse(text)
    assert error.value.message.startswith(f"filter: At character {position}: ")
    assert words in error.value.message
    assert list(error.value.fields) == ["filter"]


pieces = st.sampled_from(
    ["(", ")", "AND", "OR", "NOT", "IN", "=", "!=", "<", "~", ",", "status", "failed", "name", "1"]
    + ["params.lr", "metrics.x(min)", "tags", "'", '"', "nan", "created", "2026-01-01", "\\", "."]
) | st.text(max_size=4)


@given(st.lists(pieces, max_size=12))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_a_filter_or_invalid(db, parts):
    try:
        condition = search.parse(" ".join(parts))
    except Invalid as error:
        refused = error.fields["filter"][0]
        condition = None
    assert refused if condition is None else not Run.objects.filter(condition).exists()
