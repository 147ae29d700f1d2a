"""The compare page between methods: groups of runs that differ in nothing but the seed."""

import json
import re
from html import unescape

import numpy as np
import pytest
from django.test import Client

from dashboard.grouped_table import shares
from experiments import recording
from experiments.models import Checkpoint, Evaluation, Job, Role, Run
from tests.comparing.building import evaluation
from tests.factories import (
    make_project,
    make_run,
    make_trained,
    make_user,
    make_worker,
    make_workspace,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Client:
    make_workspace("lab", ada=Role.VIEWER)
    client.force_login(make_user("ada"))
    return client


def trained(method: str, seed: int, level: float, **protocol) -> Run:
    params = {"algorithm": method, "seed": seed}
    run = make_run(name=f"{method}-s{seed}", seed=seed, params=params, group=f"{method} runs")
    hard = np.random.default_rng(0).uniform(0.5, 1.5, (60, 1))
    own = np.random.default_rng([seed, sum(method.encode())])
    losses = hard + level + 0.02 * own.normal() + 0.05 * own.normal(size=(60, 3))
    evaluation(losses, run, **protocol)
    return run


@pytest.fixture
def methods(ada: Client) -> list[Run]:
    """Three seeds of anil (the baseline) and three of maml, which is better."""
    return [
        *(trained("anil", seed, 1.0) for seed in range(3)),
        *(trained("maml", seed, 0.5) for seed in range(3)),
    ]


def url(runs: list[Run], path: str = "", **controls: str) -> str:
    asked = "".join(f"&{key}={value}" for key, value in controls.items())
    return f"/compare/{path}?runs={','.join(run.pk for run in runs)}{asked}"


def page(client: Client, runs: list[Run], **controls: str) -> str:
    answer = client.get(url(runs, **controls))
    assert answer.status_code == 200
    return answer.content.decode()


def test_runs_of_several_seeds_are_compared_as_methods(ada: Client, methods: list[Run]):
    text = page(ada, methods)

    assert "maml is better than anil by 0." in text
    assert "paired on the same 60 episodes, 3 paired seeds" in text
    assert "maml also differs in algorithm" in text
    assert "3 paired seeds cannot reach a permutation p below 0.25" in text
    assert "two-level bootstrap" in text
    assert "not about the methods" not in text


def test_the_address_says_by_what_runs_are_compared(ada: Client, methods: list[Run]):
    by_run = page(ada, methods, by="run")
    by_group = page(ada, methods, by="group")

    assert "(Holm, 5 tests)" in by_run
    assert "not about the methods" in by_run
    assert "maml runs is better than anil runs" in by_group
    assert 'value="group" selected' in by_group


def test_one_group_alone_has_nothing_to_differ_from(ada: Client, methods: list[Run]):
    assert "All of these runs are one group." in page(ada, methods[:3], by="seedless")


def test_a_run_measured_otherwise_is_named_beside_its_group(ada: Client, methods: list[Run]):
    other = trained("maml", 3, 0.5, shot=5)

    text = page(ada, [*methods, other])

    assert "measured otherwise: shot" in text


def test_names_of_groups_are_text(ada: Client, methods: list[Run]):
    Run.objects.filter(pk=methods[3].pk).update(group="<script>alert(1)</script>")

    text = page(ada, methods, by="group")

    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_figures_follow_the_groups(ada: Client, methods: list[Run]):
    difference = json.loads(ada.get(url(methods, "charts/difference/")).content)
    profile = json.loads(ada.get(url(methods, "charts/profile/")).content)

    assert "each the mean over seeds" in difference["note"]
    names = [trace.get("name") for trace in profile["figure"]["data"] if trace.get("name")]
    assert names == ["A anil", "D maml"]
    assert "query loss of at most" in json.dumps(profile["figure"]["layout"])


def test_the_episodes_behind_a_verdict_can_be_opened_and_exported(ada: Client, methods: list[Run]):
    text = ada.get(url(methods, "episodes/", by="run")).content.decode()
    sheet = ada.get(url(methods, "episodes.csv")).content.decode().splitlines()

    assert "Episodes 1 to 60 of 60." in text
    assert sheet[0] == ",".join(["episode", *(run.pk for run in methods)])
    assert len(sheet) == 61
    rows = [line.split(",") for line in sheet[1:]]
    changes = [max(abs(float(one) - float(row[1])) for one in row[2:]) for row in rows]
    assert changes == sorted(changes, reverse=True)


def test_the_page_links_the_same_verdict_as_json(ada: Client, methods: list[Run]):
    text = page(ada, methods)

    address = text.split('href="/api/v1/compare/verdict/')[1].split('"')[0].replace("&amp;", "&")
    answer = ada.get(f"/api/v1/compare/verdict/{address}")

    assert answer.status_code == 200
    assert answer.json()["comparisons"][0]["judgement"] == "better"


def plain(method: str, seed: int, score: float) -> Run:
    params = {"algorithm": method, "seed": seed}
    run = make_run(name=f"{method}-s{seed}", seed=seed, params=params, status="completed")
    series = [{"key": "val/accuracy", "steps": [0, 1], "values": [0.1, score]}]
    recording.record(
        run_id=run.pk, client="c", number=0, series=recording.parse_series({"series": series})
    )
    return run


def test_runs_named_by_their_numbers_have_the_same_verdict(ada: Client, methods: list[Run]):
    project = methods[0].project
    numbers = ",".join(str(run.number) for run in methods)
    asked = f"/compare/?runs={project.workspace.slug}/{project.slug}:{numbers}"
    text = ada.get(asked).content.decode()

    assert "maml is better than anil by 0." in text
    address = text.split('href="/api/v1/compare/verdict/')[1].split('"')[0].replace("&amp;", "&")
    assert ada.get(f"/api/v1/compare/verdict/{address}").status_code == 200


def test_what_bands_go_over_leaves_the_verdict_alone(ada: Client, methods: list[Run]):
    text = page(ada, methods, by="run", bands="t", over="group")

    assert "maml is better than anil" not in text
    figure = ada.get(url(methods, "charts/difference/", by="run", over="group")).json()
    assert "each the mean over seeds" not in figure["note"]


def test_runs_without_episodes_are_compared_by_a_number_over_seeds(ada: Client):
    runs = [plain("cnn", seed, 0.5 + 0.01 * seed) for seed in range(3)]
    runs += [plain("vit", seed, 0.8 + 0.012 * seed) for seed in range(3)]

    text = page(ada, runs)

    assert "vit is better than cnn by 0.3" in text
    assert "in val/accuracy" in text
    assert "3 paired seeds" in text
    assert "each run is one observation" in text


def test_one_run_a_side_has_a_difference_and_no_verdict(ada: Client):
    text = page(ada, [plain("cnn", 0, 0.5), plain("vit", 0, 0.8)])

    assert "Too little is known to tell vit-s0 from cnn-s0: 0.3 in val/accuracy" in text
    assert "no test over seeds is possible" in text
    assert "Too few seeds" in text


def test_what_goes_along_with_the_metric_is_ranked_and_called_association(ada: Client):
    runs = [plain("cnn", seed, 0.5 + 0.01 * seed) for seed in range(3)]
    runs += [plain("vit", seed, 0.8 + 0.012 * seed) for seed in range(3)]

    text = page(ada, runs)

    assert "median by value cnn: 0.51 (N = 3), vit: 0.812 (N = 3)" in text
    assert "This is association, not cause" in text


class TestFair:
    @pytest.fixture
    def unlike(self, ada: Client) -> list[Run]:
        """Two trained runs, the second on episodes of another seed."""
        make_worker()
        runs = [make_trained(name=name) for name in ("first", "second")]
        for run, seed in zip(runs, (0, 1), strict=True):
            evaluation(np.random.default_rng(seed).uniform(size=(40, 3)), run, seed=seed)
        return runs

    def queue(self, client: Client, runs: list[Run]):
        return client.post("/compare/evaluate/", {"runs": ",".join(run.pk for run in runs)})

    def test_a_member_queues_what_makes_the_comparison_fair(self, ada: Client, unlike: list[Run]):
        make_workspace("lab", ada=Role.MEMBER)
        assert "Make it fair: queue 1 evaluation<" in page(ada, unlike)

        answer = self.queue(ada, unlike)

        assert answer.status_code == 302
        assert answer["Location"].endswith("#verdict")
        job = Job.objects.get(run__parent=unlike[1])
        asked = job.spec["evaluation"]
        assert (asked["seed"], asked["episodes"], asked["steps"]) == (0, 40, 2)
        text = page(ada, unlike)
        assert "(evaluation queued)" in text
        assert "Make it fair" not in text

    def test_what_was_made_again_counts_from_then_on(self, ada: Client, unlike: list[Run]):
        assert "was not measured as" in page(ada, unlike)
        again = np.random.default_rng(5).uniform(size=(40, 3))
        found = evaluation(again, unlike[1], name="test", step=9, seed=0)
        Evaluation.objects.filter(pk=found.pk).update(name="test@12345678")

        text = page(ada, unlike)

        assert "was not measured as" not in text
        assert "on 40 common episodes" in text
        assert "test@" not in text

    def test_a_viewer_is_told_who_can_and_may_not(self, ada: Client, unlike: list[Run]):
        assert "Members of the project can queue" in page(ada, unlike)
        assert self.queue(ada, unlike).status_code == 403
        assert Job.objects.filter(run__parent=unlike[1]).count() == 0

    def test_a_run_that_cannot_be_evaluated_says_why(self, ada: Client, unlike: list[Run]):
        Checkpoint.objects.filter(run=unlike[1]).delete()

        text = page(ada, unlike)

        assert "it has no checkpoint any more" in text
        assert "Make it fair" not in text

    def test_runs_of_others_are_not_found(self, ada: Client, unlike: list[Run]):
        foreign = make_run(make_project(make_workspace("elsewhere"), "secret"))

        assert self.queue(ada, [unlike[0], foreign]).status_code == 404
        assert self.queue(ada, []).status_code == 400


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([3, 4], [3, 4]),
        ([60, 60, 10], [45, 45, 10]),
        ([500], [100]),
        ([1, 300, 300], [1, 49, 50]),
        ([], []),
    ],
)
def test_small_groups_are_taken_whole_and_the_others_alike(sizes: list[int], expected: list[int]):
    assert shares(sizes, 100) == expected


def test_a_part_of_large_groups_is_compared_and_the_page_says_so(ada: Client):
    project = make_project()
    runs = [
        make_run(project, params={"lr": lr}, status="completed")
        for lr, count in ((1, 60), (2, 60), (3, 10))
        for _ in range(count)
    ]

    table = ada.get(f"/p/lab/{project.slug}/?group=params.lr").content.decode()
    address = re.search(r'href="(/compare/[^"]+)"[^>]*data-by', table)
    assert address is not None
    text = ada.get(unescape(address[1]), follow=True).content.decode()

    assert "the newest 45 runs at most of the groups" in table
    assert "100 of 130 runs are compared:" in text
    assert "as many of each group as there is room for" in text
    assert f">{runs[59].name}<" in text
    assert f">{runs[0].name}<" not in text


@pytest.mark.parametrize("of", ["2", "1", "x", "-5", "²", "9" * 30])
def test_a_whole_selection_is_not_called_a_part(ada: Client, of: str):
    runs = [make_run(status="completed") for _ in range(2)]

    text = ada.get(f"/compare/?runs={runs[0].pk},{runs[1].pk}&of={of}").content.decode()

    assert "runs are compared:" not in text
