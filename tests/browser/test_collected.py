"""Pages as they are served where files are collected: one script runs what each page names."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from config import static
from experiments.models import Run
from tests.browser.charting import drawn, two_runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="session")
def root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("collected")


@pytest.fixture
def asked(ada: Page, root: Path, settings) -> list[str]:
    """Addresses of the static files that the page asks for, which are the collected ones."""
    settings.STATIC_ROOT = root
    settings.SERVES_COLLECTED = True
    storage = {"BACKEND": "config.static.HashedStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}
    static.collect(root)
    names: list[str] = []

    def answer(route: Route) -> None:
        name = route.request.url.partition("/static/")[2]
        names.append(name)
        route.fulfill(path=root / name)

    ada.context.route("**/static/**", answer)
    return names


@pytest.fixture
def runs(db) -> list[Run]:
    return two_runs()


def scripts(asked: list[str]) -> list[str]:
    """Which scripts of our own the page asked for, without the hashes of their names."""
    own = [name.rpartition("/")[2] for name in asked if name.startswith("dashboard/js/")]
    return sorted(name.split(".")[0] for name in own)


def test_comparison_draws_its_charts_with_one_script(ada, live_server, asked, runs):
    named = ",".join(run.pk for run in runs)

    ada.goto(f"{live_server.url}/compare/?runs={named}#curves")

    drawn(ada)
    expect(ada.locator("[data-toggle-run]").first).to_have_attribute("aria-pressed", "true")
    ada.keyboard.press("1")
    expect(ada.locator("[data-toggle-run]").first).to_have_attribute("aria-pressed", "false")
    assert scripts(asked) == ["pages", "theme-boot"]


@pytest.mark.parametrize("path", ["/", "/p/lab/{slug}/", "/runs/{run}/?tab=charts", "/jobs/new/"])
def test_every_page_runs_what_it_names(ada, live_server, asked, runs, path):
    """Errors of scripts fail the test."""
    ada.goto(live_server.url + path.format(slug=runs[0].project.slug, run=runs[0].pk))
    ada.keyboard.press("?")

    expect(ada.locator("#keys")).to_be_visible()
    assert scripts(asked) == ["pages", "theme-boot"]


def test_module_that_fails_keeps_no_other_from_running(ada, live_server, asked, runs):
    page = ada.context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def with_a_strange_one(route: Route) -> None:
        text = route.fetch().text()
        strange = '<meta name="module" content="runs.js">'  # it needs a table of runs
        route.fulfill(body=text.replace("<meta ", f"{strange}<meta ", 1), content_type="text/html")

    page.route("**/queue/", with_a_strange_one)
    page.goto(f"{live_server.url}/queue/")
    page.keyboard.press("?")

    expect(page.locator("#keys")).to_be_visible()
    assert len(errors) == 1
