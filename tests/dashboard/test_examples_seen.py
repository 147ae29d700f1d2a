"""Evaluations that count examples seen, or pulls, instead of inner steps: every page says so."""

import numpy as np
import pytest
from django.test import Client

from experiments.axes import (
    EXAMPLES,
    EXAMPLES_OF_A_CLASS,
    INNER_STEPS,
    MIXED,
    PULLS,
    axis_of,
    common_axis,
)
from experiments.comparing import fairness, protocol
from experiments.models import Role, Run
from tests.comparing.building import evaluation
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db

LOSSES = np.array([[4.0, 2.0, 1.0], [5.0, 2.5, 2.0], [6.0, 3.0, 2.5]])
SEEN = {"axis": "examples_seen", "inner_steps_trained": 2}


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def runs(db) -> list[Run]:
    project = make_project(make_workspace("lab", ada=Role.MEMBER))
    return [make_run(project, name, status="completed") for name in ("lstm", "mann", "maml")]


def text_of(client: Client, address: str) -> str:
    answered = client.get(address)
    assert answered.status_code == 200, answered.content
    return answered.content.decode()


def figure(client: Client, address: str):
    answered = client.get(address)
    assert answered.status_code == 200, answered.content
    return answered.json()


def x_title(body) -> str:
    return body["figure"]["layout"]["xaxis"]["title"]["text"]


@pytest.mark.parametrize(
    ("stored", "axis"),
    [
        ({}, INNER_STEPS),
        ({"axis": "examples_seen"}, EXAMPLES),
        ({"axis": "examples_seen", "way": 5}, EXAMPLES_OF_A_CLASS),
        ({"axis": "pulls"}, PULLS),
        ({"axis": "<b>days</b>"}, INNER_STEPS),
        ({"axis": ["examples_seen"]}, INNER_STEPS),
    ],
)
def test_the_protocol_says_what_is_counted(stored, axis):
    assert axis_of(stored) == axis


def test_axes_that_differ_are_said_to_be_mixed():
    assert common_axis([EXAMPLES, EXAMPLES]) == EXAMPLES
    assert common_axis([EXAMPLES, INNER_STEPS]) == MIXED
    assert common_axis([]) == INNER_STEPS


def test_run_page_draws_the_loss_against_examples_seen(ada, runs):
    one = evaluation(LOSSES, runs[0], accuracies=1 / LOSSES, way=5, **SEEN)

    page = text_of(ada, f"/runs/{runs[0].pk}/?tab=adaptation")
    body = figure(ada, f"/runs/{runs[0].pk}/charts/adaptation/?evaluation={one.pk}")

    assert "Query accuracy against examples of the class seen" in page
    assert "before any of the class" in page
    assert "inner step" not in page.split("Protocol")[0].lower()
    assert x_title(body) == "examples of the class seen (trained with 2)"
    assert "N = 3 episodes" in body["note"]


@pytest.mark.parametrize("chart", ["over-training", "at-step", "episode", "episodes"])
def test_every_figure_of_the_tab_counts_alike(ada, runs, chart):
    for name in ("validation", "test"):
        one = evaluation(LOSSES, runs[0], name=name, **SEEN)
    query = f"?evaluation={one.pk}&episode=5105:test:0:1&k=2"

    body = figure(ada, f"/runs/{runs[0].pk}/charts/{chart}/{query}")

    assert "inner step" not in str(body).lower()
    assert "examples seen" in str(body)


def test_comparison_has_one_axis_and_pairs_the_episodes(ada, runs):
    evaluation(LOSSES, runs[0], **SEEN)
    evaluation(LOSSES - 0.5, runs[1], **SEEN)
    address = f"?runs={runs[0].pk},{runs[1].pk}"

    page = text_of(ada, f"/compare/{address}")
    body = figure(ada, f"/compare/charts/adaptation/{address}&of=loss")

    assert "Query loss against examples seen" in page
    assert "each run after the examples seen it was trained with" in page
    assert "after 2 examples seen, 95 % t interval, N = 3 episodes" in page
    assert x_title(body).startswith("examples seen")
    assert "Ring: examples in training" in body["note"]
    assert "inner step" not in page.split('id="params"')[0].split('id="verdict"')[1]


def test_inner_steps_beside_examples_are_named_and_do_not_forbid(ada, runs):
    seen, stepped = evaluation(LOSSES, runs[0], **SEEN), evaluation(LOSSES, runs[2])

    found = {one.field: one for one in protocol.check([seen, stepped])}
    page = text_of(ada, f"/compare/?runs={runs[0].pk},{runs[2].pk}")

    assert found["axis"].values == ("examples_seen", "inner_steps")
    assert not found["axis"].forbids
    assert "what is counted" in page
    assert "inner step, or examples seen" in page.lower()


def test_nobody_is_asked_for_as_many_inner_steps_as_another_saw_examples(runs):
    longer, shorter = evaluation(LOSSES, runs[0], **SEEN), evaluation(LOSSES[:, :2], runs[2])

    wanting = fairness.wanting({runs[0].pk: longer, runs[2].pk: shorter}, baseline_id=runs[0].pk)

    assert wanting == {}


def test_bandits_show_regret_against_pulls(ada, runs):
    one = evaluation(LOSSES[:, ::-1].copy(), runs[0], axis="pulls", inner_steps_trained=2)

    page = text_of(ada, f"/runs/{runs[0].pk}/?tab=adaptation")
    body = figure(ada, f"/runs/{runs[0].pk}/charts/adaptation/?evaluation={one.pk}")

    assert "Regret against pulls" in page
    assert x_title(body).startswith("pulls")
