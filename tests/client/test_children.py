"""Child runs of the client: nested in a run object or an id, with the server up or away."""

import metascope
import psutil
import pytest
from metascope import _settings
from metascope._sync import sync

from experiments import lifecycle
from experiments.models import Run
from tests import factories
from tests.client.test_artifacts import environment, start  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def test_runs_started_with_a_parent_are_nested_in_it(environment):  # noqa: F811
    with (
        start(name="sweep") as sweep,
        metascope.start(parent=sweep, name="trial", code=False) as run,
    ):
        run.log({"loss": 1.0})
    start(name="later", parent=Run.objects.get(name="sweep").pk).finish()

    nested = Run.objects.filter(parent__name="sweep")
    assert sorted(nested.values_list("name", flat=True)) == ["later", "trial"]
    assert sweep.lost == run.lost == 0


def test_runs_that_have_ended_keep_no_connection(environment, live_server):  # noqa: F811
    ended = [start(name=f"trial {number}") for number in range(3)]
    for run in ended:
        run.log({"loss": 1.0})
        assert run.finish()

    port = live_server.thread.port
    held = [
        one
        for one in psutil.Process().net_connections("tcp")
        if one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED
    ]
    assert not held


def test_runs_of_a_time_without_a_server_are_nested_when_they_are_sent(environment, monkeypatch):  # noqa: F811
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    with start(name="sweep") as sweep, start(name="trial", parent=sweep) as trial:
        start(name="fold", parent=trial).finish()
    monkeypatch.setenv("METASCOPE_MODE", "online")

    done = sync(_settings.load(), print)

    assert all(one.is_drained and not one.refused for one in done)
    assert Run.objects.get(name="fold").parent.name == "trial"
    assert Run.objects.get(name="trial").parent.name == "sweep"


def test_a_run_whose_parent_is_gone_arrives_without_it_and_says_so(environment, tmp_path):  # noqa: F811
    with start(name="sweep"):
        pass
    sweep = Run.objects.get()
    lifecycle.erase(lifecycle.trash(sweep))

    with start(name="trial", parent=sweep.pk) as run:
        run.log({"loss": 1.0})

    assert Run.objects.get().name == "trial"
    assert Run.objects.get().parent is None
    [said] = (tmp_path / "spool").glob("*/refused.jsonl")
    assert sweep.pk in said.read_text()


def test_a_resumed_run_can_be_a_parent_and_keeps_its_own(environment):  # noqa: F811
    first = factories.make_run(factories.make_project(slug="sinusoid"), "first")

    with start(resume=first.pk) as run, start(name="trial", parent=run):
        pass

    assert Run.objects.get(name="trial").parent == first
    with pytest.raises(ValueError, match="keeps its parent"):
        start(resume=first.pk, parent="x")


def test_a_run_that_records_nothing_is_no_parent(environment):  # noqa: F811
    with start(disabled=True) as nothing, start(name="alone", parent=nothing):
        pass

    assert Run.objects.get().parent is None
