"""Alerts: said by the script, kept with its run, shown on its page and over REST."""

import io
import json

import pytest
from django.test import Client
from metascope._api import Api

from experiments import alerts, blobs, files
from experiments.errors import Unavailable
from experiments.models import Run, User
from tests import factories
from tests.client.test_artifacts import environment, start  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_alert_is_on_the_page_and_over_rest(environment, live_server, monkeypatch):  # noqa: F811
    with start(system=False) as run:
        run.log({"loss": 1.0}, step=11)
        run.alert("The loss is <high>", "Look at batch 3.", level="error")
        for number in range(4):
            run.alert(f"Later {number}")
        api = Api(live_server.url, run._settings_of().token)

    found = api.get(f"runs/{run.id}/alerts/")["results"]
    assert [(one["title"], one["level"], one["step"]) for one in found] == [
        *((f"Later {number}", "warning", 11) for number in (3, 2, 1, 0)),
        ("The loss is <high>", "error", 11),
    ]  # fmt: skip
    browser = Client()
    browser.force_login(User.objects.get(username="ada"))
    page = browser.get(f"/runs/{run.id}/").content.decode()
    assert "<strong>The loss is &lt;high&gt;</strong> Look at batch 3." in page
    assert page.index("Later 0") < page.index("The loss is &lt;high&gt;")


def test_what_cannot_be_an_alert_is_counted(environment):  # noqa: F811
    with start(system=False) as run:
        run.alert("a", level="fatal")
        run.alert("  ")

    assert run.lost == 2
    assert alerts.of_run(Run.objects.get()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"no json", b"[]", b'{"title": 1, "level": "info", "time": 1}', b"\xff",
        b'{"title": "a", "level": "fatal", "time": 1}',
        b'{"title": "a", "level": "info", "time": NaN}',
        b'{"title": "a", "level": "info", "time": 1e300}',
        json.dumps({"title": "a" * 70_000, "level": "info", "time": 1}).encode(),
    ],
)  # fmt: skip
def test_files_that_are_no_alerts_are_passed_over(content):
    run = factories.make_run()
    files.put(files.of_run(run), "alerts/1.json", io.BytesIO(content))

    assert alerts.of_run(run) == []


@pytest.mark.parametrize("problem", [blobs.Damaged("damaged"), Unavailable("away")])
def test_an_alert_that_cannot_be_read_now_does_not_take_the_page_along(monkeypatch, problem):
    run = factories.make_run()
    said = json.dumps({"title": "a", "level": "info", "time": 1}).encode()
    files.put(files.of_run(run), "alerts/1.json", io.BytesIO(said))
    assert len(alerts.of_run(run)) == 1

    def fail(sha256):
        raise problem

    monkeypatch.setattr(blobs, "read", fail)

    assert alerts.of_run(run) == []
