"""The compare page episode by episode: common episodes, A against B, gaps, way by shot."""

import numpy as np
import pytest
from django.test import Client

from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests.comparing.building import evaluation
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db

LOSSES = np.array([[4.0, 1.0], [5.0, 2.0], [6.0, 3.0]])


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def runs(db) -> list[Run]:
    project = make_project(make_workspace("lab", ada=Role.MEMBER))
    return [make_run(project, name, status="completed") for name in ("maml", "reptile", "third")]


def address(runs: list[Run], chart: str = "", **more: str) -> str:
    place = f"charts/{chart}/" if chart else ""
    extra = "".join(f"&{key}={value}" for key, value in more.items())
    return f"/compare/{place}?runs={','.join(run.pk for run in runs)}{extra}"


def figure(client: Client, runs: list[Run], chart: str, **more: str):
    answered = client.get(address(runs, chart, **more))
    assert answered.status_code == 200, answered.content
    return answered.json()


def named(body) -> dict[str, dict]:
    return {trace["name"]: trace for trace in body["figure"]["data"] if trace.get("name")}


def test_common_episodes_are_points_in_the_colour_of_the_better_run(ada, runs):
    evaluation(LOSSES, runs[0])
    evaluation(LOSSES + [[0, 1], [0, -1], [0, 0]], runs[1])

    body = figure(ada, runs[:2], "scatter")

    found = named(body)
    better_a, better_b = found["A maml better"], found["B reptile better"]
    assert (better_a["x"], better_a["y"]) == ([1.0], [2.0])
    assert (better_b["x"], better_b["y"]) == ([2.0], [1.0])
    assert better_b["customdata"][0][0] == "5105:test:0:1"
    assert found["alike"]["x"] == [3.0]
    assert "N = 3 common episodes" in body["note"]


def test_points_in_one_place_are_one_larger_point(ada, runs):
    same = np.array([[1.0, 0.5]] * 4)
    evaluation(same, runs[0])
    evaluation(same / 2, runs[1])

    (point,) = named(figure(ada, runs[:2], "scatter")).values()

    assert len(point["x"]) == 1
    assert point["marker"]["size"] == [12.0]
    assert "4 episodes" in point["customdata"][0][1]


def test_episodes_that_are_not_finite_are_no_points(ada, runs):
    evaluation(LOSSES, runs[0])
    diverged = LOSSES.copy()
    diverged[0, 1] = np.inf
    evaluation(diverged, runs[1])

    assert "N = 2" in figure(ada, runs[:2], "scatter")["note"]


def test_the_pair_of_the_address_is_drawn(ada, runs):
    for run in runs:
        evaluation(LOSSES * (1 + runs.index(run)), run)

    body = figure(ada, runs, "scatter", pair=runs[2].pk)

    assert body["figure"]["layout"]["yaxis"]["title"]["text"].startswith("C third")


def test_runs_without_evaluations_say_where_they_come_from(ada):
    project = make_project(make_workspace("other", ada=Role.MEMBER))
    bare = [make_run(project, name) for name in "ab"]

    assert "No episodes to compare" in ada.get(address(bare)).content.decode()


def test_runs_without_common_episodes_say_so(ada, runs):
    evaluation(LOSSES, runs[0], name="test")
    evaluation(LOSSES, runs[1], name="other")

    body = figure(ada, runs[:2], "scatter")
    page = ada.get(address(runs[:2])).content.decode()

    assert body["figure"] is None
    assert "No common episode" in page


def test_page_lists_where_two_runs_differ_most_with_links_to_both(ada, runs):
    evaluation(LOSSES, runs[0])
    evaluation(LOSSES + [[0, 0.1], [0, 5], [0, -1]], runs[1])

    page = ada.get(address(runs[:2])).content.decode()
    table = page[page.index("Where they differ most") :]

    assert table.index("5105:test:0:1") < table.index("5105:test:0:2") < table.index("0:0<")
    for run in runs[:2]:
        assert f"/runs/{run.pk}/episode/?evaluation=" in table


def test_shares_rise_to_all_episodes(ada, runs):
    for run in runs[:2]:
        evaluation(LOSSES, run)

    line = named(figure(ada, runs[:2], "shares"))["A maml"]

    assert line["x"] == [1.0, 2.0, 3.0]
    assert line["y"] == pytest.approx([1 / 3, 2 / 3, 1])
    assert "N=3" in line["hovertemplate"]


def test_gaps_of_all_runs_are_lines(ada, runs):
    for place, run in enumerate(runs):
        for step in (1, 2):
            evaluation(LOSSES, run, name="train", step=step)
            evaluation(LOSSES + place, run, name="validation", step=step)

    found = named(figure(ada, runs, "gap", evaluation="validation"))

    assert found["C third, validation − train"]["y"] == pytest.approx([2.0, 2.0])


def test_the_test_has_a_gap_of_its_own_beside_that_of_validation(ada, runs):
    evaluation(LOSSES, runs[0], name="train", step=2)
    evaluation(LOSSES + 1, runs[0], name="validation", step=2)
    evaluation(LOSSES + 3, runs[0], name="test", step=2)

    body = figure(ada, runs, "gap")

    found = {name: trace["y"] for name, trace in named(body).items()}
    assert found == {"A maml, validation − train": [1.0], "A maml, test − train": [3.0]}
    assert "test less training split" in body["note"]


def test_every_run_is_drawn_at_its_last_validation_by_a_meta_step(ada, runs):
    for place, run in enumerate(runs):
        for step in (100 * (place + 1), 1000):
            evaluation(LOSSES * step, run, name="validation", step=step)

    body = figure(ada, runs, "at-step", at="250")

    found = named(body)
    assert found["A maml"]["y"] == pytest.approx([500.0, 200.0])
    assert found["B reptile"]["y"] == pytest.approx([1000.0, 400.0])
    assert "C third" not in found
    assert "A 100, B 200" in body["note"]
    assert "Validated later only: C." in body["note"]
    ends = body["figure"]["layout"]["yaxis"]["range"]
    assert ends == figure(ada, runs[:2], "at-step", at="1000")["figure"]["layout"]["yaxis"]["range"]


def test_a_meta_step_that_is_none_is_refused(ada, runs):
    for chart in ("at-step", "inner-rates"):
        param = "at" if chart == "at-step" else "rates_at"
        answered = ada.get(address(runs, chart, **{param: "x"}))

        assert answered.status_code == 400
        assert f"{param} is &#x27;x&#x27;" in answered.content.decode()


def log_rates(run: Run, **by_key: list[float]) -> None:
    steps = np.array([10, 20, 30])
    series = [
        SeriesPoints(f"inner_lr/{key}/step_1", steps, 1.79e9 + steps, np.array(values))
        for key, values in by_key.items()
    ]
    recording.record(run_id=run.pk, client="test", number=0, series=series)


def test_learned_rates_of_the_runs_that_have_them_are_on_the_same_colours(ada, runs):
    log_rates(runs[0], head=[0.1, 0.2, 0.3])
    log_rates(runs[2], head=[0.1, -0.6, 0.5], body=[0.1, 0.1, 0.1])

    page = ada.get(address(runs)).content.decode()
    first, second = (
        figure(ada, runs, "inner-rates", run=run.pk, rates_at="25") for run in (runs[0], runs[2])
    )

    assert page.count("/compare/charts/inner-rates/") == 2
    assert page.count('data-chart-slider="rates_at"') == 1
    assert [one["figure"]["data"][0]["z"] for one in (first, second)] == [[[0.2]], [[0.1], [-0.6]]]
    ends = {(one["figure"]["data"][0]["zmin"], one["figure"]["data"][0]["zmax"])
            for one in (first, second)}  # fmt: skip
    assert ends == {(-0.6, 0.6)}
    assert figure(ada, runs, "inner-rates", run=runs[1].pk)["figure"] is None


def test_comparisons_without_validations_and_rates_have_no_sliders(ada, runs):
    evaluation(LOSSES, runs[0])

    assert "data-chart-slider" not in ada.get(address(runs)).content.decode()


def test_heat_maps_of_compared_runs_have_the_same_colours(ada, runs):
    for place, run in enumerate(runs[:2]):
        evaluation(LOSSES * (place + 1), run, name="validation", step=1)

    both = [figure(ada, runs[:2], "over-training", run=run.pk) for run in runs[:2]]

    ends = {(b["figure"]["data"][0]["zmin"], b["figure"]["data"][0]["zmax"]) for b in both}
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ("test", "All on the same 3 episodes."),
        ("few", "2 episodes common to all"),
        ("none", "No episode is common to all"),
    ],
)
def test_adaptation_says_which_episodes_are_common(ada, runs, other, sentence):
    evaluation(LOSSES, runs[0])
    second = evaluation(LOSSES[:2] if other == "few" else LOSSES, runs[1])
    if other == "none":
        foreign = evaluation(LOSSES, name="foreign")
        second.episode_ids = foreign.episode_ids
        second.save(update_fields=["episode_ids"])

    assert sentence in figure(ada, runs[:2], "adaptation", of="loss")["note"]


def of_way_and_shot(project, way: int, shot: int, **params: object) -> Run:
    spec = {"algorithm": "maml", "episodes": {"way": way, "shot": shot}, **params}
    run = make_run(project, f"{way}w{shot}s", status="completed", params=spec)
    evaluation(LOSSES, run, accuracies=1 / LOSSES, way=way, shot=shot)
    return run


def test_runs_that_differ_in_way_shot_and_seed_make_a_grid(ada, runs):
    project = runs[0].project
    compared = [of_way_and_shot(project, way, shot) for way in (5, 20) for shot in (1, 5)]
    compared.append(of_way_and_shot(project, 5, 1, seed=1))

    page = ada.get(address(compared)).content.decode()
    grid = page[page.index("Way by shot") :]
    grid = grid[: grid.index("</table>")]

    assert "1 shot<" in grid
    assert "5 shots" in grid
    assert grid.count("N = 3") == 5
    assert "%" in grid  # accuracies, with their half widths
    assert "±" in grid


def test_runs_that_differ_in_more_make_no_grid(ada, runs):
    project = runs[0].project
    compared = [of_way_and_shot(project, 5, 1), of_way_and_shot(project, 5, 5, lr=0.1)]

    assert "Way by shot" not in ada.get(address(compared)).content.decode()


def test_charts_of_foreign_runs_are_not_found(ada, runs):
    foreign = make_run(make_project(make_workspace("other"), "theirs"))

    for chart in ("shares", "scatter", "gap", "over-training", "at-step", "inner-rates"):
        assert ada.get(address([runs[0], foreign], chart)).status_code == 404


def test_every_half_width_says_that_it_is_of_a_95_percent_interval(ada, runs):
    for run in runs[:2]:
        evaluation(LOSSES, run)
        for name in ("train", "validation"):
            evaluation(LOSSES, run, name=name, step=1)

    page = ada.get(address(runs[:2])).content.decode()
    lineup = page[page.index('id="lineup"') : page.index('id="tabs"')]

    assert lineup.count("± ") == lineup.count("95 % t interval") == 2
    for chart, more in (("adaptation", {"of": "loss"}), ("at-step", {}), ("gap", {}),
                        ("over-training", {"run": runs[0].pk})):  # fmt: skip
        traces = figure(ada, runs[:2], chart, **more)["figure"]["data"]
        told = [one["hovertemplate"] for one in traces if "±" in str(one.get("customdata"))]
        assert told, chart
        assert all("(95 %)" in one for one in told)
