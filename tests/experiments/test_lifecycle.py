"""Runs and jobs: made whole or not at all, moved from status to status by one place."""

import threading

import pytest
from django.db import connection

from experiments import lifecycle
from experiments.errors import Conflict, Invalid
from experiments.models import Job, Param, Run, RunStatus, RunTag
from tests.factories import (
    SHORT_SPEC,
    make_job,
    make_project,
    make_run,
    make_user,
    make_worker,
    make_workspace,
)

database = pytest.mark.django_db


def fields_of(call, **given):
    with pytest.raises((Invalid, Conflict)) as caught:
        call(**given)
    return caught.value.fields


@database
def test_a_project_slug_is_unique_within_its_workspace_only():
    lab, home = make_workspace("lab"), make_workspace("home")
    lifecycle.create_project(workspace=lab, slug="maml")
    lifecycle.create_project(workspace=home, slug="maml")

    with pytest.raises(Conflict) as caught:
        lifecycle.create_project(workspace=lab, slug="maml")

    assert caught.value.code == "slug_taken"


@database
@pytest.mark.parametrize("slug", ["", "Ab", "a b", "-a", "a-", "a" * 65, "ä", "a/b", "a\n"])
def test_a_bad_slug_is_refused(slug):
    assert "slug" in fields_of(lifecycle.create_project, workspace=make_workspace(), slug=slug)


@database
def test_params_are_indexed_under_dotted_keys():
    run = lifecycle.create_run(
        project=make_project(),
        user=make_user(),
        params={"outer": {"lr": 0.5, "on": True}, "name": "x", "sizes": [40, 40], "none": None},
        tags=["a", " a ", "b"],
    )

    rows = {row.key: (row.text, row.number) for row in Param.objects.filter(run=run)}
    assert rows == {
        "outer.lr": ("0.5", 0.5),
        "outer.on": ("true", None),
        "name": ("x", None),
        "sizes": ("[40, 40]", None),
        "none": ("null", None),
    }
    assert sorted(RunTag.objects.filter(run=run).values_list("name", flat=True)) == ["a", "b"]
    assert (run.number, run.name, run.status) == (1, "run-1", RunStatus.RUNNING)
    assert run.started_at is not None


def nested(depth):
    value = 1
    for _ in range(depth):
        value = {"a": value}
    return value


@database
@pytest.mark.parametrize(
    ("params", "words"),
    [
        (nested(17), "nested 17 deep"),
        ({"a" * 251: 1}, "longer than the limit of 250"),
        ({"a": "x" * 20_001}, "20,001 characters long"),
        ({str(i): i for i in range(5_001)}, "more than the limit of 5,000"),
        ({"a\0": 1}, "printable keys"),
        ({"a..b": 1}, "without empty parts"),
        ({"a": {"b": 1}, "a.b": 2}, "given twice"),
        ({"a": "x\0"}, "NUL"),
    ],
)
def test_params_past_a_limit_are_refused_and_nothing_is_written(params, words):
    fields = fields_of(
        lifecycle.create_run, project=make_project(), user=make_user(), params=params
    )

    assert any(words in message for messages in fields.values() for message in messages)
    assert not Run.objects.exists()


@database
def test_every_wrong_field_of_a_run_is_named_at_once():
    fields = fields_of(
        lifecycle.create_run,
        project=make_project(),
        user=make_user(),
        name="x" * 201,
        notes="a\0",
        tags=["", "x" * 121],
        params={"a": "x" * 20_001},
    )

    assert set(fields) == {"name", "notes", "tags[0]", "tags[1]", "params.a"}


@database
@pytest.mark.parametrize(
    ("before", "to", "allowed"),
    [
        ("queued", "running", True),
        ("running", "completed", True),
        ("running", "crashed", True),
        ("crashed", "running", True),
        ("queued", "completed", False),
        ("completed", "running", False),
        ("failed", "completed", False),
        ("cancelled", "running", False),
        ("completed", "queued", False),
    ],
)
def test_a_status_changes_only_where_it_may(before, to, allowed):
    run = make_run(status=before)

    moved = lifecycle.transition(run, to=RunStatus(to), reason="because")

    assert moved is allowed
    assert Run.objects.get(pk=run.pk).status == (to if allowed else before)
    assert run.status == (to if allowed else before)


@database
def test_a_finished_run_can_be_finished_the_same_way_again():
    run = make_run()

    lifecycle.finish_client_run(run, summary={"loss": 1.0})
    lifecycle.finish_client_run(run)

    assert run.summary == {"loss": 1.0}
    with pytest.raises(Conflict) as caught:
        lifecycle.finish_client_run(run, status=RunStatus.FAILED)
    assert caught.value.code == "run_already_finished"


@database
def test_a_run_of_a_job_is_not_finished_by_a_client():
    job = make_job(status="running")

    for call in (lifecycle.finish_client_run, lifecycle.beat_client_run):
        with pytest.raises(Conflict) as caught:
            call(job.run)
        assert caught.value.code == "run_has_job"


@database
def test_a_heartbeat_revives_a_crashed_run_only():
    crashed, done = make_run(status="crashed"), make_run(status="completed")

    lifecycle.beat_client_run(crashed)

    assert crashed.status == RunStatus.RUNNING
    assert crashed.finished_at is None
    with pytest.raises(Conflict):
        lifecycle.beat_client_run(done)


@database
def test_params_can_be_added_but_not_changed():
    run = lifecycle.create_run(
        project=make_project(), user=make_user(), params={"outer": {"lr": 0.1}}
    )

    lifecycle.set_params(run, {"outer": {"lr": 0.1, "steps": 5}})

    assert run.params == {"outer": {"lr": 0.1, "steps": 5}}
    assert Param.objects.filter(run=run).count() == 2
    assert list(fields_of(lifecycle.set_params, run=run, params={"outer": {"lr": 0.2}})) == [
        "params.outer.lr"
    ]


@database
def test_a_running_run_is_not_archived():
    run = make_run()

    with pytest.raises(Conflict) as caught:
        lifecycle.archive(run)
    assert caught.value.code == "run_active"

    lifecycle.cancel_run(run)
    assert lifecycle.archive(run).archived_at is not None
    assert lifecycle.unarchive(run).archived_at is None


@database
def test_cancelling_reaches_the_job():
    job = make_job()

    lifecycle.cancel_run(job.run)

    job.refresh_from_db()
    assert (job.status, job.run.status) == ("cancelled", "cancelled")


@database
class TestSubmitting:
    def test_one_run_and_one_job_per_seed(self):
        make_worker()

        jobs = lifecycle.submit_job(
            project=make_project(), user=make_user(), spec=SHORT_SPEC, seeds=[3, 4], tags=["x"]
        )

        assert [job.spec["seed"] for job in jobs] == [3, 4]
        assert [job.run.seed for job in jobs] == [3, 4]
        assert [job.run.name for job in jobs] == ["maml-sinusoid-s3", "maml-sinusoid-s4"]
        assert jobs[0].run.params["outer"]["lr"] == 0.001
        assert jobs[0].status == jobs[0].run.status == "queued"

    def test_without_seeds_the_spec_says_which(self):
        make_worker()

        (job,) = lifecycle.submit_job(
            project=make_project(), user=make_user(), spec={**SHORT_SPEC, "seed": 7}
        )

        assert (job.run.seed, job.run.name) == (7, "maml-sinusoid")

    def test_every_wrong_field_is_named_and_nothing_is_written(self):
        make_worker()

        fields = fields_of(
            lifecycle.submit_job,
            project=make_project(),
            user=make_user(),
            spec={"algorithm": "maml", "outer": {"lr": -1}},
            seeds=[1, 1, -1],
            queue="No such",
            priority=11,
            max_attempts=0,
            tags=[""],
        )

        assert set(fields) == {
            "spec.outer.lr", "seeds[1]", "seeds[2]", "queue", "priority", "max_attempts",
            "tags[0]",
        }  # fmt: skip
        assert not Run.objects.exists()
        assert not Job.objects.exists()


def test_runs_made_at_once_get_different_numbers(file_database):
    project, user = make_project(), make_user()

    def create():
        try:
            lifecycle.create_run(project=project, user=user)
        finally:
            connection.close()

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(Run.objects.values_list("number", flat=True)) == [1, 2, 3, 4]
