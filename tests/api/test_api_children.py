"""Child runs over REST: made, found, moved, and what is refused by name."""

from importlib import import_module

from django.apps import apps

from experiments.models import Run, RunTag
from tests import factories
from tests.api.conftest import error_of


def test_a_run_is_made_in_another_and_listed_below_it(lab):
    sweep = factories.make_run(lab.project, "sweep", origin="of-the-sweep")
    about = {"project": "lab/sinusoid", "name": "trial"}

    made = lab.member.post("/api/v1/runs/", {**about, "parent": sweep.pk}, format="json")
    again = lab.member.post(
        "/api/v1/runs/", {**about, "parent_origin": "of-the-sweep"}, format="json"
    )

    assert made.status_code == again.status_code == 201
    assert made.json()["parent"] == again.json()["parent"] == sweep.pk
    listed = lab.viewer.get(f"/api/v1/runs/?parent={sweep.pk}").json()["results"]
    assert [run["id"] for run in listed] == [again.json()["id"], made.json()["id"]]
    alone = lab.viewer.get("/api/v1/runs/?parent=none").json()["results"]
    assert [run["id"] for run in alone] == [sweep.pk]
    assert lab.viewer.get(f"/api/v1/runs/{sweep.pk}/").json()["children"] == 2


def test_foreign_parents_and_circles_are_refused_at_the_field(lab):
    foreign = factories.make_run(factories.make_project(factories.make_workspace("elsewhere")))
    sweep = factories.make_run(lab.project)
    trial = factories.make_run(lab.project, parent=sweep)
    body = {"project": "lab/sinusoid", "parent": foreign.pk}

    refused = [
        lab.member.post("/api/v1/runs/", body, format="json"),
        lab.member.post("/api/v1/runs/", {**body, "parent": "nothing"}, format="json"),
        lab.member.patch(f"/api/v1/runs/{sweep.pk}/", {"parent": trial.pk}, format="json"),
    ]

    assert [answer.status_code for answer in refused] == [400] * 3
    assert all(list(error_of(answer)["fields"]) == ["parent"] for answer in refused)
    out = lab.member.patch(f"/api/v1/runs/{trial.pk}/", {"parent": ""}, format="json")
    assert out.json()["parent"] is None


def test_mlflow_clients_nest_by_their_tag(lab):
    sweep = factories.make_run(lab.project, "sweep")
    run = factories.make_run(lab.project, "trial")

    def tell(value: str):
        body = {"run_id": run.pk, "key": "mlflow.parentRunId", "value": value}
        return lab.member.post("/api/2.0/mlflow/runs/set-tag", body, format="json")

    assert tell(sweep.pk).status_code == 200
    assert Run.objects.get(pk=run.pk).parent == sweep
    assert tell("of-another-server").status_code == 200
    assert Run.objects.get(pk=run.pk).parent is None


def test_mlflow_clients_are_told_the_parent_that_others_gave(lab):
    sweep = factories.make_run(lab.project, "sweep")
    run = factories.make_run(lab.project, "trial", parent=sweep)

    found = lab.viewer.get("/api/2.0/mlflow/runs/get", {"run_id": run.pk}).json()

    tags = {tag["key"]: tag["value"] for tag in found["run"]["data"]["tags"]}
    assert tags["mlflow.parentRunId"] == sweep.pk


def test_tags_of_before_become_parents_where_they_name_one(lab):
    sweep, trial, foreign = (factories.make_run(lab.project) for _ in range(3))
    around = [factories.make_run(lab.project) for _ in range(2)]
    other = factories.make_run(factories.make_project(slug="other"))
    named = {trial: sweep, foreign: other, around[0]: around[1], around[1]: around[0]}
    for run, parent in named.items():
        RunTag.objects.create(
            run=run, project=run.project, name="mlflow.parentRunId", value=parent.pk
        )

    import_module("experiments.migrations.0021_parents_of_tags").take_parents(apps, None)

    assert {run: Run.objects.get(pk=run.pk).parent for run in named} == {
        trial: sweep, foreign: None, around[0]: None, around[1]: None,
    }  # fmt: skip


def test_a_rewind_is_told_by_the_run(lab):
    run = factories.make_run(lab.project)
    points = {"client": "c", "number": 0, "series": [
        {"key": "loss", "steps": [1, 2, 3], "values": [1.0, 1.0, 1.0]}]}  # fmt: skip
    lab.member.post(f"/api/v1/runs/{run.pk}/metrics/", points, format="json")

    lab.member.post(f"/api/v1/runs/{run.pk}/resume/", {"after_step": 1}, format="json")
    lab.member.post(f"/api/v1/runs/{run.pk}/finish/", {}, format="json")

    [told] = lab.viewer.get(f"/api/v1/runs/{run.pk}/").json()["rewinds"]
    assert told.pop("at")
    assert told == {"attempt": None, "after_step": 1, "points": 2, "evaluations": 0}
