"""One colour for a run on every page: by its number, or as a member chose it."""

import re

import pytest
from django.conf import settings
from django.test import Client

from dashboard.comparison.selection import looks
from experiments import lifecycle
from experiments.errors import Invalid
from experiments.models import Role, Run
from tests.dashboard.test_tokens import TOKENS, block
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db

PALETTES = settings.BASE_DIR / "dashboard" / "static" / "dashboard" / "css" / "palettes.css"
NEEDED = {f"--{kind}-{slot}" for kind in ("run", "ink") for slot in range(1, 21)}


@pytest.fixture
def runs(db) -> list[Run]:
    project = make_project(make_workspace("lab", ada=Role.MEMBER, bob=Role.VIEWER), "sinusoid")
    return [make_run(project, f"run-{place}") for place in range(3)]


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada"))
    return client


def slots(runs: list[Run]) -> list[int]:
    return [one.slot for one in looks(runs, None)]


def test_a_chosen_color_is_kept_beside_a_run_that_has_it_by_its_number(runs):
    runs[2].color = 1

    assert slots(runs) == [2, 3, 1]


def test_runs_with_one_chosen_color_keep_it_and_differ_by_letter_and_dash(runs):
    runs[0].color = runs[1].color = 7

    a, b, c = looks(runs, None)

    assert (a.slot, b.slot, c.slot) == (7, 7, 3)
    assert (a.letter, b.letter) == ("A", "B")
    assert len({a.dash, b.dash, c.dash}) == 3


def test_of_many_runs_those_that_share_a_chosen_color_differ_by_dash(runs):
    project = runs[0].project
    many = runs + [make_run(project) for _ in range(12)]
    many[0].color = many[11].color = many[14].color = 5

    shared = [one.dash for one in looks(many, None) if one.slot == 5]

    assert len(shared) == len(set(shared)) == 3


def test_the_choice_shows_on_every_page(ada, runs):
    run = runs[0]

    answer = ada.post(f"/runs/{run.pk}/color/", {"color": "14", "next": "/runs/?a=1#b"})

    assert answer["Location"] == "/runs/?a=1#b"
    pair = f"/compare/?runs={run.pk},{runs[1].pk}"
    for page in (f"/runs/{run.pk}/", "/p/lab/sinusoid/", pair, f"{pair}&pick=1", "/"):
        assert re.search(r'class="[^"]*\bc14\b', ada.get(page).content.decode()), page


def test_choosing_leads_to_no_other_site(ada, runs):
    answer = ada.post(f"/runs/{runs[0].pk}/color/", {"color": "3", "next": "https://x.example/"})

    assert answer["Location"] == f"/runs/{runs[0].pk}/"


def test_viewers_are_offered_no_choice_and_strangers_see_no_run(client, runs):
    page = f"/runs/{runs[0].pk}/color/"
    client.force_login(make_user("bob"))
    assert client.get(page).status_code == client.post(page, {"color": "3"}).status_code == 403
    for shown in (f"/runs/{runs[0].pk}/", f"/compare/?runs={runs[0].pk},{runs[1].pk}"):
        assert "Choose its colour" not in client.get(shown).content.decode()

    client.force_login(make_user("charlie"))
    assert client.get(page).status_code == 404


@pytest.mark.parametrize("color", ["", "21", "-1", "red", "٣"])
def test_what_is_no_color_is_refused(ada, runs, color):
    assert ada.post(f"/runs/{runs[0].pk}/color/", {"color": color}).status_code == 400
    assert Run.objects.get(pk=runs[0].pk).color is None


def test_many_runs_get_a_color_and_give_it_back(ada, runs):
    ids = [run.pk for run in runs[:2]]
    path = "/p/lab/sinusoid/runs/"

    json = {"headers": {"accept": "application/json"}}
    assert ada.post(path, {"action": "color", "color": "9", "run": ids}, **json).json()["done"] == 2
    asked = {"action": "color", "color": "9", "of": "matching", "expected": "3"}
    assert ada.post(path, asked, **json).json()["done"] == 1
    assert set(Run.objects.values_list("color", flat=True)) == {9}

    assert lifecycle.color_many(runs[0].project, ids, 0) == 2
    assert sorted(Run.objects.values_list("color", flat=True), key=str) == [9, None, None]
    with pytest.raises(Invalid):
        lifecycle.color_many(runs[0].project, ids, 21)


def test_the_readers_palette_is_on_every_page_and_only_on_theirs(ada, runs):
    assert "data-palette" not in ada.get("/").content.decode()

    ada.post("/appearance/", {"palette": "safe"})

    page = ada.get("/p/lab/sinusoid/").content.decode()
    assert '<html lang="en" data-palette="safe">' in page
    assert "css/palettes.css" in page
    other = Client()
    other.force_login(make_user("bob"))
    assert "data-palette" not in other.get("/").content.decode()


def test_an_unknown_palette_changes_nothing(ada):
    assert ada.post("/appearance/", {"palette": "<b>"}).status_code == 400
    assert make_user("ada").palette == "standard"


@pytest.mark.parametrize("name", ["safe", "grey"])
def test_a_palette_has_every_slot_in_both_themes(name):
    css = PALETTES.read_text()

    light = block(css, f'\n[data-palette="{name}"]')
    by_system = block(css, f':root:not([data-theme="light"]) [data-palette="{name}"]')
    by_choice = block(css, f':root[data-theme="dark"] [data-palette="{name}"]')

    assert set(light) == set(by_choice) == NEEDED
    assert by_system == by_choice


@pytest.mark.parametrize("name", ["safe", "grey"])
@pytest.mark.parametrize(("theme", "start"), [("light", ""), ("dark", ':root[data-theme="dark"] ')])
def test_colors_of_a_palette_stand_out_and_letters_can_be_read_on_them(name, theme, start):
    selector = f'{start}[data-palette="{name}"]' if start else f'\n[data-palette="{name}"]'
    colors = block(PALETTES.read_text(), selector)
    surface = block(TOKENS.read_text(), ':root[data-theme="dark"]' if start else ":root ")

    for slot in range(1, 21):
        color = colors[f"--run-{slot}"]
        assert contrast(color, surface["--surface"]) >= 3
        assert contrast(color, colors[f"--ink-{slot}"]) >= 4.5


@pytest.mark.parametrize("start", ["\n", ':root[data-theme="dark"] '])
def test_grey_slots_are_told_apart_by_lightness_alone(start):
    colors = block(PALETTES.read_text(), f'{start}[data-palette="grey"]')
    greys = sorted(luminance(colors[f"--run-{slot}"]) ** (1 / 3) for slot in range(1, 11))

    assert min(b - a for a, b in zip(greys, greys[1:], strict=False)) > 0.035


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
