"""What the buttons of a chart save: a picture that explains itself, and every logged point."""

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from experiments import recording
from experiments.models import Role
from experiments.shapes import SeriesPoints
from tests import factories as make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

POINTS = 3_000
SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("plain", "<b>bold</b> & more")


@pytest.fixture
def address(db) -> str:
    """The comparison of two runs, one with markup in its name."""
    project = make.make_project(make.make_workspace("lab", ada=Role.MEMBER), "sinusoid")
    for place, name in enumerate(NAMES):
        run = make.make_run(project, name=name, status="completed")
        steps = np.arange(POINTS, dtype=np.int64)
        values = np.sin(steps / 500) + place
        series = [SeriesPoints("train/loss", steps, 1.79e9 + steps, values)]
        recording.record(run_id=run.pk, client="test", number=0, series=series)
    return "/compare/?runs=lab/sinusoid:1-2"


def saved(page: Page, label: str) -> str:
    chart = page.locator('.chart[data-chart-id="train/loss"]')
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".main-svg").first).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).first.click()
    path = waiting.value.path()
    assert path is not None
    return Path(path).read_text()


def test_picture_has_its_title_axes_and_the_names_of_its_lines(live_server, ada: Page, address):
    ada.goto(live_server.url + address)

    picture = saved(ada, "loss as SVG")

    words = {text.text for text in ElementTree.fromstring(picture).iter(f"{SVG}text")}
    assert {"train/loss", "A plain", "B <b>bold</b> & more", "step"} <= words


def test_csv_is_every_point_that_was_logged(live_server, ada: Page, address):
    ada.goto(live_server.url + address)

    rows = list(csv.reader(io.StringIO(saved(ada, "Data of loss as CSV"))))

    assert len(rows) == 1 + 2 * POINTS
    assert [row[3] for row in rows[1:4]] == ["0", "1", "2"]
