"""Events are noted with what happens, told once to who asked, and to nobody else."""

import json
from datetime import timedelta

import numpy as np
import pytest
from django.db import transaction
from django.utils import timezone

from experiments import access, events, files, inbox, lifecycle, queue, recording, telling
from experiments.errors import Invalid
from experiments.models import (
    Delivery,
    EventKind,
    Membership,
    Notification,
    Project,
    Role,
    RunEvent,
    RunStatus,
    Series,
)
from experiments.shapes import SeriesPoints
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    lab = factories.make_workspace("lab", ada=Role.MEMBER, vera=Role.VIEWER, max=Role.ADMIN)
    return factories.make_project(lab, main_metric="loss")


def kinds(run):
    return list(RunEvent.objects.filter(run=run).order_by("pk").values_list("kind", flat=True))


def log(run, *values, key="loss", number=0):
    steps = np.arange(len(values), dtype=np.int64)
    points = SeriesPoints(key, steps, np.ones(len(values)), np.array(values, dtype=float))
    recording.record(run_id=run.pk, client="c", number=number, series=[points])


def test_the_end_of_a_run_is_noted(project):
    for status, noted in (("completed", ["finished"]), ("failed", ["failed"]), ("cancelled", [])):
        run = factories.make_run(project)
        lifecycle.finish_client_run(run, status=RunStatus(status), reason="Out of memory.")
        lifecycle.finish_client_run(run, status=RunStatus(status))

        assert kinds(run) == noted
    assert RunEvent.objects.get(kind="failed").detail["reason"] == "Out of memory."


def test_an_end_that_is_taken_back_notes_nothing(project):
    run = factories.make_run(project)

    with transaction.atomic():
        lifecycle.finish_client_run(run)
        transaction.set_rollback(True)

    assert kinds(run) == []


def test_the_end_of_a_job_is_noted(project):
    job = factories.make_job(factories.make_run(project), status="running")

    queue.finish(job.pk, 1, outcome="failed", reason="NaN")
    queue.finish(job.pk, 1, outcome="failed", reason="NaN")

    assert kinds(job.run) == ["failed"]


def test_a_run_that_falls_silent_is_noted_as_failed_once(project):
    long_ago = timezone.now() - timedelta(days=3)
    run = factories.make_run(project, started_at=long_ago, heartbeat_at=long_ago)

    assert (lifecycle.sweep_silent_runs(), lifecycle.sweep_silent_runs()) == (1, 0)

    run.refresh_from_db()
    assert run.status == "crashed"
    assert kinds(run) == ["failed"]


def test_what_is_not_finite_is_noted_once_a_run(project):
    run = factories.make_run(project)

    log(run, 1.0, 2.0)
    log(run, 1.0, float("nan"), float("inf"), number=1)
    log(run, float("nan"), number=2)
    log(run, float("nan"), key="other", number=3)

    noted = RunEvent.objects.get(run=run)
    assert (noted.kind, noted.detail) == ("nan", {"metric": "loss", "step": 1})


def test_what_a_machine_does_may_be_unknown(project):
    run = factories.make_run(project)

    log(run, float("nan"), key="system/gpu")

    assert kinds(run) == []


@pytest.mark.parametrize(
    ("direction", "values", "best"),
    [("min", (3.0, 2.0, 2.5, 1.0), [1, 3]), ("max", (3.0, 2.0, 4.0, 4.0), [2])],
)
def test_a_completed_run_that_beats_all_others_is_noted(project, direction, values, best):
    Project.objects.update(main_metric_direction=direction)
    project.refresh_from_db()
    found = []
    for place, value in enumerate(values):
        run = factories.make_run(project)
        log(run, value)
        lifecycle.finish_client_run(run)
        if "best" in kinds(run):
            found.append(place)

    assert found == best


def bests(run):
    found = RunEvent.objects.filter(run=run, kind="best").order_by("pk")
    return [event.detail["value"] for event in found]


def a_while_later():
    long_ago = timezone.now() - timedelta(seconds=700)
    RunEvent.objects.filter(kind="best").update(happened_at=long_ago)


def test_a_running_run_that_beats_all_completed_ones_is_noted_while_it_runs(project):
    done = factories.make_run(project, "before", status="completed")
    log(done, 0.5)
    run = factories.make_run(project, "ahead")
    log(run, 0.9, 0.4, 0.45)

    assert events.note_bests() == 1

    event = RunEvent.objects.get(run=run)
    assert event.detail == {
        "metric": "loss", "value": 0.4, "step": 1, "before": 0.5, "before_run": "before",
    }  # fmt: skip
    assert telling.title_of(event) == (
        "ahead is the best so far: loss 0.4 at step 1, before 0.5 (before)"
    )


def test_a_run_that_improves_at_each_step_is_told_of_once_in_ten_minutes_and_at_its_end(project):
    log(factories.make_run(project, status="completed"), 1.0)
    run = factories.make_run(project)
    for number in range(6):
        log(run, 0.9 - number / 10, number=number)
        events.note_bests()
        if number == 3:
            a_while_later()

    assert bests(run) == [0.9, pytest.approx(0.5)]
    a_while_later()
    events.note_bests()
    lifecycle.finish_client_run(run)
    assert bests(run) == [0.9, pytest.approx(0.5), pytest.approx(0.4)]


def test_of_many_running_runs_the_best_alone_is_noted(project):
    log(factories.make_run(project, status="completed"), 1.0)
    runs = [factories.make_run(project) for _ in range(3)]
    for run, value in zip(runs, (0.9, 0.2, float("nan")), strict=True):
        log(run, value)

    events.note_bests()
    events.note_bests()

    assert [bests(run) for run in runs] == [[], [0.2], []]


def test_without_a_completed_run_or_a_main_metric_there_is_no_record(project):
    run = factories.make_run(project)
    log(run, 0.1)
    assert events.note_bests() == 0

    log(factories.make_run(project, status="completed"), 1.0)
    Project.objects.update(main_metric="")
    assert events.note_bests() == 0
    Project.objects.update(main_metric="loss", main_metric_direction="max")
    assert events.note_bests() == 0


def test_what_the_machine_does_is_no_sign_of_a_run(project):
    long_ago = timezone.now() - timedelta(days=3)
    run = factories.make_run(project, started_at=long_ago, created_at=long_ago)
    log(run, 1.0, 2.0, key="system/cpu_percent")

    assert events.note_stalls() == 1
    log(run, 1.0, number=1)
    assert events.note_stalls() == 0


def test_a_run_that_logs_nothing_is_noted_once_a_silence(project):
    long_ago = timezone.now() - timedelta(days=3)
    silent = {"started_at": long_ago, "created_at": long_ago}
    run = factories.make_run(project, **silent, heartbeat_at=timezone.now())
    fresh = factories.make_run(project, **silent)
    late = factories.make_run(project, started_at=long_ago)  # it is being sent now
    log(fresh, 1.0)

    assert (events.note_stalls(), events.note_stalls()) == (1, 1)
    assert kinds(run) == ["stall"]
    log(run, 1.0)
    assert events.note_stalls() == 0
    Series.objects.filter(run=run).update(updated_at=timezone.now() - timedelta(days=1))
    events.note_stalls()
    assert kinds(run) == ["stall", "stall"]
    assert kinds(fresh) == kinds(late) == []


def test_members_hear_of_what_they_watch_and_of_nothing_else(project):
    ada, vera, max_ = (factories.make_user(name) for name in ("ada", "vera", "max"))
    inbox.watch(project, ada, kinds=["failed"])
    inbox.watch(project, vera, kinds=["finished", "failed"], only_mine=True)
    run = factories.make_run(project, "maml", created_by=ada)
    lifecycle.finish_client_run(run, status=RunStatus.FAILED, reason="Out of memory.")

    assert inbox.spread() == 1
    assert inbox.spread() == 0

    told = inbox.of_user(ada).get()
    assert (told.title, told.text, told.run) == ("maml failed", "Out of memory.", run)
    assert inbox.unread_count(ada) == 1
    assert not inbox.of_user(vera).exists()
    assert not inbox.of_user(max_).exists()


def test_an_event_is_told_once_also_where_telling_it_broke_off(project, monkeypatch):
    ada = factories.make_user("ada")
    inbox.watch(project, ada, kinds=["finished"])
    lifecycle.finish_client_run(factories.make_run(project))

    def break_off(*_, **__):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Delivery.objects, "bulk_create", break_off)
        with pytest.raises(ZeroDivisionError):
            inbox.spread()
    assert not Notification.objects.exists()
    inbox.spread()

    assert Notification.objects.count() == 1


def test_lines_of_a_project_in_the_trash_are_not_counted(project):
    ada = factories.make_user("ada")
    inbox.watch(project, ada, kinds=["finished"])
    lifecycle.finish_client_run(factories.make_run(project))
    inbox.spread()

    lifecycle.trash_project(project)

    assert inbox.unread_count(ada) == inbox.of_user(ada).filter(read_at=None).count() == 0


def test_who_was_shut_out_hears_nothing_more(project):
    ada = factories.make_user("ada")
    inbox.watch(project, ada, kinds=["finished"])
    lifecycle.finish_client_run(factories.make_run(project))
    inbox.spread()
    assert inbox.unread_count(ada) == 1

    access.set_project_role(project, Membership.objects.get(user=ada), "none")
    lifecycle.finish_client_run(factories.make_run(project))
    inbox.spread()

    assert Notification.objects.filter(user=ada).count() == 1
    assert inbox.unread_count(ada) == 0


def test_only_kinds_that_there_are_can_be_watched(project):
    with pytest.raises(Invalid) as refused:
        inbox.watch(project, factories.make_user("ada"), kinds=["failed", "rain"])

    assert "kinds" in refused.value.fields


def test_an_alert_of_a_script_is_noted_once(lab_client, project):
    run = factories.make_run(project, "maml")
    alert = {"title": "Look", "text": "<b>here</b>", "level": "warning", "step": 3, "time": 1.0}
    address = f"/api/v1/runs/{run.pk}/files/content/?path="

    for name in ("alerts/1-a.json", "alerts/1-a.json", "notes/1-a.json"):
        sent = lab_client.generic("PUT", address + name, json.dumps(alert).encode())
        assert sent.status_code == 200

    noted = RunEvent.objects.get(run=run)
    assert (noted.kind, noted.detail["title"], noted.detail["step"]) == ("alert", "Look", 3)
    assert files.find(run.__class__.objects.get(pk=run.pk).files, "notes/1-a.json")


@pytest.fixture
def lab_client(project):
    from tests.api.conftest import client_for

    return client_for(factories.make_user("ada"))


def test_what_was_told_long_ago_is_forgotten(project):
    ada = factories.make_user("ada")
    inbox.watch(project, ada, kinds=["finished"])
    lifecycle.finish_client_run(factories.make_run(project))
    inbox.spread()
    lifecycle.finish_client_run(factories.make_run(project))
    long_ago = timezone.now() - timedelta(days=100)
    RunEvent.objects.update(happened_at=long_ago)

    events.drop_old()

    assert RunEvent.objects.count() == 1  # the one that nobody was told of yet
    assert Notification.objects.get().event is None
    Notification.objects.update(read_at=long_ago)
    inbox.drop_old()
    assert not Notification.objects.exists()


def test_every_kind_has_words(project):
    run = factories.make_run(project, "<b>maml</b>")
    inbox.watch(project, factories.make_user("ada"), kinds=EventKind.values)
    detail = {"metric": "loss", "value": 1.0, "before": 2.0, "before_run": "x"}
    for kind in EventKind:
        events.note(kind, run_id=run.pk, project_id=project.pk, **detail)

    assert inbox.spread() == len(EventKind)
    assert all("<b>maml</b>" in one.title for one in Notification.objects.all())
