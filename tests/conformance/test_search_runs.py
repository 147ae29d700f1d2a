"""runs/search: MLflow's grammar, its meaning, its orders and pages."""

import itertools
import math

import pytest
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.utils.search_utils import SearchUtils

from experiments.mlflow import filters, searching
from tests.conformance.test_tracking import code_of


@pytest.fixture(scope="module")
def cast(request):
    """Runs by name in one experiment, made once; filled by the first test that asks."""
    return {}


@pytest.fixture
def found(client, cast):
    """Names of the runs that a filter finds, sorted."""
    if not cast:
        cast["experiment"] = client.create_experiment("search cast")
        for number, (name, params, metrics, tags) in enumerate(CAST):
            run = client.create_run(
                cast["experiment"], run_name=name, start_time=1000 + number, tags=tags
            )
            client.log_batch(
                run.info.run_id,
                metrics=[Metric(key, value, 1, 1) for key, value in metrics.items()],
                params=[Param(key, value) for key, value in params.items()],
            )
            cast[name] = run.info.run_id
        client.set_terminated(cast["beta"], status="FAILED", end_time=5000)

    def search(text, **options):
        runs = client.search_runs([cast["experiment"]], text, **options)
        return sorted(run.info.run_name for run in runs)

    return search


CAST = [
    ("alpha", {"lr": "0.1", "opt": "Adam"}, {"m": 1.0, "val/acc": 0.5}, {"team": "A_x", "k": ""}),
    ("beta", {"lr": "0.10", "opt": "adam"}, {"m": 2.0}, {"team": "abx"}),
    ("gamma", {"opt": "sgd it's"}, {"m": math.nan}, {"team": "100%", "mlflow.user": "eve"}),
    ("delta", {"my key": "[a]*?", "quoted": "it''s"}, {"m": math.inf, "n": -1.5}, {}),
]

FILTERS = {
    "": "alpha beta delta gamma",
    "metrics.m > 1": "beta delta",
    "metrics.m >= 1 and metric.m < 1.5e3": "alpha beta",
    "metrics.m = 2": "beta",
    "metrics.m = 2.0": "beta",
    "metrics.m != 2": "alpha delta gamma",
    "metrics.m <= 2": "alpha beta",
    "metrics.n < -1": "delta",
    "metrics.n > -1.6e0": "delta",
    "metrics.`val/acc` >= .5": "alpha",
    'metrics."val/acc" = 0.5': "alpha",
    "params.lr = '0.1'": "alpha",
    "param.lr != '0.1'": "beta",
    "parameters.opt LIKE 'A%'": "alpha",
    "parameter.opt ILIKE 'A%'": "alpha beta",
    'params.opt = "sgd it\'s"': "gamma",
    "params.`my key` = '[a]*?'": "delta",
    "params.`my key` LIKE '[a]%'": "delta",
    "params.`my key` LIKE '%*_'": "delta",
    "params.lr IS NULL": "delta gamma",
    "params.lr is not null": "alpha beta",
    "tags.team LIKE 'A_x'": "alpha",
    "tags.team ILIKE 'a_x'": "alpha beta",
    "tags.team = 'A_x'": "alpha",
    "tag.team = '100%'": "gamma",
    "tags.team = '100_'": "",
    "tags.team IS NULL": "delta",
    "tags.k = ''": "alpha",
    "tags.k IS NOT NULL": "alpha",
    "tags.mlflow.user = 'eve'": "gamma",
    "tags.`mlflow.runName` = 'alpha'": "alpha",
    "run_name = 'beta'": "beta",
    "attributes.run_name LIKE '%a'": "alpha beta delta gamma",
    "attr.`run name` = 'beta'": "beta",
    "run.status = 'FAILED'": "beta",
    "status != 'FAILED'": "alpha delta gamma",
    "status LIKE 'RUN%'": "alpha delta gamma",
    "user_id = 'eve'": "gamma",
    "start_time >= 1002": "delta gamma",
    "created < 1001": "alpha",
    "attribute.end_time = 5000": "beta",
    "end_time != 5000": "",
    "artifact_uri LIKE 'mlflow-artifacts:/%/artifacts'": "alpha beta delta gamma",
    "params.opt ILIKE '%A%' AND tags.team LIKE '%x' And metrics.m < 2": "alpha",
    "tags.'team' = 'A_x'": "alpha",
    "params.'my key' = '[a]*?'": "delta",
    "metrics.'val/acc' = 0.5": "alpha",
    "params.opt = 'sgd it''s'": "",
    "params.opt != 'sgd it''s'": "alpha beta gamma",
    "params.quoted = 'it''s'": "delta",
    "metrics.m > 1 and": "beta delta",
    "AND metrics.m > 1 AND AND params.lr IS NOT NULL": "beta",
    "metrics.m > 1 params.lr != '0.1'": "beta",
    "and": "alpha beta delta gamma",
    "metrics.m < 1e400": "alpha beta delta",
    "metrics.m <= 1e400": "alpha beta delta",
    "metrics.m > 1e308": "delta",
    "metrics.m = 1e400": "",
    "metrics.m >= 1e400": "",
    "metrics.n > -1e400": "delta",
}


@pytest.mark.parametrize("text", [*FILTERS, "run_id IN ('a''b', \"c''d\", 'e')"])
def test_a_filter_is_read_as_by_the_parser_of_mlflow(text):
    theirs = [
        (one["key"], one["comparator"].upper(), one["value"])
        for one in SearchUtils.parse_search_filter(text)
    ]

    ours = [
        (one.key.name, one.sign, float(one.value) if isinstance(one.value, int) else one.value)
        for one in filters.parse(text, searching.KINDS)
    ]

    assert [(key, sign) for key, sign, _ in ours] == [(key, sign) for key, sign, _ in theirs]
    for (*_, value), (*_, wanted) in zip(ours, theirs, strict=True):
        assert value == (float(wanted) if isinstance(value, float) else wanted)


@pytest.mark.parametrize(("text", "names"), FILTERS.items(), ids=FILTERS)
def test_a_filter_finds_exactly_these(found, text, names):
    assert found(text) == names.split()


def test_runs_by_their_ids(found, cast):
    ids = cast["alpha"], cast["gamma"]
    assert found(f"run_id = '{ids[0]}'") == ["alpha"]
    assert found(f"attributes.run_id IN ('{ids[0]}', '{ids[1]}')") == ["alpha", "gamma"]
    assert found(f"run_id NOT IN ('{ids[0]}','{ids[1]}')") == ["beta", "delta"]


BAD = [
    " ", "metrics.m > '1'", "metrics.m LIKE '1'", "metrics.m IS NULL", "params.lr = 0.1",
    "params.lr > '0.1'", "params.lr IN ('a')", "params.lr = a", "foo.bar = 'a'", "nothing = 'a'",
    "metrics.m > 1 OR metrics.m < 0", "(metrics.m > 1)", "metrics.m > 1;", "metrics.m", "metrics.",
    "metrics.m >", "status > 'A'", "run_id IN ()", "'run_name' = 'alpha'", "params.lr = 'x'y'",
    "run_id IN ('a'", "start_time = 'x'", "params.val/acc = 'a'", "datasets.foo = 'a'",
    "tags.a = 'b", "run_id IN (1)", "attributes.name = 'a'", "params.lr = 'x' 'y'",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_is_not_in_the_grammar_is_400(server, found, cast, text):
    found("")
    body = {"experiment_ids": [cast["experiment"]], "filter": text}
    answer = server.post("runs/search", body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


ORDERS = {
    (): "delta gamma beta alpha",
    ("start_time ASC",): "alpha beta gamma delta",
    ("metrics.m",): "alpha beta delta gamma",
    ("metrics.m DESC",): "delta beta alpha gamma",
    ("metrics.n DESC",): "delta gamma beta alpha",
    ("params.lr desc",): "beta alpha delta gamma",
    ("params.lr", "metrics.m"): "alpha beta delta gamma",
    ("tags.team ASC",): "gamma alpha beta delta",
    ("attributes.run_name DESC",): "gamma delta beta alpha",
    ("end_time",): "beta delta gamma alpha",
    ("metrics.`val/acc`", "created"): "alpha beta gamma delta",
}


@pytest.mark.parametrize(("order", "names"), ORDERS.items(), ids=map(str, ORDERS))
def test_orders_put_what_is_missing_last(client, found, cast, order, names):
    found("")
    runs = client.search_runs([cast["experiment"]], order_by=list(order))
    assert [run.info.run_name for run in runs] == names.split()


def test_statuses_sort_by_the_words_that_mlflow_has_for_them(client, experiment):
    words = ["SCHEDULED", "FINISHED", "RUNNING", "FAILED", "KILLED"]
    for word in words:
        run = client.create_run(experiment).info.run_id
        if word != "RUNNING":
            client.update_run(run, status=word)

    def ordered(by):
        return [run.info.status for run in client.search_runs([experiment], order_by=[by])]

    assert ordered("status") == sorted(words)
    assert ordered("attributes.status DESC") == sorted(words, reverse=True)


@pytest.mark.parametrize(
    "order", ["metrics.m UP", "metrics.m ASC DESC", "", "datasets.name", "nothing", "foo.bar"]
)
def test_a_bad_order_is_400(client, found, cast, order):
    found("")
    assert code_of(client.search_runs, [cast["experiment"]], order_by=[order]) == (
        "INVALID_PARAMETER_VALUE"
    )
    again = ["metrics.m", "metrics.m DESC"]
    assert code_of(client.search_runs, [cast["experiment"]], order_by=again) == (
        "INVALID_PARAMETER_VALUE"
    )


@pytest.mark.parametrize("order", [[], ["metrics.same DESC"], ["params.none"], ["metrics.odd"]])
def test_pages_together_are_the_one_page_without_a_token_after_the_last(client, experiment, order):
    for number in range(9):
        run = client.create_run(experiment, start_time=7).info.run_id
        client.log_metric(run, "same", 1.0)
        if number % 2:
            client.log_metric(run, "odd", math.nan if number == 3 else number)
    whole = [run.info.run_id for run in client.search_runs([experiment], order_by=order)]
    pages, token = [], None
    for _ in range(3):
        page = client.search_runs([experiment], order_by=order, max_results=3, page_token=token)
        pages += [run.info.run_id for run in page]
        token = page.token
    assert not token
    assert pages == whole
    assert len(set(pages)) == 9


def test_views_show_active_and_deleted_runs(client, experiment):
    kept, deleted = (client.create_run(experiment).info.run_id for _ in range(2))
    client.delete_run(deleted)
    views = {ViewType.ACTIVE_ONLY: {kept}, ViewType.DELETED_ONLY: {deleted},
             ViewType.ALL: {kept, deleted}}  # fmt: skip
    for view, ids in views.items():
        runs = client.search_runs([experiment], run_view_type=view)
        assert {run.info.run_id for run in runs} == ids


def test_no_or_unknown_experiments_are_empty_and_limits_are_400(server, client, experiment):
    for ids in ([], ["99999999"]):
        answer = server.post("runs/search", {"experiment_ids": ids})
        assert answer.json().get("runs", []) == []
    for wrong in (
        {"max_results": 0}, {"max_results": 50_001}, {"page_token": "x"},
        {"experiment_ids": [experiment, "abc"]},
    ):  # fmt: skip
        body = {"experiment_ids": [experiment], **wrong}
        assert server.post("runs/search", body).status_code == 400


def test_each_run_is_complete(client, experiment):
    run = client.create_run(experiment, tags={"t": "1"}).info.run_id
    client.log_batch(run, [Metric("m", 1.0, 5, 6)], [Param("p", "1")], [RunTag("u", "2")])
    (found,) = client.search_runs([experiment])
    assert found.to_dictionary() == client.get_run(run).to_dictionary()


class TestExperiments:
    def search(self, client, text=None, **options):
        return [one.name for one in client.search_experiments(filter_string=text, **options)]

    @pytest.fixture
    def names(self, client):
        known = {one.name for one in client.search_experiments(view_type=ViewType.ALL)}
        for name, tags in (("find One", {"t": "A"}), ("find_two", {"t": "a"}), ("find 3", {})):
            if name not in known:
                client.create_experiment(name, tags=tags)

    def test_the_newest_comes_first_and_default_is_among_them(self, client, names):
        found = self.search(client)
        assert [name for name in found if name.startswith("find")] == [
            "find 3", "find_two", "find One",
        ]  # fmt: skip
        assert "Default" in found

    @pytest.mark.parametrize(
        ("text", "expected"),
        {
            "name = 'find One'": ["find One"],
            "attribute.name LIKE 'find_%'": ["find 3", "find_two", "find One"],
            "name LIKE 'FIND%'": [],
            "name ILIKE 'FIND T%' AND name != 'x'": [],
            "tags.t = 'A'": ["find One"],
            "tag.t ILIKE 'A'": ["find_two", "find One"],
            "tags.t IS NULL AND name LIKE 'find%'": ["find 3"],
            "creation_time > 0 AND name = 'find 3'": ["find 3"],
            "experiment_id = '0'": ["Default"],
            "experiment_id IN ('0', '99999')": ["Default"],
        }.items(),
    )
    def test_a_filter_finds_exactly_these(self, client, names, text, expected):
        assert self.search(client, text) == expected

    @pytest.mark.parametrize("text", ["name > 'a'", "tags.t > 'a'", "nothing = 'a'", "name = a"])
    def test_what_is_not_in_the_grammar_is_400(self, client, text):
        assert code_of(client.search_experiments, filter_string=text) == "INVALID_PARAMETER_VALUE"

    def test_orders_and_pages(self, client, names):
        text, order = "name LIKE 'find%'", ["name ASC"]
        page = client.search_experiments(filter_string=text, order_by=order, max_results=2)
        rest = client.search_experiments(
            filter_string=text, order_by=order, max_results=2, page_token=page.token
        )
        assert [one.name for one in itertools.chain(page, rest)] == sorted(
            ["find 3", "find One", "find_two"]
        )
        assert not rest.token
