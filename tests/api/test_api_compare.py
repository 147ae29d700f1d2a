"""The verdict over REST: runs, groups and plain numbers, the episodes behind, evaluations again."""

import numpy as np
import pytest

from experiments import recording
from experiments.models import Evaluation, Job, Run
from tests import factories
from tests.api.conftest import error_of
from tests.comparing.building import evaluation


def trained(project, method: str, seed: int, level: float, **protocol) -> Run:
    params = {"algorithm": method, "seed": seed}
    run = factories.make_run(project, name=f"{method}-s{seed}", seed=seed, params=params)
    hard = np.random.default_rng(0).uniform(0.5, 1.5, (60, 1))
    own = np.random.default_rng([seed, sum(method.encode())])
    losses = hard + level + 0.02 * own.normal() + 0.05 * own.normal(size=(60, 3))
    evaluation(losses, run, **protocol)
    series = [{"key": "score", "steps": [0], "values": [level + 0.01 * seed**2]}]
    recording.record(
        run_id=run.pk, client="c", number=0, series=recording.parse_series({"series": series})
    )
    return run


@pytest.fixture
def methods(lab) -> list[Run]:
    return [
        *(trained(lab.project, "anil", seed, 1.0) for seed in range(3)),
        *(trained(lab.project, "maml", seed, 0.5) for seed in range(3)),
    ]


def ask(lab, what: str, runs, **query):
    asked = "".join(f"&{key}={value}" for key, value in query.items())
    ids = ",".join(run.pk for run in runs)
    return lab.viewer.get(f"/api/v1/compare/{what}/?runs={ids}{asked}")


def test_methods_are_compared_over_their_seeds(lab, methods):
    answer = ask(lab, "verdict", methods)

    assert answer.status_code == 200
    found = answer.json()
    assert (found["by"], found["metric"], found["tests"]) == ("seedless", "loss", 1)
    assert found["baseline"]["runs"] == [run.pk for run in methods[:3]]
    (one,) = found["comparisons"]
    assert one["judgement"] == "better"
    assert one["sentence"].startswith("maml is better than anil by 0.")
    assert one["difference"]["low"] < one["difference"]["value"] < one["difference"]["high"] < 0
    assert (one["seeds"], one["episodes"], one["is_seed_paired"]) == ([3, 3], 60, True)
    assert one["least_seed_p"] == 0.25
    assert one["improvement"]["value"] > 0.5


def test_runs_are_compared_one_by_one(lab, methods):
    found = ask(lab, "verdict", methods[2:5], by="run", baseline=methods[3].pk).json()

    assert found["baseline"]["key"] == methods[3].pk
    assert [one["side"]["key"] for one in found["comparisons"]] == [methods[2].pk, methods[4].pk]
    assert found["comparisons"][0]["judgement"] == "worse"
    assert "one seed each" in found["comparisons"][0]["sentence"]
    assert set(found["evaluations"]) == {run.pk for run in methods[2:5]}


def test_another_protocol_is_named_before_any_number(lab, methods):
    other = trained(lab.project, "maml", 3, 0.5, shot=5)

    found = ask(lab, "verdict", [methods[0], other], by="run").json()

    assert [one["field"] for one in found["protocol"]] == ["shot"]
    assert found["protocol"][0]["values"] == {methods[0].pk: "10", other.pk: "5"}
    (one,) = found["comparisons"]
    assert (one["judgement"], one["difference"]) == ("excluded", None)


def test_the_episodes_behind_give_the_difference(lab, methods):
    runs = [methods[0], methods[3]]
    verdict = ask(lab, "verdict", runs, by="run").json()
    rows = ask(lab, "episodes", runs, by="run", limit=1000).json()["results"]

    a, b = (run.pk for run in runs)
    differences = [row["values"][b] - row["values"][a] for row in rows]
    assert len(rows) == 60
    assert np.mean(differences) == pytest.approx(verdict["comparisons"][0]["difference"]["value"])


def test_runs_without_episodes_are_compared_by_a_metric(lab, methods):
    found = ask(lab, "values", methods, key="score", stat="last", direction="min").json()

    (one,) = found["comparisons"]
    assert one["judgement"] == "better"
    assert one["difference"]["value"] == pytest.approx(-0.5)
    assert one["is_seed_paired"]
    alone = ask(lab, "values", methods[2:4], key="score", by="run").json()["comparisons"][0]
    assert alone["judgement"] == "unknown"
    assert alone["p_value"] is None
    assert "1 seed on one side" in alone["floor"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "colour"}, "by"),
        ({"baseline": "x"}, "baseline"),
        ({"metric": "accuracy"}, "metric"),
        ({"evaluation": "none"}, "evaluation"),
        ({"step": "99"}, "step"),
        ({"interval": "wide", "by": "run"}, "interval"),
    ],
)
def test_wrong_questions_are_named(lab, methods, query, field):
    answer = ask(lab, "verdict", methods, **query)

    assert answer.status_code == 400
    assert field in error_of(answer)["fields"]


def test_one_run_and_runs_of_others_are_refused(lab, methods):
    foreign = factories.make_run(
        factories.make_project(factories.make_workspace("elsewhere"), "secret")
    )

    assert ask(lab, "verdict", methods[:1]).status_code == 400
    assert ask(lab, "verdict", [methods[0], foreign]).status_code == 404
    assert ask(lab, "values", [methods[0], foreign], key="score").status_code == 404
    assert ask(lab, "episodes", [methods[0], foreign]).status_code == 404


def test_a_run_is_queued_to_be_evaluated_as_another_was(lab):
    factories.make_worker()
    run, other = (factories.make_trained(lab.project) for _ in range(2))
    losses = np.ones((12, 4))
    like = evaluation(losses, other, seed=9)

    answer = lab.member.post(f"/api/v1/runs/{run.pk}/evaluate/", {"like": like.pk}, format="json")

    assert answer.status_code == 201, answer.content
    job = Job.objects.get(pk=answer.json()["id"])
    asked = job.spec["evaluation"]
    assert (asked["episodes"], asked["steps"], asked["seed"]) == (12, 3, 9)
    assert job.run.parent_id == run.pk
    assert Evaluation.objects.count() == 1


def test_an_evaluation_of_others_is_no_example(lab):
    factories.make_worker()
    run = factories.make_trained(lab.project)
    project = factories.make_project(factories.make_workspace("elsewhere"), "secret")
    foreign = evaluation(np.ones((12, 4)), factories.make_run(project))

    answer = lab.member.post(
        f"/api/v1/runs/{run.pk}/evaluate/", {"like": foreign.pk}, format="json"
    )

    assert answer.status_code == 404


def test_what_cannot_be_evaluated_says_why(lab):
    factories.make_worker()
    client_run = factories.make_run(lab.project, status="completed")
    run = factories.make_trained(lab.project)

    refused = lab.member.post(f"/api/v1/runs/{client_run.pk}/evaluate/", {}, format="json")
    wrong = lab.member.post(f"/api/v1/runs/{run.pk}/evaluate/", {"episodes": 0}, format="json")

    assert refused.status_code == 409
    assert "not trained by a worker" in error_of(refused)["message"]
    assert wrong.status_code == 400
    assert "spec.evaluation.episodes" in error_of(wrong)["fields"]


def test_what_goes_along_with_a_metric_is_ranked(lab, methods):
    found = ask(lab, "why", [methods[0], methods[3]], key="score").json()

    (one,) = found["associations"]
    assert (one["key"], one["kind"], one["runs"]) == ("algorithm", "level", 6)
    assert {level["value"]: level["runs"] for level in one["levels"]} == {"anil": 3, "maml": 3}
    elsewhere = factories.make_run(factories.make_project(lab.workspace, slug="other"))
    refused = ask(lab, "why", [methods[0], elsewhere], key="score")
    assert "one project" in error_of(refused)["message"]
