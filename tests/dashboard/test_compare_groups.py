"""The compare page between methods: groups of runs that differ in nothing but the seed."""

import json

import numpy as np
import pytest
from django.test import Client

from experiments.models import Role, Run
from tests.comparing.building import evaluation
from tests.factories import make_run, make_user, make_workspace

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
