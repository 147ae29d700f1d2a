"""The compare page: selection, verdict, diffs, tables, and who may see them."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from experiments.models import Evaluation, Role, Run
from tests.comparing.building import evaluation
from tests.dashboard.compared_runs import compared_runs, losses_of
from tests.dashboard.figures import figure_answer
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db

Get = Callable[..., str]


@pytest.fixture
def ada(client: Client) -> Client:
    make_workspace("lab", ada=Role.VIEWER)
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def runs(ada: Client) -> list[Run]:
    return compared_runs()


def url(runs: list[Run], path: str = "", **controls: str) -> str:
    asked = "".join(f"&{key}={value}" for key, value in controls.items())
    return f"/compare/{path}?runs={','.join(run.pk for run in runs)}{asked}"


def page(client: Client, runs: list[Run], **controls: str) -> str:
    answer = client.get(url(runs, **controls))
    assert answer.status_code == 200
    return answer.content.decode()


def figure(client: Client, path: str, runs: list[Run], **controls: str) -> dict:
    answer = client.get(url(runs, f"charts/{path}/", **controls))
    assert answer.status_code == 200, answer.content
    return figure_answer(answer)


def test_without_runs_the_page_offers_recent_ones(ada: Client):
    assert "No runs yet" in ada.get("/compare/").content.decode()
    run = make_run(name="lonely")

    text = ada.get("/compare/").content.decode()

    assert "What do you want to compare?" in text
    assert f'value="{run.pk}"' in text


def test_one_run_is_kept_ticked_and_another_asked_for(ada: Client):
    run = make_run()

    text = ada.get(f"/compare/?runs={run.pk}").content.decode()

    assert "One run has nothing to differ from." in text
    assert f'id="pick-{run.pk}" aria-label="Compare run-1" checked' in text


def test_a_hundred_and_one_runs_are_too_many(ada: Client):
    runs = [make_run() for _ in range(101)]

    text = ada.get(url(runs)).content.decode()

    assert "101 runs are too many for one page." in text
    assert text.count(" checked") == 100


def test_ticked_boxes_and_a_list_are_the_same_selection(ada: Client, runs: list[Run]):
    first, second, _ = runs

    text = ada.get(f"/compare/?runs={first.pk}&runs={second.pk}&runs={first.pk}").content.decode()

    assert "Compare 2 runs" in text


def test_runs_of_others_are_not_found(ada: Client, runs: list[Run]):
    foreign = make_run(make_project(make_workspace("elsewhere"), "secret"))

    for path in ("", "charts/curve/", "charts/difference/", "metrics.csv"):
        assert ada.get(url([runs[0], foreign], path)).status_code == 404
    assert ada.get(f"/compare/?runs={foreign.pk}").status_code == 404


def test_the_verdict_says_who_is_worse_by_how_much_and_how_it_knows(ada: Client, runs: list[Run]):
    text = page(ada, runs)

    assert "is worse than" in text
    assert "in query loss" in text
    assert "95 % paired t interval, on 60 common episodes" in text
    assert "(Holm, 2 tests)" in text
    assert "No clear difference" in text
    assert "a conclusion about these trained networks, not about the methods" in text


def test_results_that_tie_on_every_episode_are_called_identical(ada: Client):
    first, second, other = (make_run(name=name, status="completed") for name in "xyz")
    for run, level in ((first, 0.2), (second, 0.2), (other, 0.201)):
        evaluation(losses_of(level, seed=int(run is other)), run, inner_steps_trained=1)

    same, differing = page(ada, [first, second]), page(ada, [first, other])

    assert "identical on all 60 episodes" in same
    assert ">Identical<" in same
    assert "No clear difference" not in same
    assert "identical on" not in differing
    assert "No clear difference" in differing


def test_the_baseline_turns_the_verdict_round(ada: Client, runs: list[Run]):
    text = page(ada, runs, baseline=runs[1].pk, interval="bootstrap")

    assert "is better than" in text
    assert "95 % percentile bootstrap interval, 10,000 resamples, seed 0" in text


def test_another_protocol_is_named_and_left_out(ada: Client, runs: list[Run]):
    evaluation_row = Evaluation.objects.get(run=runs[1])
    evaluation_row.protocol = {**evaluation_row.protocol, "shot": 5, "batch_norm": "transductive"}
    evaluation_row.save()

    text = page(ada, runs)

    assert "B pretrained was not measured as A was" in text
    assert "shot, batch-norm mode differ." in text
    assert "Not comparable" in text


def test_runs_without_evaluation_are_named(ada: Client, runs: list[Run]):
    running = make_run(name="young", status="running")

    text = page(ada, [runs[0], running])

    assert "young (running)" in text
    assert "has no test evaluation yet" in text


def test_two_runs_without_anything_still_have_a_page(ada: Client):
    text = page(ada, [make_run(status="queued"), make_run(status="queued")])

    assert "No test evaluation yet" in text
    assert "No curves yet" in text
    assert "No numbers yet" in text
    assert "No environment was recorded." in text


def test_params_differ_by_value_with_their_ratio(ada: Client, runs: list[Run]):
    text = page(ada, runs)

    assert "3 of 7 differ" in text
    assert "<small>×4</small>" in text
    assert 'data-path="outer.lr"' not in text
    assert 'data-path="outer.lr"' in page(ada, runs, differs="0")


def test_metrics_have_deltas_that_know_their_direction(ada: Client, runs: list[Run]):
    text = page(ada, runs)

    assert "worse</small>" in text
    assert "NaN" in text
    assert "Min logged value" in page(ada, runs, stat="min")


def test_numbers_as_csv(ada: Client, runs: list[Run]):
    answer = ada.get(url(runs, "metrics.csv"))

    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"].startswith("text/csv")
    assert lines[0].startswith("metric,letter,run,name,points")
    assert len(lines) == 1 + 3 * 3
    assert any(
        line.startswith(f"train/query_loss,B,{runs[1].pk},pretrained,200,50,nan") for line in lines
    )


def test_curves_overlay_runs_in_their_own_colour_and_dash(ada: Client, runs: list[Run]):
    body = figure(ada, "curve", runs, key="train/query_loss", smooth="0.6", log="1")

    named = [
        trace for trace in body["figure"]["data"] if trace.get("name", "")[:2] in ("A ", "B ", "C ")
    ]
    assert {trace["name"] for trace in named} >= {"A maml", "B pretrained", "C maml-edited"}
    lines = {trace["name"]: trace["line"] for trace in named if "line" in trace}
    assert len({line["color"] for line in lines.values()}) == 3
    assert len({line["dash"] for line in lines.values()}) == 3
    assert body["figure"]["layout"]["yaxis"]["type"] == "log"
    assert body["live"] is False
    assert "not finite" in body["note"]


def test_hidden_runs_are_not_drawn(ada: Client, runs: list[Run]):
    body = figure(ada, "curve", runs, key="train/query_loss", hide="B,C")

    assert {t["name"] for t in body["figure"]["data"] if t.get("name")} == {"A maml"}
    hidden = figure(ada, "curve", runs, key="train/query_loss", hide="A,B,C")
    assert hidden["figure"] is None
    assert hidden["empty"].startswith("No points here")


def test_adaptation_states_its_n_and_marks_trained_steps(ada: Client, runs: list[Run]):
    body = figure(ada, "adaptation", runs, of="loss")

    assert "95 % t interval over N episodes: A 60 B 60 C 60" in body["note"]
    assert any(trace.get("marker", {}).get("size") == 12 for trace in body["figure"]["data"])


def test_the_difference_is_drawn_for_the_pair_asked_for(ada: Client, runs: list[Run]):
    body = figure(ada, "difference", runs, pair=runs[2].pk)

    (bars,) = body["figure"]["data"]
    assert sum(bars["y"]) == 60
    assert body["figure"]["layout"]["xaxis"]["title"]["text"] == "C − A, query loss per episode"
    assert "N = 60 common episodes" in body["note"]


def test_fits_of_one_episode_share_their_scale(ada: Client, runs: list[Run]):
    pictures = [figure(ada, "fit", runs, run=run.pk, episode="5105:test:0:0") for run in runs]

    ranges = [picture["figure"]["layout"]["yaxis"]["range"] for picture in pictures]
    assert ranges[0] == ranges[1] == ranges[2]
    missing = figure(ada, "fit", runs, run=runs[0].pk, episode="other")
    assert missing["empty"] == "This run did not illustrate this episode."


def test_accuracies_are_compared_in_points(ada: Client):
    import numpy as np

    table = np.tile(np.linspace(0.9, 1.0, 40)[:, None], (1, 3))
    runs = [make_run(status="completed") for _ in range(2)]
    for run, by in zip(runs, (0.0, -0.05), strict=True):
        noise = 0.01 * np.random.default_rng(1).normal(size=table.shape)
        evaluation(1 - table, run, accuracies=table + by + (noise if by else 0))

    text = page(ada, runs)

    assert "points" in text
    assert "Test accuracy on common episodes" in text
    assert "Query accuracy against inner step" in text


def test_live_refresh_goes_on_while_a_run_runs_and_then_stops(ada: Client, runs: list[Run]):
    running = make_run(status="running")
    live, done = url([runs[0], running]), url(runs)

    assert ada.get(live, headers={"X-Live": "true"}).status_code == 200
    assert 'data-live-src="' in ada.get(live).content.decode()
    assert ada.get(done, headers={"X-Live": "true"}).status_code == 286
    assert 'data-live-src="' not in ada.get(done).content.decode()


def test_nonsense_in_the_address_falls_back(ada: Client, runs: list[Run]):
    text = page(
        ada, runs, step="99999", metric="bogus", stat="x", view="y", code="z", baseline="nobody",
        interval="w", evaluation="none", context="many", hide="Z", file="../etc/passwd",
    )  # fmt: skip

    assert "is worse than" in text


def test_queries_do_not_grow_with_the_number_of_runs(
    ada: Client, runs: list[Run], django_assert_max_num_queries: DjangoAssertNumQueries
):
    ada.get(url(runs))

    with django_assert_max_num_queries(32):
        ada.get(url(runs))
    many = [*runs, *compared_runs(), *compared_runs()]
    with django_assert_max_num_queries(32):
        ada.get(url(many))
