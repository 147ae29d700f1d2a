"""The whole path, as a person goes it: clone, start, submit, watch, compare; in real Chromium."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.product.instance import ROOT, Product, start

PATIENCE_MS = 240_000
EDIT = "# An edit between two runs.\n"
LINE = ".scatterlayer path.js-line"
EDITED = "worker/metalearning/adaptation.py"

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def cloned(tmp_path: Path) -> Iterator[Product]:
    """The product from a clone of its own, so that a test may edit the source it runs."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    product = start(tmp_path / "data", root=clone)
    try:
        product.wait_until_ready()
        yield product
    finally:
        assert product.stop() == 0


@pytest.fixture
def signed_in(cloned: Product, context: BrowserContext) -> Iterator[tuple[Product, Page]]:
    """A Chromium page after the printed link; script errors fail the test at its end."""
    errors: list[str] = []
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    answer = page.goto(cloned.sign_in_link)
    assert answer is not None
    assert page.url == f"{cloned.url}/"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    yield cloned, page
    assert not errors


def test_submitted_jobs_are_watched_and_compared(signed_in):
    product, page = signed_in

    assert product.ask(product.token(), "projects/")["results"] == []
    make_project(page, product)
    refuse_a_negative_rate(page, product)
    maml = submit(page, product, "maml", steps=600)
    watch(page)
    source = product.root / EDITED
    source.write_text(source.read_text() + EDIT)
    pretrained = submit(page, product, "pretrained", steps=600)
    wait_for(page, "completed")

    compare_from_the_table(page, product)
    assert maml in page.url
    assert pretrained in page.url
    expect(page.locator("#verdict")).to_contain_text("40 common episodes")
    assert adaptation_steps(page) == [list(range(11)), list(range(11))]
    expect(page.locator("#params")).to_contain_text("algorithm")
    page.locator("#code").scroll_into_view_if_needed()
    expect(page.locator("#code")).to_contain_text(EDIT.strip())


def make_project(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/projects/new/")
    page.fill("main [name='name']", "First comparison")
    page.fill("main [name='slug']", "first")
    page.click("main form button[type='submit']")
    page.wait_for_url("**/p/**")


def refuse_a_negative_rate(page: Page, product: Product) -> None:
    """The form says what is wrong at the field and keeps what was entered."""
    page.goto(f"{product.url}/jobs/new/?algorithm=maml")
    page.fill("[name='spec.outer.lr']", "-1")
    page.click("[data-submit]")
    field = page.locator("[name='spec.outer.lr']")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("-1")
    assert product.manage("shell", "-v", "0", "-c", COUNT_RUNS).strip() == "0"


COUNT_RUNS = "from experiments.models import Run; print(Run.objects.count())"


def submit(page: Page, product: Product, algorithm: str, *, steps: int) -> str:
    """Queues one short job through the form and returns the id of its run."""
    page.goto(f"{product.url}/jobs/new/?algorithm={algorithm}")
    for name, value in {
        "spec.outer.steps": str(steps),
        "spec.evaluation.episodes": "40",
        "spec.evaluation.every": "200",
        "spec.evaluation.episodes_during_training": "20",
        "name": algorithm,
    }.items():
        page.fill(f"[name='{name}']", value)
    expect(page.locator("[data-request]")).to_contain_text(f'"steps": {steps}')
    page.click("[data-submit]")
    page.wait_for_url("**/runs/*/**")
    return page.url.split("/runs/")[1].strip("/")


def watch(page: Page) -> None:
    """The run page, never reloaded, shows the status and a live curve."""
    expect(page.locator(LINE).first).to_be_attached(timeout=PATIENCE_MS)
    wait_for(page, "completed")


def wait_for(page: Page, status: str) -> None:
    expect(page.locator(".page-head .pill")).to_have_text(status, timeout=PATIENCE_MS)


def compare_from_the_table(page: Page, product: Product) -> None:
    """Selects both runs in the project's table and presses Compare."""
    page.goto(f"{product.url}/runs/")
    page.check("[aria-label='Select maml']")
    page.check("[aria-label='Select pretrained']")
    page.keyboard.press("c")
    page.wait_for_url("**/compare/**")


def adaptation_steps(page: Page) -> list[list[int]]:
    """The inner steps drawn for each run on the adaptation chart."""
    page.locator("#adaptation").scroll_into_view_if_needed()
    chart = page.locator("#adaptation .chart").first
    expect(chart.locator(LINE).first).to_be_attached(timeout=PATIENCE_MS)
    traces = chart.evaluate(
        "box => (box.data || box.querySelector('.js-plotly-plot').data)"
        ".filter(trace => trace.mode === 'lines+markers').map(trace => Array.from(trace.x))"
    )
    assert isinstance(traces, list)
    return traces
