"""The filter language: what each comparison finds, and errors that say where."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments import recording, search
from experiments.errors import Invalid
from experiments.models import Run, RunTag
from experiments.search import conditions
from experiments.shapes import SeriesPoints
from tests import factories

pytestmark = pytest.mark.django_db

AWKWARD = {
    "a b": 1,
    'say "x"': 2,
    "back\\slash": 3,
    "it's": 4,
    "x(min)": 5,
    "AND": 6,
    "ü`": 7,
    "a=b,c": 8,
}


@pytest.fixture
def project():
    """Runs a, b, c and bare: params, tags and metrics differ; bare has none of them."""
    project = factories.make_project()
    record(
        factories.make_run(
            project,
            "a",
            params={"lr": 0.001, "net": "conv4"},
            tags=["baseline"],
            seed=0,
            created_by=factories.make_user("ada"),
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
            project,
            "c",
            status="crashed",
            group="g 1",
            params={"lr": 1, "deep": {"er": True}, **AWKWARD},
            created_at=datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
        ),
        [0.2],
    )
    bare = factories.make_run(project, "bare", status="queued", params={}, seed=2**53 + 1)
    RunTag.objects.create(run=bare, project=project, name="mlflow.user", value="eve", text="eve")
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
        ("seed >= 1", "-b"),
        ("seed != 1", "-a"),
        ("number <= 2", "ab"),
        ("created > 2026-03-05", "-ab"),
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
        # Lists and ranges
        ("name IN (a, 'b')", "ab"),
        ("name NOT IN (a, b)", "-c"),
        ("NOT name IN (a, b)", "-c"),
        ("seed in (0, 1)", "ab"),
        ("seed NOT IN (0)", "-b"),
        ("status NOT IN (failed, crashed)", "-a"),
        ("params.lr IN (0.1, 1)", "bc"),
        ("params.lr NOT IN (0.1)", "ac"),
        ("params.net IN (conv4, MLP, 3)", "ab"),
        ("params.net NOT IN (conv4)", "b"),
        ("metrics.test/loss IN (1, nan)", "ab"),
        ("metrics.test/loss NOT IN (1, nan)", "c"),
        ("metrics.test/loss NOT IN (1)", "c"),
        ("tags IN (try, baseline)", "ab"),
        ("tags NOT IN (try)", "-ac"),
        ("created IN (2026-03-04, 2020-01-01)", "c"),
        ("params.lr BETWEEN 0.1 AND 1", "bc"),
        ("params.lr NOT BETWEEN 0.1 AND 0.9", "ac"),
        ("seed BETWEEN 0 AND 1 AND name = a", "a"),
        ("metrics.test/loss(max) BETWEEN 2 AND 2.5", "b"),
        ("created BETWEEN 2026-03-01 AND 2026-03-04", "c"),
        # What a run lacks
        ("params.net IS NULL", "-c"),
        ("params.net IS NOT NULL", "ab"),
        ("NOT params.net is not null", "-c"),
        ("metrics.test/loss IS NULL", "-"),
        ("metrics.test/loss IS NOT NULL", "abc"),
        ("metrics.test/loss(min) IS NULL", "-"),
        ("tags IS NULL", "c"),
        ("seed IS NULL", "c"),
        ("started IS NULL", "-"),
        ("group IS NULL", "-ab"),
        ("group IS NOT NULL", "c"),
        ("user IS NULL", "-bc"),
        ("status IS NULL", ""),
        # Parts and patterns
        ("name !~ A", "bc"),
        ("params.net !~ conv", "b"),
        ("tags !~ a", "-bc"),
        ("name LIKE b%", "-b"),
        ("name like 'B___'", "-"),
        ("name NOT LIKE '%a%'", "bc"),
        (r"name LIKE '\\%'", ""),
        ("params.net LIKE '%lp'", "b"),
        ("tags LIKE 'B%e'", "a"),
        # Times
        ("created = 2026-03-04", "c"),
        ("created != 2026-03-04", "-ab"),
        ("created = 2026-03-04T05:06", "c"),
        ("created = '2026-03-04 06:06:00+01:00'", "c"),
        ("created <= 2026-03-04", ""),
        ("created < -7d AND created > -2000w", "c"),
        ("created > -90m", "-ab"),
        ("finished > -1h", "bc"),
        # Tags with values, and who made the run
        ("tags.mlflow.user = eve", "-"),
        ('tags."mlflow.user" ~ EV', "-"),
        ("tags.mlflow.user != eve", ""),
        ("tags.mlflow.user IS NULL", "abc"),
        ("tags.baseline IS NOT NULL", "a"),
        ("user = ada", "a"),
        ("user != eve", "a"),
        # Whole numbers as they are, and numbers that they cannot be
        (f"seed = {2**53 + 1}", "-"),
        (f"seed = {2**53}", ""),
        ("seed = 1.5", ""),
        ("seed < 0.5", "a"),
        ("seed >= -inf", "-ab"),
        ("seed > 1e30", ""),
        ("seed IN (1, 1e400, 1e19)", "b"),
        # Keys of any letters
        ('params."a b" = 1', "c"),
        ("params.'a b' = 1", "c"),
        ("params.`a b` = 1", "c"),
        (r'params."say \"x\"" = 2', "c"),
        ("""params.'say "x"' = 2""", "c"),
        (r'params."back\\slash" = 3', "c"),
        (r"params.back\slash = 3", "c"),
        ('params."it\'s" = 4', "c"),
        ('params."x(min)" = 5', "c"),
        ("params.AND = 6", "c"),
        ('params."ü`" = 7', "c"),
        ('params."a=b,c" = 8', "c"),
        ('params.deep."er" = true', "c"),
        ('params."deep".er = true', "c"),
    ],
)
def test_finds(project, text, names):
    assert found(project, text) == names


@pytest.mark.parametrize("few", [0, 1, 1_000])
def test_parts_of_tags_find_the_same_however_many_tags_there_are(project, monkeypatch, few):
    monkeypatch.setattr(conditions, "FEW_TAGS", few)

    assert found(project, "tags ~ TR") == "b"
    assert found(project, "tags !~ tr") == found(project, "NOT tags LIKE '%tr%'")


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
        ("metrics.loss(mean) < 3", 14, "expected last, min, max or best"),
        ("created > yesterday", 11, "expected a time like"),
        ("params.lr ~ ", 13, "expected a value"),
        ("metrics.loss < nan", 16, "only the last value"),
        ("project_id = 3", 1, "is not a field"),
        ("NOT " * 30 + "seed = 1", 81, "nest at most"),
        ("seed = 1 OR " * 100 + "seed = 2", 1201, "at most 100 comparisons"),
        ("seed = nan", 8, "expected a number"),
        ("seed NOT = 1", 10, "BETWEEN, LIKE or IS NULL"),
        ("seed IS 1", 9, "expected 'NULL'"),
        ("seed BETWEEN 1, 2", 15, "expected 'AND'"),
        ("seed LIKE 1", 11, "is for texts"),
        ("created ~ 2026", 11, "expected a time"),
        ("name BETWEEN a AND b", 14, "compare texts"),
        ("tags < 3", 8, "compare tags"),
        ("created > 0001-01-01T00:00+23:59", 11, "expected a time"),
        ("created > -999999999w", 11, "expected a time"),
        (r"name LIKE 'a\\'", 11, "single backslash"),
        ("name = 'a\0b'", 10, "cannot be stored"),
        ("params.a = \ud800", 12, "cannot be stored"),
        ("metrics.x(best) > 1", 1, "name it, or use min or max"),
    ],
)
def test_errors_say_where(text, position, words):
    with pytest.raises(Invalid) as error:
        search.parse(text)
    assert error.value.message.startswith(f"filter: At character {position}: ")
    assert words in error.value.message
    assert list(error.value.fields) == ["filter"]


def test_the_best_of_the_main_metric_follows_its_direction(project):
    project.main_metric = "test/loss"
    for direction, names in (("min", "ac"), ("max", "c")):
        project.main_metric_direction = direction
        assert found(project, "metrics.test/loss(best) <= 0.5") == names


def test_the_best_of_another_metric_follows_its_name_and_of_the_machine_there_is_none(project):
    project.main_metric = "other"

    assert found(project, "metrics.test/loss(best) <= 0.5") == "ac"
    for nameless in ("metrics.x(best) > 1", "metrics.system/memory(best) > 1"):
        with pytest.raises(Invalid, match="use min or max"):
            search.parse(nameless, project=project)


def test_a_fraction_is_no_whole_number_and_still_a_limit(project):
    assert found(project, "seed = 0.5") == ""
    assert found(project, "seed IN (0.5, 1)") == "b"
    assert found(project, "seed > 0.5 AND name = b") == "b"
    assert found(project, "seed != 0.5 AND name = a") == "a"


def test_a_param_of_null_is_no_value(project):
    for name, value in (("empty", None), ("full", 0.5)):
        factories.make_run(project, name, params={"dropout": value})

    def named(text):
        runs = Run.objects.filter(search.parse(text, project=project), project=project)
        return set(runs.values_list("name", flat=True))

    assert "empty" in named("params.dropout IS NULL")
    assert "full" not in named("params.dropout IS NULL")
    assert named("params.dropout IS NOT NULL") == {"full"}


def test_errors_have_a_caret_below_their_place():
    with pytest.raises(search.InvalidFilter) as error:
        search.parse("status = failed\n  seed = 1")
    assert error.value.details == {
        "position": 19,
        "caret": "status = failed   seed = 1\n" + " " * 18 + "^",
    }


def test_a_caret_shows_the_part_of_a_long_filter_around_it():
    text = "name = x OR " * 20 + "seed = many OR " + "name = x OR " * 20 + "name = x"
    with pytest.raises(search.InvalidFilter) as error:
        search.parse(text)
    shown, caret = str(error.value.details["caret"]).split("\n")
    assert shown[caret.index("^") :].startswith("many OR ")
    assert (shown[0], shown[-1]) == ("…", "…")
    assert len(shown) < 80


pieces = st.sampled_from(
    ["(", ")", "AND", "OR", "NOT", "IN", "=", "!=", "<", "~", ",", "status", "failed", "name", "1"]
    + ["params.lr", "metrics.x(min)", "tags", "'", '"', "nan", "created", "2026-01-01", "\\", "."]
    + ["IS", "NULL", "BETWEEN", "LIKE", "!~", "seed", "-inf", "1e19", "-7d", "user", "tags.x", "%"]
) | st.text(max_size=4)
comparisons = st.builds(
    " ".join,
    st.tuples(
        st.sampled_from(
            ["seed", "number", "created", "finished", "name", "user", "tags", "tags.x", "params.x"]
            + ["metrics.x", "metrics.x(min)", "metrics.x(best)", "status", "params.'\0'"]
        ),
        st.sampled_from(["=", "!=", "<", ">=", "~", "!~", "LIKE", "IN (", "BETWEEN 1 AND", "IS"]),
        st.sampled_from(["nan", "-inf", "1e308", "1e19", "-1.5", str(2**70), "''", "'%\\", "NULL"])
        | st.text(max_size=3)
        | st.floats().map(str)
        | st.datetimes().map(lambda moment: moment.isoformat()),
        st.sampled_from(["", ")"]),
    ),
)


@given(st.lists(pieces | comparisons, max_size=12) | comparisons.map(lambda one: [one]))
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_a_filter_or_invalid(db, parts):
    try:
        condition = search.parse(" ".join(parts))
    except Invalid as error:
        refused = error.fields["filter"][0]
        condition = None
    assert refused if condition is None else not Run.objects.filter(condition).exists()
