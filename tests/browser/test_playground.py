"""The playground in Chromium: the engine's own numbers, by mouse, touch and keyboard."""

import re

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments import initialisations
from experiments.models import Project, Role, Run
from tests.factories import make_project, make_run, make_workspace
from worker.metalearning import specs
from worker.metalearning.algorithms import Algorithm, Crew, build_learner
from worker.metalearning.distributions.factory import training_distribution
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.initialisation import plain_initialisation
from worker.metalearning.networks import Parameters, initial_parameters

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

POINTS = [(-4.5, 1.2), (-2.0, -0.7), (0.5, 2.1), (1.5, -3.0), (3.3, 0.4)]
EPISODE = "3;0.5;" + ",".join(f"{x}:{y}" for x, y in POINTS)
INPUTS = [-5.0, -1.25, 0.0, 2.5, 4.75]
ADAPTED = """async ({document, points, inputs}) => {
    const {adapted, answer} = await import('/static/dashboard/js/inner-steps.js');
    return adapted(document, points, 10).map((layers) => inputs.map((x) => answer(layers, x)));
}"""


def learner(algorithm: str, **fields: object) -> tuple[Algorithm, Parameters]:
    """Meta-parameters as training may leave them: learned rates differ from each other."""
    spec = specs.parse({"algorithm": algorithm, "episodes": {"source": "sinusoid"}, **fields})
    distribution = training_distribution(spec, None, None)
    network, made = build_learner(spec, distribution, Crew(), torch.device("cpu"))
    params = made.initial(initial_parameters(network, torch.device("cpu")))
    generator = torch.Generator().manual_seed(1)
    for name, param in params.items():
        if name.startswith("inner_lr/"):
            param.mul_(0.5 + torch.rand(param.shape, generator=generator))
    return made, params


def document_of(algorithm: str, **fields: object) -> dict[str, object]:
    made, params = learner(algorithm, **fields)
    found = plain_initialisation(made.adapter(10), params)
    assert found is not None
    return found


def expected(made: Algorithm, params: Parameters) -> list[list[float]]:
    x, y = torch.tensor(POINTS).T.reshape(2, 1, -1, 1)
    inputs = torch.tensor(INPUTS).reshape(1, -1, 1)
    batch = EpisodeBatch(x, y, x, y, torch.zeros(1, 2))
    return [
        one[0, :, 0].tolist() for [one] in made.adapter(10).predictions(params, batch, [inputs])
    ]


@pytest.fixture
def project(db) -> Project:
    return make_project(make_workspace("lab", ada=Role.MEMBER))


def trained(project: Project, name: str, algorithm: str = "maml") -> Run:
    run = make_run(project, name, status="completed", params={"algorithm": algorithm})
    initialisations.record(run, document_of("maml"))
    return run


def open_page(page: Page, live_server, run: Run, query: str = f"?episode={EPISODE}") -> None:
    page.goto(f"{live_server.url}/runs/{run.pk}/playground/{query}")
    expect(page.locator("[data-point-count]")).not_to_be_empty()


def test_inner_steps_in_the_browser_are_the_engines(live_server, ada: Page):
    ada.goto(f"{live_server.url}/")
    cases = [
        ("maml", {"inner": {"lr": 0.02}}),
        ("anil", {}),
        ("meta_sgd", {}),
        ("maml_plus_plus", {"inner": {"lr": 0.02, "steps": 3}}),
        ("pretrained", {"network": {"kind": "mlp", "hidden": [7, 5, 3]}}),
    ]
    for algorithm, fields in cases:
        made, params = learner(algorithm, **fields)
        document = plain_initialisation(made.adapter(10), params)

        found = ada.evaluate(ADAPTED, {"document": document, "points": POINTS, "inputs": INPUTS})

        torch.testing.assert_close(
            torch.tensor(found), torch.tensor(expected(made, params)), rtol=1e-4, atol=1e-5
        )


def test_what_is_told_the_sine_or_is_too_large_tells_nothing():
    for algorithm, hidden in (("oracle", [40]), ("maml", [200, 200])):
        made, params = learner(algorithm, network={"kind": "mlp", "hidden": hidden})
        assert plain_initialisation(made.adapter(10), params) is None, algorithm


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_run_is_beside_the_pretrained_and_a_random_initialisation(
    live_server, ada: Page, project: Project, width: int, scheme: str
):
    trained(project, "<i>warm", "pretrained")
    run = trained(project, "maml-s1")
    ada.emulate_media(color_scheme=scheme)
    ada.set_viewport_size({"width": width, "height": 900})

    open_page(ada, live_server, run)

    expect(ada.locator("[data-start] h2")).to_have_text(["maml-s1", "<i>warm", "Random"])
    expect(ada.locator("[data-start] .fit")).to_have_count(15)
    expect(ada.locator("[data-error-row='0'] td").last).not_to_be_empty()
    assert ada.evaluate("document.documentElement.scrollWidth") <= width
    violations = Axe().run(ada).response["violations"]
    assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []


def test_the_numbers_behind_a_plot_are_a_table(live_server, ada: Page, project: Project):
    open_page(ada, live_server, trained(project, "maml-s1"))
    card = ada.locator("[data-start]").first

    card.get_by_text("Data of this chart").click()

    rows = card.locator("[data-numbers] tr")
    expect(rows).to_have_count(21)
    expect(rows.first.get_by_role("rowheader")).to_have_text("−5")
    sine = rows.nth(10).get_by_role("cell").last
    expect(sine).to_have_text("−1.438")  # 3 sin(0 - 0.5)
    ada.get_by_role("button", name="Clear").click()
    expect(ada.locator("[data-point-count]")).to_contain_text("nothing is adapted")
    expect(rows.first.get_by_role("cell").nth(4)).to_have_text(
        rows.first.get_by_role("cell").first.text_content() or "-"
    )


def test_points_are_added_moved_and_removed_by_mouse(live_server, ada: Page, project: Project):
    open_page(ada, live_server, trained(project, "maml-s1"))
    count, plot = ada.locator("[data-point-count]"), ada.locator("[data-plot] svg").first
    expect(count).to_have_text("5 support points")

    plot.click(position={"x": 300, "y": 60})
    expect(count).to_have_text("6 support points")
    x = ada.get_by_label("x of point 6", exact=True)
    before = x.input_value()
    box = plot.locator(".handle").last.locator(".point").bounding_box()
    assert box is not None
    ada.mouse.move(box["x"] + 6, box["y"] + 6)
    ada.mouse.down()
    ada.mouse.move(box["x"] + 66, box["y"] + 26, steps=4)
    ada.mouse.up()
    expect(x).not_to_have_value(before)
    expect(count).to_have_text("6 support points")

    ada.locator("[data-plot] svg").last.locator(".handle").last.locator(".point").click()
    expect(count).to_have_text("5 support points")


def test_points_are_added_moved_and_removed_by_keyboard(live_server, ada: Page, project: Project):
    open_page(ada, live_server, trained(project, "maml-s1"))
    errors = ada.locator("[data-errors]").first
    before = errors.text_content() or ""
    point = ada.get_by_role("button", name="Point 1: x −4.5, y 1.2")
    point.focus()

    ada.keyboard.press("ArrowRight")
    ada.keyboard.press("Shift+ArrowUp")
    moved = ada.get_by_role("button", name="Point 1: x −4.4, y 1.7")
    expect(moved).to_be_focused()
    expect(errors).not_to_have_text(before)
    ada.keyboard.press("Delete")
    expect(ada.locator("[data-point-count]")).to_have_text("4 support points")

    ada.locator("[data-add] input[name=x]").fill("2")
    ada.keyboard.press("Enter")
    expect(ada.get_by_label("x of point 5", exact=True)).to_have_value("2")
    ada.get_by_label("y of point 5", exact=True).fill("99")
    ada.keyboard.press("Tab")
    expect(ada.get_by_role("button", name="Point 5: x 2, y 2.992")).to_be_visible()


def test_a_finger_adds_a_point_and_a_link_keeps_the_episode(
    live_server, ada: Page, project: Project
):
    run = trained(project, "maml-s1")
    assert ada.context.browser is not None
    context = ada.context.browser.new_context(
        has_touch=True, viewport={"width": 390, "height": 844},
        storage_state=ada.context.storage_state(),
    )  # fmt: skip
    phone = context.new_page()
    open_page(phone, live_server, run)

    box = phone.locator("[data-plot] svg").first.bounding_box()
    assert box is not None
    phone.touchscreen.tap(box["x"] + 200, box["y"] + 40)

    expect(phone.locator("[data-point-count]")).to_have_text("6 support points")
    expect(phone).to_have_url(re.compile(r"episode=3%3B0\.5%3B([^&]+?%3A){6}"))
    phone.reload()
    expect(phone.locator("[data-point-count]")).to_have_text("6 support points")
    context.close()
