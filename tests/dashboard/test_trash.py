"""The trash on pages: what goes into it, who brings it back, and who erases it."""

import pytest
from django.test import Client
from django.urls import reverse

from experiments import lifecycle
from experiments.models import Project, Run
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    lab = make.make_workspace("lab", root="admin", ada="member", vera="viewer")
    make.make_workspace("elsewhere", eve="admin")
    return make.make_project(lab, "sinusoid")


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(make.make_user(name))
    return client


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_a_run_is_deleted_and_restored_on_its_page(project):
    run = make.make_run(project, "maml-s0", status="completed")
    ada, url = signed_in("ada"), reverse("run", args=[run.pk])
    delete, restore = reverse("run_delete", args=[run.pk]), reverse("run_restore", args=[run.pk])
    assert f'action="{delete}"' in text(ada, url)

    ada.post(delete)

    shown = text(ada, url)
    assert "This run is in the trash." in shown
    assert f'action="{restore}"' in shown
    assert f'action="{delete}"' not in shown
    assert "maml-s0" not in text(ada, "/p/lab/sinusoid/")
    assert "maml-s0" in text(ada, "/p/lab/sinusoid/trash/")

    ada.post(restore)

    assert Run.objects.get().deleted_at is None
    assert "The trash is empty" in text(ada, "/p/lab/sinusoid/trash/")
    assert "maml-s0" in text(ada, "/p/lab/sinusoid/")


def test_a_crashed_run_stays_crashed_in_the_trash(project):
    run = make.make_run(project, status="crashed")

    signed_in("ada").post(reverse("run_delete", args=[run.pk]))

    run.refresh_from_db()
    assert (run.status, run.deleted_at is None) == ("crashed", False)


def test_a_run_of_a_job_is_cancelled_before_it_is_deleted(project):
    job = make.make_job(make.make_run(project, status="queued"))
    ada = signed_in("ada")

    assert reverse("run_delete", args=[job.run_id]) not in text(ada, f"/runs/{job.run_id}/")
    assert ada.post(reverse("run_delete", args=[job.run_id])).status_code == 409
    assert Run.objects.get().deleted_at is None


def test_only_admins_erase_and_only_from_the_trash(project):
    run = make.make_run(project, "maml-s0", status="completed")
    url = reverse("run_erase", args=[run.pk])
    assert signed_in("root").post(url).status_code == 409
    lifecycle.trash(run)

    assert signed_in("ada").post(url).status_code == 403
    assert "Erase for good" not in text(signed_in("ada"), "/p/lab/sinusoid/trash/")
    assert "Erase for good" in text(signed_in("root"), "/p/lab/sinusoid/trash/")
    assert signed_in("root").post(url).url == "/p/lab/sinusoid/trash/"
    assert not Run.objects.exists()


ACTIONS = [
    "/runs/{run}/delete/",
    "/runs/{run}/restore/",
    "/runs/{run}/erase/",
    "/p/lab/sinusoid/delete/",
    "/trash/{project}/restore/",
]


@pytest.mark.parametrize("action", ACTIONS)
def test_viewers_may_not_and_strangers_find_nothing(project, action):
    run = make.make_run(project, status="completed")
    url = action.format(run=run.pk, project=project.pk)

    assert signed_in("vera").post(url).status_code == 403
    assert signed_in("eve").post(url).status_code == 404
    assert signed_in("root").get(url).status_code == 405


def test_strangers_see_nothing_of_the_trash(project):
    lifecycle.trash_project(make.make_project(project.workspace, "old"))

    assert signed_in("eve").get("/p/lab/sinusoid/trash/").status_code == 404
    assert "The trash is empty" in text(signed_in("eve"), "/trash/")
    assert "old" in text(signed_in("vera"), "/trash/")
    assert "an admin can restore it" in text(signed_in("vera"), "/trash/")


def test_selected_runs_go_to_the_trash_and_come_back_together(project):
    runs = [make.make_run(project, status="completed") for _ in range(3)]
    ada, url = signed_in("ada"), reverse("project_runs_change", args=["lab", "sinusoid"])
    ids = [run.pk for run in runs[:2]]
    script = {"HTTP_ACCEPT": "application/json"}

    assert ada.post(url, {"action": "trash", "run": ids}, **script).json() == {"done": 2}
    assert set(Run.objects.exclude(deleted_at=None).values_list("pk", flat=True)) == set(ids)
    assert ada.post(url, {"action": "restore", "run": ids}, **script).json() == {"done": 2}
    assert not Run.objects.exclude(deleted_at=None).exists()


def test_an_active_job_among_the_selected_keeps_all_of_them(project):
    done = make.make_run(project, status="completed")
    job = make.make_job(make.make_run(project, "waiting", status="queued"))
    url = reverse("project_runs_change", args=["lab", "sinusoid"])

    answer = signed_in("ada").post(url, {"action": "trash", "run": [done.pk, job.run_id]})

    assert answer.status_code == 400
    assert "Still queued or running: waiting." in answer.content.decode()
    assert not Run.objects.exclude(deleted_at=None).exists()


def test_a_project_is_deleted_and_restored_by_an_admin_with_its_runs(project):
    run = make.make_run(project, status="completed")
    root = signed_in("root")
    assert reverse("project_delete", args=["lab", "sinusoid"]) in text(root, "/p/lab/sinusoid/")
    assert "Delete project" not in text(signed_in("ada"), "/p/lab/sinusoid/")

    assert root.post("/p/lab/sinusoid/delete/").url == "/trash/"

    assert root.get("/p/lab/sinusoid/").status_code == 404
    assert "The project of this run is in the trash." in text(root, f"/runs/{run.pk}/")
    assert "sinusoid" in text(root, "/trash/")
    assert root.post(f"/trash/{project.pk}/restore/").url == "/p/lab/sinusoid/"
    assert root.get("/p/lab/sinusoid/").status_code == 200
    assert Run.objects.get().deleted_at is None


def test_a_long_trash_comes_in_pages(project, django_assert_max_num_queries):
    for _ in range(51):
        lifecycle.trash(make.make_run(project, status="completed"))
    ada = signed_in("ada")

    with django_assert_max_num_queries(16):
        first = text(ada, "/p/lab/sinusoid/trash/")

    assert "1–50 of 51" in first
    assert "51–51 of 51" in text(ada, "/p/lab/sinusoid/trash/?offset=50")
