"""A report in Chromium: its curves grow while their runs do, and are at rest afterwards."""

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from experiments import recording, reports
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests import factories as make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEXT = """```metascope-panel
runs: status = running OR status = completed
metric: loss
title: Loss
```
"""
LAST_STEP = "(node, step) => Math.max(...node.data.flatMap(({ x }) => [...(x ?? [])])) === step"


def log(run: Run, first: int, number: int) -> None:
    steps = np.arange(first, first + 10, dtype=np.int64)
    series = [SeriesPoints("loss", steps, 1.79e9 + steps, np.sin(steps))]
    recording.record(run_id=run.pk, client="test", number=number, series=series)


def test_a_curve_of_a_report_grows_while_its_run_does(live_server, ada: Page):
    project = make.make_project(make.make_workspace("lab", ada=Role.MEMBER), "sinusoid")
    run = make.make_run(project, status="running")
    log(run, 0, 0)
    user = get_user_model().objects.get(username="ada")
    report = reports.create(project, user=user, title="Found", text=TEXT)
    ada.goto(f"{live_server.url}/reports/{report.pk}/")
    chart = ada.locator(".chart").first
    expect(chart.locator(".main-svg").first).to_be_visible()

    log(run, 10, 1)

    ada.wait_for_function(f"([node, step]) => ({LAST_STEP})(node, step)", arg=[
        chart.element_handle(), 19,
    ])  # fmt: skip
