"""Names without a space to break at: no page gets wider than its window."""

import numpy as np
import pytest
from playwright.sync_api import Page

from experiments import recording
from experiments.models import Role
from experiments.shapes import SeriesPoints
from tests import factories as make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NAMES = ("A" * 150, "<img src=x onerror=alert(1)>" * 4, "plain")


@pytest.fixture
def address(db) -> dict[str, str]:
    project = make.make_project(make.make_workspace("lab", ada=Role.MEMBER), "sinusoid")
    runs = []
    for place, name in enumerate(NAMES):
        params = {"B" * 80: "C" * 900, "lr": place}
        run = make.make_run(project, name=name, status="completed", params=params, tags=["D" * 60])
        steps = np.arange(20, dtype=np.int64)
        series = [SeriesPoints("train/loss", steps, 1.79e9 + steps, steps + float(place))]
        recording.record(run_id=run.pk, client="test", number=0, series=series)
        runs.append(run)
    return {
        "compare": "/compare/?runs=lab/sinusoid:1-3",
        "chooser": "/compare/",
        "run": f"/runs/{runs[0].pk}/",
        "table": "/p/lab/sinusoid/",
    }


@pytest.mark.parametrize("page", ["compare", "chooser", "run", "table"])
def test_page_of_long_names_is_as_wide_as_its_window(live_server, ada: Page, address, page: str):
    for width in (1440, 390):
        ada.set_viewport_size({"width": width, "height": 900})
        ada.goto(live_server.url + address[page])
        ada.wait_for_load_state("networkidle")

        assert ada.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
