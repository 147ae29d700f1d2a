"""A run's id is known from the start on, before any server has heard of the run."""

import dataclasses
import time

import metascope
import pytest
from metascope import _settings
from metascope._ids import new_id
from metascope._sync import sync

from experiments import lifecycle
from experiments.models import Run
from experiments.models.ids import is_usable
from tests import factories
from tests.client.test_artifacts import environment  # noqa: F401

QUIET = {"console": False, "code": False, "system": False}
pytestmark = pytest.mark.django_db(transaction=True)


def test_the_id_is_known_at_once_and_is_the_one_on_the_server(environment):  # noqa: F811
    with metascope.start("sinusoid", **QUIET) as run:
        found, page = run.id, run.url
        assert run.wait()

    assert Run.objects.get().pk == found == run.id
    assert page == f"{_settings.load().url}/runs/{found}/"


def test_the_id_is_the_same_after_a_start_without_a_server(environment, monkeypatch):  # noqa: F811
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    with metascope.start("sinusoid", **QUIET) as run:
        assert not run.wait(0.1)
    monkeypatch.delenv("METASCOPE_MODE")

    (found,) = sync(_settings.load(), print)

    assert found.run == run.id == Run.objects.get().pk


def test_of_a_shared_run_the_server_says_the_id(environment):  # noqa: F811
    runs = [metascope.start("sinusoid", shared="job", rank=rank, **QUIET) for rank in (0, 1)]

    assert all(run.wait() for run in runs)
    for run in reversed(runs):
        run.finish()

    assert {run.id for run in runs} == {Run.objects.get().pk}


def test_ids_of_clients_are_like_those_of_servers_and_not_of_times_to_come(monkeypatch):
    assert is_usable(new_id())
    assert not is_usable(new_id().upper())
    assert not is_usable(new_id()[1:])
    to_come = time.time() + 90_000
    monkeypatch.setattr("metascope._ids.time.time", lambda: to_come)
    later = new_id()
    monkeypatch.undo()
    assert not is_usable(later)


def test_an_id_that_was_ever_used_is_nobody_elses():
    project, user = factories.make_project(), factories.make_user("ada")
    first, _ = lifecycle.create_client_run(project=project, user=user, origin="a", id=new_id())

    second, is_new = lifecycle.create_client_run(
        project=project, user=user, origin="b", id=first.pk
    )
    third, _ = lifecycle.create_client_run(project=project, user=user, origin="c", id="no id")

    assert is_new
    assert len({first.pk, second.pk, third.pk}) == 3


def test_a_server_that_has_moved_gets_what_was_made_at_its_old_address(
    environment,  # noqa: F811
    monkeypatch,
):
    settings = _settings.load()
    monkeypatch.setenv("METASCOPE_EXIT_WAIT_S", "1")
    run = metascope.start("sinusoid", **QUIET)
    assert run.wait()
    monkeypatch.setattr(run._sender._delivery, "step", lambda stop: False)
    run.log({"a": 1.0})
    run.finish()
    moved = dataclasses.replace(settings, url=settings.url.replace("localhost", "127.0.0.1"))
    moved = dataclasses.replace(moved, url=moved.url + "/")
    about = next(settings.spool.glob("*/about.json"))
    about.write_text(about.read_text().replace(settings.url, "http://old.example:1"))

    (kept,) = sync(moved, print)
    (sent,) = sync(moved, print, is_moved=True)

    assert "metascope sync --to" in kept.problem
    assert not kept.is_drained
    assert sent.is_drained, sent.problem
    assert Run.objects.get().status == "completed"


def test_a_server_that_does_not_know_the_run_is_sent_nothing(environment, monkeypatch):  # noqa: F811
    run = metascope.start("sinusoid", **QUIET)
    assert run.wait()
    monkeypatch.setattr(run._sender._delivery, "step", lambda stop: False)
    run.finish(wait_s=0.5)
    settings = _settings.load()
    about = next(settings.spool.glob("*/about.json"))
    about.write_text(about.read_text().replace(settings.url, "http://old.example:1"))
    Run.objects.all().delete()

    (kept,) = sync(settings, print, is_moved=True)

    assert "does not know the run" in kept.problem
