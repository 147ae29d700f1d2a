"""The submit page in Chromium: the request, the changes and the preview follow the fields."""

import json
import re
import shlex

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments.models import Job, Role, Worker
from tests.factories import announced_distributions, make_project, make_worker, make_workspace
from worker.metalearning import catalog

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DRAWING = "A" * 132  # 784 bits of white, as base64


@pytest.fixture
def form(live_server, ada: Page) -> Page:
    make_workspace("lab", ada=Role.MEMBER)
    make_project()
    sinusoid, omniglot = announced_distributions()
    sinusoid = catalog.describe(None, None)[0]
    character = {"label": "Greek/character01", "drawings": [DRAWING] * 4}
    samples = {"kind": "bitmaps", "width": 28, "height": 28, "sets": [[character] * 20] * 2}
    make_worker(distributions=[sinusoid, {**omniglot, "samples": samples}])
    ada.goto(f"{live_server.url}/jobs/new/")
    return ada


def body(page: Page) -> dict:
    """The JSON of the curl command shown."""
    words = shlex.split(page.locator("[data-request]").inner_text().replace("\\\n", " "))
    return json.loads(words[words.index("-d") + 1])


def test_the_request_and_the_changes_follow_the_fields(form: Page):
    form.get_by_label("Inner learning rate").fill("0.4")
    form.get_by_label("Seeds").fill("0-2")

    expect(form.get_by_role("button", name="Queue 3 runs")).to_be_visible()
    expect(form.locator("[data-changes]")).to_contain_text("inner.lr")
    expect(form.locator("[data-changes]")).to_contain_text("0.01 →")
    assert body(form)["spec"]["inner"] == {"lr": 0.4, "steps": 1}
    assert body(form)["seeds"] == [0, 1, 2]
    expect(form).to_have_url(re.compile(r"spec\.inner\.lr=0\.4"))


def test_what_was_typed_is_kept_when_the_algorithm_changes(form: Page):
    form.get_by_label("Outer learning rate").fill("0.005")
    expect(form.locator("[data-change-count]")).to_have_text("1")

    form.get_by_role("link", name="Reptile").click()

    expect(form.locator('.algo[aria-current="true"]')).to_contain_text("Reptile")
    expect(form.get_by_label("Outer learning rate")).to_have_value("0.005")
    assert body(form)["spec"]["algorithm"] == "reptile"


def test_all_that_was_entered_is_in_the_address(form: Page):
    make_project(slug="second")
    Worker.objects.update(queues=["default", "gpu"])
    form.reload()
    entered = {"Seeds": "0-2", "Name": "my run", "Tags": "a, b", "What do you expect?": "x & y"}
    for label, text in entered.items():
        form.get_by_label(label).fill(text)
    form.get_by_label("Priority").select_option("High")
    form.get_by_label("Project", exact=True).select_option("lab/second")
    form.get_by_label("Queue", exact=True).select_option("gpu")
    expect(form).to_have_url(re.compile("queue=gpu"))
    shown = body(form)

    form.reload()

    expect(form.get_by_role("button", name="Queue 3 runs")).to_be_visible()
    assert body(form) == shown
    assert (shown["project"], shown["queue"], shown["priority"]) == ("lab/second", "gpu", 10)
    assert (shown["name"], shown["tags"]) == ("my run", ["a", "b"])
    assert (shown["notes"], shown["seeds"]) == ("x & y", [0, 1, 2])


@pytest.mark.parametrize("change", ["algorithm", "preset"])
def test_what_was_entered_beside_the_spec_is_kept(form: Page, change: str):
    form.get_by_label("What do you expect?").fill("less")
    expect(form).to_have_url(re.compile("notes=less"))

    if change == "algorithm":
        form.get_by_role("link", name="Reptile").click()
        expect(form.locator('.algo[aria-current="true"]')).to_contain_text("Reptile")
    else:
        form.get_by_label("Preset").select_option("Defaults")
        expect(form).to_have_url(re.compile("preset=&"))

    expect(form.get_by_label("What do you expect?")).to_have_value("less")


def test_what_is_shown_is_what_is_queued(form: Page):
    form.get_by_label("Meta-steps", exact=True).fill("123")
    form.get_by_label("What do you expect?").fill("It's quick")
    expect(form.locator("[data-request]")).to_contain_text('"steps": 123')
    shown = body(form)

    form.get_by_role("button", name="Queue 1 run").click()
    expect(form).to_have_url(re.compile("/runs/"))

    job = Job.objects.get()
    assert job.spec["outer"]["steps"] == 123
    assert job.run.notes == shown["notes"] == "It's quick"
    assert {**job.spec, "seed": None} == {**shown["spec"], "seed": None}


def test_an_error_is_at_its_field_and_has_the_focus(form: Page):
    form.get_by_label("Outer learning rate").fill("-1")

    form.get_by_role("button", name="Queue 1 run").click()

    field = form.get_by_label("Outer learning rate")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("-1")
    expect(form.locator("#f-outer-lr-e")).to_contain_text("too small")
    form.locator("#form-error").get_by_role("link", name="Outer learning rate").press("Enter")
    expect(field).to_be_focused()


def test_an_error_at_a_choice_of_a_union_is_there_and_has_the_focus(form: Page):
    form.goto(f"{form.url.partition('?')[0]}?spec.network.kind=conv4")

    form.get_by_role("button", name="Queue 1 run").click()

    choice = form.get_by_role("group", name="kind", exact=True)
    expect(choice).to_be_focused()
    expect(choice).to_have_accessible_description(re.compile("conv4 takes images"))


def test_the_preview_draws_episodes_of_the_settings(form: Page):
    curves = form.locator(".sinusoids .curve")
    expect(curves).to_have_count(4)
    before = curves.first.get_attribute("d")
    form.get_by_label("Shot (K)").fill("3")
    expect(form.locator(".sinusoids circle")).to_have_count(12)

    form.get_by_role("button", name="Another").click()

    expect(curves.first).not_to_have_attribute("d", before)
    form.get_by_role("link", name="Omniglot").click()
    expect(form.locator("canvas.drawing")).to_have_count(10)
    boxes = [one.bounding_box() for one in form.locator("canvas.drawing").all()]
    assert {(box["width"], box["height"]) for box in boxes} == {(52, 52)}
    assert len({box["y"] for box in boxes}) == 2  # support drawings in one row, query in another
    form.get_by_label("Way (N)").fill("3")
    expect(form.locator("canvas.drawing")).to_have_count(6)


def test_the_language_and_the_preview_are_in_the_address(form: Page):
    curve = form.locator(".sinusoids .curve").first
    first = curve.get_attribute("d")
    language = form.get_by_role("button", name="Python")
    language.click()
    for _ in range(3):
        form.get_by_role("button", name="Another").click()
    expect(form).to_have_url(re.compile("language=python.*preview=3"))
    shown = curve.get_attribute("d")
    assert shown != first

    form.reload()

    expect(language).to_have_attribute("aria-pressed", "true")
    expect(form.locator("[data-request]")).to_contain_text("import json, os, requests")
    expect(curve).to_have_attribute("d", shown)
    form.get_by_role("link", name="Reptile").click()
    expect(form.locator('.algo[aria-current="true"]')).to_contain_text("Reptile")
    expect(language).to_have_attribute("aria-pressed", "true")
    expect(curve).to_have_attribute("d", shown)
    form.get_by_label("Outer learning rate").fill("-1")
    form.get_by_role("button", name="Queue 1 run").click()
    expect(form.locator("#form-error")).to_be_visible()
    expect(form).to_have_url(re.compile("language=python.*preview=3"))
    form.get_by_role("button", name="curl").click()
    expect(form).not_to_have_url(re.compile("language="))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_and_no_wider_than_a_phone(form: Page, scheme: str):
    form.emulate_media(color_scheme=scheme)
    form.set_viewport_size({"width": 390, "height": 844})

    found = Axe().run(form).response["violations"]

    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert form.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
