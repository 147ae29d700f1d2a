"""Params: what a server does not take of them keeps neither the others nor the run from it."""

import pytest
from metascope import _params
from metascope._errors import Refused
from metascope._settings import load
from metascope._sync import sync

from experiments import alerts
from experiments.lifecycle import params as server_params
from experiments.models import Run, RunStatus
from tests.client.test_artifacts import environment, start  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

DEEP: dict = {"value": 1}
for _ in range(20):
    DEEP = {"in": DEEP}
BAD = {
    "huge": 10**400,
    "long": "x" * 30_000, "k" * 300: 1, "nul": "a\0b", "deep": DEEP, "": 1, "new\nline": 1,
    "net": {"width": 8, "note": "y" * 30_000},
}  # fmt: skip
GOOD = {"lr": 0.1, "net": {"width": 8}}


@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize("how", ["start", "log_params"])
def test_params_beyond_the_limits_keep_nothing_else_away(
    environment, monkeypatch, mode, how  # noqa: F811
):  # fmt: skip
    monkeypatch.setenv("METASCOPE_MODE", mode)
    with start(system=False, params={**GOOD, **BAD} if how == "start" else None) as run:
        if how == "log_params":
            run.log_params({**GOOD, **BAD})
        run.log({"loss": 1.0}, step=0)
    monkeypatch.setenv("METASCOPE_MODE", "online")
    sync(load(), print)

    found = Run.objects.get()
    assert found.params == GOOD
    assert (found.status, found.series.count()) == (RunStatus.COMPLETED, 1)
    assert found.environment["python"]
    [told] = (environment / "spool").glob("*/refused.jsonl")
    for name in ("long", "nul", "net.note"):
        assert name in told.read_text()
    assert "long" in alerts.of_run(found)[0].text


def test_of_too_many_params_as_many_arrive_as_the_server_takes(environment, monkeypatch):  # noqa: F811
    monkeypatch.setattr(server_params, "MOST_PARAMS", 100)
    with start(system=False, params={f"p{number:03}": number for number in range(250)}) as run:
        run.log({"loss": 1.0}, step=0)

    found = Run.objects.get()
    assert len(found.params) == 100
    assert found.series.count() == 1


@pytest.mark.parametrize("taken", [0, 10, 4_990, 5_000])
def test_a_surplus_of_params_is_refused_in_few_requests(taken):
    held = {f"held{number}": 1 for number in range(taken)}
    asked = []

    def post(params):
        asked.append(params)
        if len(held) + len(params) > 5_000:
            many = ["Holds more than the limit of 5,000 values."]
            raise Refused(f"params: {many[0]}", 400, "invalid", {"params": many})
        held.update(params)

    left, why = _params.send({f"p{number}": number for number in range(7_500)}, post)

    assert (len(held), len(left)) == (5_000, 2_500 + taken)
    assert why.endswith("more: params: Holds more than the limit of 5,000 values.")
    assert len(asked) <= 30


def test_what_is_refused_without_a_name_is_found_by_fewer_at_a_time():
    asked = []

    def post(params):
        asked.append(params)
        if "p700" in params:
            raise Refused("too large", 413)

    left, _ = _params.send({f"p{number}": number for number in range(1_000)}, post)

    assert left == {"p700": 700}
    assert len(asked) <= 40


def test_results_that_are_refused_keep_no_others_away(environment, capsys):  # noqa: F811
    long = "n" * 100
    bad = {"big": 2**64, "nul": "a\0", "größe": 2**70, long: -(2**64), "list": [1, {"in": 2**64}]}
    with start(system=False) as run:
        run.set_summary({"first": 1, **bad, "net": {"width": 8, **bad}, "last": 2})
        run.set_summary({"text": "x" * 1_010_000, "small": 3})
        run.set_summary({"longer": "x" * 9_000_000, "less": 4})

    found = Run.objects.get()
    assert found.summary == {"first": 1, "net": {"width": 8}, "last": 2, "small": 3, "less": 4}
    assert found.status == RunStatus.COMPLETED
    [told] = (environment / "spool").glob("*/refused.jsonl")
    for name in ("big", "nul", long, "net.list", "text"):
        assert name in told.read_text()
    assert "summary 'longer' is 9,000,008 characters long" in capsys.readouterr().err


def test_params_longer_than_a_record_are_told_at_once(environment, capsys):  # noqa: F811
    with start(system=False, params={"a": 1, "all": "x" * 9_000_000}) as run:
        run.log_params({"b": 2, "more": "x" * 9_000_000})
        assert run.lost == 1

    assert Run.objects.get().params == {"a": 1, "b": 2}
    said = capsys.readouterr().err
    assert "param 'all' is 9,000,005 characters long; it is left out" in said
    assert "param 'more'" in said


def test_another_part_of_the_start_that_is_refused_is_left_out(environment, monkeypatch):  # noqa: F811
    monkeypatch.setattr("experiments.lifecycle.runs.LARGEST_DOCUMENT", 10)
    with start(system=False, params={"a": 1}) as run:
        run.log({"loss": 1.0}, step=0)

    found = Run.objects.get()
    assert (found.params, found.environment, found.series.count()) == ({"a": 1}, {}, 1)


def test_params_of_a_run_that_is_gone_are_tried_once():
    asked = []

    def post(params):
        asked.append(params)
        raise Refused("there is no such run", 404)

    left, why = _params.send({"a": 1, "b": {"c": 2}}, post)

    assert (left, why) == ({"a": 1, "b": {"c": 2}}, "a, b.c: there is no such run")
    assert len(asked) == 1


@pytest.mark.parametrize("how", ["start", "log_params"])
def test_a_secret_among_the_params_is_not_sent(environment, how):  # noqa: F811
    params = {"lr": 0.1, "api_key": "PARAMSECRET"}
    with start(system=False, params=params if how == "start" else None) as run:
        if how == "log_params":
            run.log_params(params)

    assert Run.objects.get().params == {"lr": 0.1, "api_key": "[masked]"}


@pytest.mark.parametrize("name", ["METASCOPE_MODE", "METASCOPE_CONSOLE"])
def test_a_variable_that_is_empty_means_the_default(monkeypatch, name):
    monkeypatch.setenv(name, "")

    assert (load().mode, load().console) == ("online", "all")


def test_a_param_that_changes_its_shape_keeps_nothing_back(environment):  # noqa: F811
    with start(system=False, params={"opt": "adam", "lr": 1}) as run:
        run.log_params({"opt": {"name": "adam"}, "width": 2})
    again = start(system=False, resume=run.id, params={"opt": "adam", "lr": 1})
    again.log({"loss": 1.0})

    assert again.finish()
    found = Run.objects.get()
    assert found.params == {"opt": "adam", "lr": 1, "width": 2}
    assert found.status == "completed"
