"""The list of projects beside every page."""

import pytest

from dashboard.templatetags import shell
from experiments import access
from experiments.models import Membership, Project, ProjectRole, Role, Run
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("runs", "shown"), [(0, "new"), (1, "1"), (3, "3"), (4, "3+")])
def test_runs_are_counted_up_to_a_bound(client, monkeypatch, runs, shown):
    monkeypatch.setattr(shell, "MOST_COUNTED", 3)
    project = factories.make_project(factories.make_workspace("lab", ada="viewer"), "one")
    for _ in range(runs):
        factories.make_run(project)
    factories.make_run(project, archived_at="2026-01-01T00:00:00Z")
    client.force_login(factories.make_user("ada"))

    page = client.get("/queue/").content.decode()

    assert f'<span class="clip">one</span><span class="n">{shown}</span>' in page


def test_projects_come_by_their_newest_run_and_only_to_those_who_see_them(client):
    lab = factories.make_workspace("lab", ada="member")
    ada = factories.make_user("ada")
    for slug in ("old", "idle", "new", "shut", "deleted"):
        factories.make_project(lab, slug)
    factories.make_project(factories.make_workspace("foreign", bob="admin"), "theirs")
    for slug, day in (("old", 1), ("new", 2), ("shut", 3)):
        run = factories.make_run(Project.objects.get(slug=slug))
        Run.objects.filter(pk=run.pk).update(created_at=f"2026-01-0{day}T00:00:00Z")
    own = ProjectRole.objects.create(
        project=Project.objects.get(slug="shut"),
        membership=Membership.objects.get(user=ada, workspace=lab),
        role=ProjectRole.NONE,
    )
    Project.objects.filter(slug="deleted").update(deleted_at="2026-01-01T00:00:00Z")

    def shown():
        return [one.slug for one in access.newest_projects(ada, limit=12, counted=9)]

    assert shown() == ["new", "old", "idle"]
    own.delete()
    assert shown() == ["shut", "new", "old", "idle"]
    assert [one.slug for one in access.newest_projects(ada, limit=1, counted=9)] == ["shut"]


def test_the_queue_counts_jobs_that_wait_or_run_where_the_reader_has_a_role():
    ada = factories.make_user("ada")
    lab = factories.make_workspace("lab", ada="member")
    project = factories.make_project(lab, "one")
    foreign = factories.make_project(factories.make_workspace("foreign", bob="admin"), "theirs")
    for where, status in (
        (project, "queued"),
        (project, "running"),
        (project, "completed"),
        (foreign, "queued"),
    ):
        factories.make_job(factories.make_run(where), status=status)

    assert access.jobs_under_way(ada) == 2
    membership = Membership.objects.get(user=ada, workspace=lab)
    ProjectRole.objects.create(project=project, membership=membership, role=ProjectRole.NONE)
    assert access.jobs_under_way(ada) == 0
    Membership.objects.filter(pk=membership.pk).update(role=Role.ADMIN)
    assert access.jobs_under_way(ada) == 2
