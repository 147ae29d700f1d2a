"""The compare page in Chromium: keys, parts that change alone, live refresh, accessibility."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments.models import Evaluation, Job, Role, Run, RunStatus
from tests.comparing.building import evaluation
from tests.dashboard.compared_runs import compared_runs, losses_of
from tests.factories import make_run, make_trained, make_worker, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def runs(db) -> list[Run]:
    make_workspace("lab", ada=Role.MEMBER)
    return compared_runs()


def address(live_server, runs: list[Run], extra: str = "") -> str:
    return f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}{extra}"


def drawn(page: Page, chart_id: str):
    """The chart once Plotly has drawn it."""
    chart = page.locator(f'.chart[data-chart-id="{chart_id}"]')
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".main-svg").first).to_be_visible()
    return chart


def test_charts_are_drawn_and_a_key_hides_a_run(live_server, ada: Page, runs: list[Run]):
    ada.goto(address(live_server, runs))

    chart = drawn(ada, "train/query_loss")
    expect(chart.locator(".scatterlayer .trace")).not_to_have_count(0)
    lines = chart.locator(".scatterlayer .trace").count()
    ada.keyboard.press("2")

    expect(chart.locator(".scatterlayer .trace")).not_to_have_count(lines)
    expect(ada).to_have_url(re.compile("hide=B"))
    ada.reload()
    expect(ada.get_by_role("button", name="Draw B pretrained")).to_have_attribute(
        "aria-pressed", "false"
    )


def test_the_baseline_changes_in_place_and_back_brings_it_back(
    live_server, ada: Page, runs: list[Run]
):
    ada.goto(address(live_server, runs))
    chart = drawn(ada, "train/query_loss")
    chart.evaluate("node => { node.dataset.mine = 'kept' }")
    expect(ada.locator(".say")).to_contain_text("pretrained is worse than A maml")

    ada.keyboard.press("b")

    expect(ada.locator(".say")).to_contain_text("is better than B pretrained")
    expect(ada).to_have_url(re.compile(f"baseline={runs[1].pk}"))
    expect(chart).to_have_attribute("data-mine", "kept")
    ada.go_back()
    expect(ada.locator(".say")).to_contain_text("pretrained is worse than A maml")


def test_params_show_what_differs_until_d_is_pressed(live_server, ada: Page, runs: list[Run]):
    ada.goto(address(live_server, runs))
    same = ada.locator('#params [data-path="outer.lr"]')
    expect(ada.locator("#params")).to_contain_text("differ")
    expect(same).to_have_count(0)

    ada.keyboard.press("d")

    expect(same).to_be_visible()
    expect(ada).to_have_url(re.compile("differs=0"))
    ada.get_by_label("Params that contain").fill("inner")
    expect(same).to_be_hidden()
    expect(ada.locator('#params [data-path="inner.lr"]')).to_be_visible()


def test_the_code_of_another_pair_and_layout(live_server, ada: Page, runs: list[Run]):
    ada.goto(address(live_server, runs))
    code = ada.locator("#code")
    code.scroll_into_view_if_needed()
    expect(code.locator("ins").first).to_be_visible()

    code.get_by_role("link", name="Unified").click()
    expect(code.locator("table.diff-unified")).to_be_visible()
    code.get_by_label("New").select_option(runs[1].pk)

    expect(code).to_contain_text("A and B have the same content")
    expect(ada).to_have_url(re.compile("view=unified"))


def test_a_run_that_finishes_brings_its_verdict_without_moving_the_view(
    live_server, ada: Page, runs: list[Run]
):
    late = runs[1]
    late.evaluations.all().delete()
    Run.objects.filter(pk=late.pk).update(status=RunStatus.RUNNING)
    ada.goto(address(live_server, [runs[0], late]))
    chart = drawn(ada, "train/query_loss")
    chart.evaluate("node => Plotly.relayout(node, {'xaxis.range': [50, 100]})")
    ada.evaluate("scrollTo(0, 400)")
    expect(ada.locator("#verdict")).to_contain_text("has no test evaluation yet")

    evaluation(losses_of(1.4, seed=1), late, inner_steps_trained=0)
    Run.objects.filter(pk=late.pk).update(status=RunStatus.COMPLETED)

    expect(ada.locator(".say")).to_contain_text("pretrained is worse than A maml")
    expect(ada.locator("[data-compare-page]")).not_to_have_attribute(
        "data-live-src", re.compile(".")
    )
    assert chart.evaluate("node => node.layout.xaxis.range.map(Math.round)") == [50, 100]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_and_no_wider_than_a_phone(live_server, ada: Page, runs: list[Run], scheme: str):
    ada.emulate_media(color_scheme=scheme)
    ada.set_viewport_size({"width": 390, "height": 844})
    ada.goto(address(live_server, runs))
    drawn(ada, "train/query_loss")

    found = Axe().run(ada).response["violations"]

    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert ada.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_long_patch_scrolls_by_keys_on_a_phone(live_server, ada: Page, runs: list[Run]):
    ada.set_viewport_size({"width": 390, "height": 844})
    ada.goto(address(live_server, runs, "&code=patch"))
    ada.locator("#code").scroll_into_view_if_needed()
    ada.locator("pre.patch span").first.evaluate("node => { node.textContent = 'x'.repeat(400) }")

    found = Axe().run(ada, context="#code").response["violations"]

    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    wide = ada.locator(".diff-scroll", has=ada.locator("pre.patch")).first
    assert wide.evaluate("node => node.scrollWidth > node.clientWidth && node.tabIndex === 0")


def test_runs_are_chosen_by_ticking(live_server, ada: Page, runs: list[Run]):
    ada.goto(f"{live_server.url}/compare/")

    ada.get_by_label("Compare maml", exact=True).check()
    ada.get_by_label("Compare pretrained").check()
    expect(ada.locator("[data-picked]")).to_have_text("2 chosen")
    ada.get_by_role("button", name="Compare", exact=True).click()

    expect(ada.get_by_role("heading", name="Compare 2 runs")).to_be_visible()


def test_methods_are_compared_in_place_and_their_figures_drawn(live_server, ada: Page, db):
    make_workspace("lab", ada=Role.MEMBER)
    methods = []
    for method, level in (("anil", 0.6), ("maml", 0.2)):
        for seed in range(3):
            params = {"algorithm": method, "seed": seed}
            run = make_run(name=f"{method}-s{seed}", seed=seed, params=params, status="completed")
            evaluation(losses_of(level + 0.01 * seed, seed=seed), run)
            methods.append(run)
    ada.goto(address(live_server, methods))

    expect(ada.locator(".say")).to_contain_text("maml is better than anil by 0.")
    drawn(ada, "difference")
    drawn(ada, "profile")
    found = [one for one in Axe().run(ada).response["violations"] if one["impact"] == "serious"]
    assert found == []
    ada.get_by_label("Compare by").select_option("run")

    expect(ada).to_have_url(re.compile("by=run"))
    expect(ada.locator(".verdict")).to_contain_text("not about the methods")


def test_one_button_queues_what_makes_the_comparison_fair(live_server, ada: Page, db):
    make_workspace("lab", ada=Role.MEMBER)
    make_worker()
    pair = [make_trained(name=name) for name in ("first", "second")]
    for run, seed in zip(pair, (0, 1), strict=True):
        evaluation(losses_of(0.2, seed=seed), run, seed=seed)
    ada.goto(address(live_server, pair))

    ada.get_by_role("button", name="Make it fair").click()

    expect(ada.locator("#verdict")).to_contain_text("(evaluation queued)")
    found = evaluation(losses_of(0.2, seed=1), pair[1], step=300, seed=0)
    Evaluation.objects.filter(pk=found.pk).update(name="test@12345678")
    Job.objects.filter(run__parent=pair[1]).update(status="completed")
    expect(ada.locator("#verdict")).to_contain_text("60 common episodes")
