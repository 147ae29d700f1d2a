"""What is done to very many runs at once: whom it reaches, whom it leaves, what is kept of it."""

import pytest

from experiments import lifecycle
from experiments.errors import Invalid
from experiments.lifecycle import many
from experiments.models import AuditEntry, Run, RunTag
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_parts(monkeypatch):
    monkeypatch.setattr(many, "AT_ONCE", 2)


@pytest.fixture
def project():
    return make.make_project()


def tags_of(run):
    return sorted(run.tag_rows.values_list("name", flat=True))


def test_tags_are_added_and_removed_beside_those_that_are_there(project):
    runs = [make.make_run(project, tags=["old"]) for _ in range(5)]
    RunTag.objects.create(run=runs[0], project=project, name="note", value="text")
    ids = [run.pk for run in runs]

    assert lifecycle.tag_many(project, ids, ["new", "old"]) == 5
    assert tags_of(runs[4]) == ["new", "old"]
    assert lifecycle.untag_many(project, ids, ["old", "note"]) == 5
    assert lifecycle.untag_many(project, ids, ["old"]) == 0
    assert tags_of(runs[0]) == ["new", "note"]


def test_no_run_is_tagged_where_one_would_have_too_many(project):
    runs = [make.make_run(project) for _ in range(3)]
    make.make_run(project, "full", tags=[f"t{i}" for i in range(100)])
    ids = list(project.runs.values_list("pk", flat=True))

    assert lifecycle.tag_many(project, ids, ["t1"]) == 4
    with pytest.raises(Invalid, match="full would have more than 100 tags"):
        lifecycle.tag_many(project, ids, ["new"])

    assert tags_of(runs[0]) == ["t1"]


def test_archiving_leaves_what_is_queued_or_running(project):
    statuses = ("completed", "running", "failed", "queued", "crashed")
    ids = [make.make_run(project, status=status).pk for status in statuses]

    assert lifecycle.archive_many(project, ids) == 3
    assert lifecycle.archive_many(project, ids) == 0
    left = Run.objects.filter(archived_at=None).values_list("status", flat=True)
    assert sorted(left) == ["queued", "running"]
    assert lifecycle.unarchive_many(project, ids) == 3


def test_the_trash_leaves_active_jobs_and_the_log_names_every_run(project):
    waiting = make.make_job(make.make_run(project, status="queued")).run
    client_run = make.make_run(project)
    done = [make.make_run(project, status="completed") for _ in range(3)]
    ids = [run.pk for run in (waiting, client_run, *done)]

    assert lifecycle.trash_many(project, ids) == 4
    assert lifecycle.trash_many(project, ids) == 0

    assert Run.objects.get(deleted_at=None) == waiting
    assert Run.objects.get(pk=client_run.pk).status == "cancelled"
    entries = AuditEntry.objects.filter(action="run.trashed")
    told = [run_id for entry in entries for run_id in entry.details["runs"]]
    assert sorted(told) == sorted(ids[1:])
    assert lifecycle.unarchive_many(project, ids) == 0


def test_groups_and_runs_of_other_projects(project):
    run = make.make_run(project, group="old")
    foreign = make.make_run(make.make_project(slug="other"))

    assert lifecycle.group_many(project, [run.pk, foreign.pk], "new") == 1
    assert lifecycle.group_many(project, [run.pk], "new") == 0
    with pytest.raises(Invalid):
        lifecycle.group_many(project, [run.pk], "x" * 201)

    assert (Run.objects.get(pk=run.pk).group, Run.objects.get(pk=foreign.pk).group) == ("new", "")
