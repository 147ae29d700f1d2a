"""The charts tab of a run with many metrics in Chromium: panels as they scroll in."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests import factories as make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

METRICS = 40


def log(run: Run, keys: Sequence[str], number: int) -> None:
    steps = np.arange(5, dtype=np.int64)
    series = [SeriesPoints(key, steps, 1.79e9 + steps, steps + 1.0) for key in keys]
    recording.record(run_id=run.pk, client="test", number=number, series=series)


@pytest.fixture
def run(db) -> Run:
    """A run under way with two groups of many metrics."""
    project = make.make_project(make.make_workspace("lab", ada=Role.MEMBER), "sinusoid")
    run = make.make_run(project, status="running")
    log(run, [f"{group}/norm_{n}" for group in ("layers", "weights") for n in range(METRICS)], 0)
    return run


IN_SIGHT = """chart => {
  chart.scrollIntoView({ block: 'center' });
  return chart.querySelector('.nsewdrag') !== null;
}"""


def charts(page: Page, group: str) -> Locator:
    return page.locator(f'details[data-group="{group}"] .chart')


def test_panels_of_a_run_join_as_they_scroll_in_and_stay(live_server, ada: Page, run: Run):
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=charts")
    expect(charts(ada, "layers")).to_have_count(24)

    ada.locator('details[data-group="layers"] .more-panels').scroll_into_view_if_needed()
    expect(charts(ada, "layers")).to_have_count(METRICS)
    last = charts(ada, "layers").last
    # What is drawn above it may push it out of sight, where it waits.
    ada.wait_for_function(IN_SIGHT, arg=last.element_handle())

    last.evaluate("node => { node.kept = true; }")
    log(run, ["layers/norm_0_new"], 1)
    expect(ada.locator('details[data-group="layers"] .count')).to_have_text(str(METRICS + 1))
    expect(charts(ada, "layers")).to_have_count(METRICS + 1)
    assert last.evaluate("node => node.kept")


def test_a_group_of_a_run_is_opened_and_the_address_says_so(live_server, ada: Page, run: Run):
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=charts")
    expect(charts(ada, "weights")).to_have_count(0)

    ada.locator('details[data-group="weights"] summary').click()
    expect(charts(ada, "weights").first).to_be_visible()
    expect(ada).to_have_url(re.compile("folds=weights"))
    results = Axe().run(ada)
    assert not [one for one in results.response["violations"] if one["impact"] != "minor"]

    ada.reload()
    expect(charts(ada, "weights")).to_have_count(24)
