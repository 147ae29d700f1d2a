"""Jobs, workers and evaluations over REST."""

import pytest

from experiments.models import Job, Run
from tests import factories
from tests.api.conftest import error_of

JOBS = "/api/v1/jobs/"


def submit(client, **body):
    body = {"project": "lab/sinusoid", "spec": factories.SHORT_SPEC, **body}
    return client.post(JOBS, body, format="json")


@pytest.fixture
def worker(db):
    return factories.make_worker()


def test_a_submission_queues_one_run_per_seed(lab, worker):
    made = submit(
        lab.member, seeds=[3, 4], name="try", priority=10, tags=["t"], notes="why"
    ).json()["jobs"]

    assert [(job["name"], job["spec"]["seed"]) for job in made] == [("try-s3", 3), ("try-s4", 4)]
    assert [(job["status"], job["priority"], job["attempts"]) for job in made] == [
        ("queued", 10, [])
    ] * 2
    run = lab.viewer.get(f"/api/v1/runs/{made[0]['run']}/").json()
    assert (run["job"], run["tags"], run["notes"]) == (made[0]["id"], ["t"], "why")
    assert run["params"]["outer"]["steps"] == 200


def test_seed_is_short_for_one_seed(lab, worker):
    (job,) = submit(lab.member, seed=7).json()["jobs"]

    assert (job["name"], job["spec"]["seed"]) == ("maml-sinusoid", 7)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"spec": {"algorithm": "mamml"}}, "spec.algorithm", "choose one of"),
        ({"spec": {"algorithm": "maml", "outer": {"lr": -1}}}, "spec.outer.lr", "more than 0"),
        (
            {"spec": {"algorithm": "maml", "outer": {"steps": 10**12}}},
            "spec.outer.steps",
            "1,000,000,000,000 is too large: use 10,000,000 or less.",
        ),
        (
            {"spec": {"algorithm": "maml", "network": {"kind": "conv4"}}},
            "spec.network.kind",
            "choose mlp",
        ),
        (
            {
                "spec": {
                    "algorithm": "maml",
                    "episodes": {"source": "omniglot", "shot": 15, "query": 6},
                    "network": {"kind": "conv4"},
                }
            },
            "spec.episodes.shot",
            "15 support and 6 query drawings are more than the 20",
        ),
        ({"spec": []}, "spec", "Expected an object"),
        ({"spec": {}}, "spec.algorithm", "Missing"),
        ({"seeds": ["a"]}, "seeds[0]", "whole number"),
        ({"seeds": [-1]}, "seeds[0]", "not from 0"),
        ({"seeds": list(range(101))}, "seeds", "the limit is 100"),
        ({"seed": 1, "seeds": [1]}, "seed", "either"),
        ({"priority": 11}, "priority", "-10 to 10"),
        ({"priority": "high"}, "priority", "whole number"),
        ({"queue": "No Such"}, "queue", "lower-case"),
        ({"max_attempts": 0}, "max_attempts", "1 to 10"),
        ({"sedes": [1]}, "sedes", "Is not known here"),
    ],
)
def test_a_bad_submission_names_its_field_and_writes_nothing(lab, worker, change, field, words):
    response = submit(lab.member, **change)

    assert response.status_code == 400
    fields = error_of(response)["fields"]
    assert list(fields) == [field]
    assert words in fields[field][0]
    assert not Run.objects.exists()
    assert not Job.objects.exists()


def test_a_missing_data_folder_is_told_at_the_source(lab):
    factories.make_worker(distributions=factories.announced_distributions(omniglot=False))

    response = submit(
        lab.member,
        spec={
            "algorithm": "maml",
            "episodes": {"source": "omniglot"},
            "network": {"kind": "conv4"},
        },
    )

    assert error_of(response)["fields"] == {"spec.episodes.source": [factories.OMNIGLOT_MISSING]}


def test_without_workers_a_submission_says_so(lab):
    assert error_of(submit(lab.member))["code"] == "no_worker"


def test_cancel_priority_and_retry(lab, worker):
    (job,) = submit(lab.member).json()["jobs"]
    path = f"{JOBS}{job['id']}/"

    moved = lab.member.post(f"{path}priority/", {"priority": 5}, format="json").json()
    cancelled = lab.member.post(f"{path}cancel/").json()
    late = lab.member.post(f"{path}priority/", {"priority": 1}, format="json")
    retried = lab.member.post(f"{path}retry/").json()
    twice = lab.member.post(f"{path}retry/")

    assert (moved["priority"], cancelled["status"], retried["status"]) == (5, "cancelled", "queued")
    assert (late.status_code, twice.status_code) == (409, 409)
    error_of(late)
    error_of(twice)


def test_a_job_shows_its_attempts(lab):
    job = factories.make_job(factories.make_run(lab.project), status="running")

    shown = lab.viewer.get(f"{JOBS}{job.pk}/").json()

    assert [(one["number"], one["worker"]) for one in shown["attempts"]] == [(1, "box/default")]


def test_jobs_are_filtered(lab):
    factories.make_job(factories.make_run(lab.project, status="queued"))
    factories.make_job(factories.make_run(lab.project), status="running", queue="gpu")

    def statuses(query):
        return [job["status"] for job in lab.viewer.get(JOBS + query).json()["results"]]

    assert statuses("") == ["running", "queued"]
    assert statuses("?status=queued") == ["queued"]
    assert statuses("?queue=gpu") == ["running"]
    assert statuses("?project=lab/sinusoid&status=queued,failed") == ["queued"]
    assert list(error_of(lab.viewer.get(JOBS + "?status=no"))["fields"]) == ["status"]


def test_workers_and_what_they_announced(lab, worker):
    (shown,) = lab.viewer.get("/api/v1/workers/").json()["results"]
    trainers = lab.viewer.get("/api/v1/trainers/").json()["results"]
    maml = lab.viewer.get("/api/v1/trainers/maml/").json()
    sources = lab.viewer.get("/api/v1/distributions/").json()["results"]

    assert (shown["live"], shown["slots"]) == (True, 2)
    assert [one["name"] for one in trainers][:3] == ["maml", "fomaml", "reptile"]
    assert shown["trainers"] == sorted(one["name"] for one in trainers)
    assert maml["schema"]["properties"]["outer"]["properties"]["lr"]["default"] == 0.001
    assert maml["presets"][0]["spec"]["algorithm"] == "maml"
    assert [one["name"] for one in sources] == ["omniglot", "sinusoid"]
    assert lab.viewer.get("/api/v1/trainers/none/").status_code == 404


class TestEvaluations:
    BODY = {
        "name": "test",
        "split": "test",
        "step": 100,
        "episode_ids": ["a", "b"],
        "losses": [[4.0, "nan"], [2, 1.0]],
        "accuracies": [[0.25, 0.5], [0.75, 1.0]],
        "inner_steps": 1,
        "protocol": {"shot": 10, "inner_steps_trained": 1},
    }

    def post(self, lab, **change):
        run = Run.objects.first() or factories.make_run(lab.project)
        path = f"/api/v1/runs/{run.pk}/evaluations/"
        return lab.member.post(path, {**self.BODY, **change}, format="json")

    def test_every_episode_comes_back(self, lab):
        made = self.post(lab)

        assert made.status_code == 201, made.content
        path = f"/api/v1/evaluations/{made.json()['id']}/"
        assert lab.viewer.get(path).json() == made.json()
        assert made.json()["summary"]["loss"]["mean"][0] == 3.0
        assert lab.viewer.get(f"{path}episodes/").json()["results"] == [
            {"id": "a", "losses": [4.0, "nan"], "accuracies": [0.25, 0.5]},
            {"id": "b", "losses": [2.0, 1.0], "accuracies": [0.75, 1.0]},
        ]

    def test_the_same_name_and_step_replaces(self, lab):
        first, again = self.post(lab).json(), self.post(lab, losses=[[1, 1], [1, 1]]).json()

        assert first["id"] == again["id"]
        assert again["summary"]["loss"]["mean"] == [1.0, 1.0]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"losses": [[1, 1], [1]]}, "losses[1]"),
            ({"losses": [[1, 1], [1, "x"]]}, "losses[1][1]"),
            ({"losses": [[1, 1], [1, True]]}, "losses[1][1]"),
            ({"losses": [1, 2]}, "losses[0]"),
            ({"accuracies": [[1, 1]]}, "accuracies"),
            ({"episode_ids": ["a", "a"]}, "episode_ids[1]"),
            ({"episode_ids": [{}, "a"]}, "episode_ids[0]"),
            ({"inner_steps": -1}, "inner_steps"),
            ({"step": 2**63}, "step"),
            ({"name": ""}, "name"),
            ({"protocol": 1}, "protocol"),
        ],
    )
    def test_a_wrong_field_is_named(self, lab, change, field):
        response = self.post(lab, **change)

        assert response.status_code == 400
        assert field in error_of(response)["fields"]
