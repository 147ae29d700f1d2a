"""From the groups of a run table to their comparison, in Chromium."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests.browser.test_access import accessible, fits
from tests.browser.test_compare import drawn
from tests.factories import make_project, make_run, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def runs(db) -> list[Run]:
    project = make_project(make_workspace("lab", ada=Role.MEMBER), main_metric="loss")
    runs = []
    for place in range(8):
        lr = (0.1, 0.2)[place // 4]
        run = make_run(project, f"r-s{place}", params={"lr": lr, "wide": place % 2},
                       seed=place % 4, status="completed")  # fmt: skip
        steps = np.arange(20)
        values = lr + 1 / (steps + 1) + place % 4 * 0.01
        points = SeriesPoints("loss", steps, 1.79e9 + steps, values)
        recording.record(run_id=run.pk, client="c", number=0, series=[points])
        runs.append(run)
    return runs


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_groups_of_the_table_are_compared_as_groups(
    live_server, ada: Page, runs: list[Run], theme, width
):
    ada.emulate_media(color_scheme=theme)
    ada.set_viewport_size({"width": width, "height": 900})
    ada.goto(f"{live_server.url}/p/lab/sinusoid/?group=params.lr&col=metrics.loss")
    accessible(ada)
    fits(ada)

    ada.get_by_role("link", name="Compare groups").click()

    expect(ada).to_have_url(re.compile("by=params.lr&over=params.lr&bands=t"))
    expect(ada.get_by_label("Compare by")).to_have_value("params.lr")
    expect(ada.locator(".say")).to_contain_text("lr 0.1")
    chart = drawn(ada, "loss")
    expect(chart.locator(".scatterlayer .trace .js-line")).not_to_have_count(8)
    accessible(ada)
    fits(ada)


def test_a_key_compares_selected_groups_alone(live_server, ada: Page, runs: list[Run]):
    ada.goto(f"{live_server.url}/p/lab/sinusoid/?group=params.lr,params.wide")
    for box in (0, 3):
        ada.locator("#run-rows [data-members]").nth(box).check()

    ada.keyboard.press("c")

    expect(ada).to_have_url(re.compile("by=params.lr%2Cparams.wide|by=params.lr,params.wide"))
    expect(ada.get_by_role("heading", name="Compare 4 runs")).to_be_visible()
    expect(ada.get_by_label("Runs that are one line with a band")).to_have_value(
        "params.lr,params.wide"
    )
