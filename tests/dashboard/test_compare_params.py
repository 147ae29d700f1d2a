"""The params of the compare page: a tree that folds, searched over all, thousands of lines."""

import re
from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client

from dashboard.comparison import param_tree
from experiments.models import Role, Run
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db

NESTED = {
    "seed": 1,
    "inner": {"lr": 0.1, "optimizer": {"name": "sgd", "beta": {"one": 0.9}}, "steps": 1},
    "outer": {"lr": 0.01},
}


@pytest.fixture
def ada(client: Client) -> Client:
    make_workspace("lab", ada=Role.VIEWER)
    client.force_login(make_user("ada"))
    return client


def pair(first: dict, second: dict) -> list[Run]:
    project = make_project()
    return [make_run(project, params=params) for params in (first, second)]


def section(client: Client, runs: list[Run], **controls: str) -> str:
    asked = "".join(f"&{key}={quote(value)}" for key, value in controls.items())
    answer = client.get(f"/compare/params/?runs={','.join(run.pk for run in runs)}{asked}")
    assert answer.status_code == 200
    return answer.content.decode()


def lines(text: str) -> list[str]:
    """The lines of the tree: its params by key, its groups by what their heads say."""
    found = re.findall(
        r'<tr data-line data-path="([^"]+)"|<tr class="group"[^>]*>(.*?)</tr>', text, re.DOTALL
    )
    return [key or " ".join(unescape(re.sub("<[^>]*>", " ", head)).split()) for key, head in found]


def toggle(text: str, path: str) -> str:
    found = re.search(rf'data-set="pfolds=([^"]*)"[^>]*data-same-control="{path}"', text)
    assert found is not None
    return unescape(found[1])


def test_params_stand_below_their_groups(ada: Client):
    runs = pair(NESTED, {**NESTED, "outer": {"lr": 0.02}})

    assert lines(section(ada, runs, differs="0")) == [
        "seed",
        "inner 4 params, 0 differ",
        "inner.lr",
        "inner.steps",
        "optimizer 2 params, 0 differ",
        "inner.optimizer.name",
        "beta 1 param, 0 differ",
        "inner.optimizer.beta.one",
        "outer 1 param, 1 differs",
        "outer.lr",
    ]
    assert lines(section(ada, runs)) == ["outer 1 param", "outer.lr"]


def test_a_group_folds_and_opens_again(ada: Client):
    runs = pair(NESTED, NESTED)
    asked = {"differs": "0"}

    folded = toggle(section(ada, runs, **asked), "inner.optimizer")
    text = section(ada, runs, **asked, pfolds=folded)

    assert folded == "inner.optimizer"
    assert "inner.steps" in lines(text)
    assert "optimizer 2 params, 0 differ" in lines(text)
    assert "inner.optimizer.name" not in lines(text)
    assert toggle(text, "inner.optimizer") == ""


def test_all_groups_fold_and_one_of_them_opens(ada: Client):
    runs = pair(NESTED, NESTED)

    text = section(ada, runs, differs="0", pfolds="*")
    opened = toggle(text, "outer")

    assert lines(text) == ["seed", "inner 4 params, 0 differ", "outer 1 param, 0 differ"]
    assert "Unfold all" in text
    assert "outer.lr" in lines(section(ada, runs, differs="0", pfolds=opened))


def test_a_comma_in_the_name_of_a_group_stays_one_name(ada: Client):
    runs = pair({"a,b": {"x": 1}}, {"a,b": {"x": 2}})

    text = section(ada, runs, pfolds=toggle(section(ada, runs), "a,b"))

    assert lines(text) == ["a,b 1 param"]


def test_a_search_looks_into_folded_groups_and_behind_what_is_shown(ada: Client, monkeypatch):
    monkeypatch.setattr(param_tree, "MOST_CELLS", 1)
    monkeypatch.setattr(param_tree, "LEAST_LINES", 3)
    wide = {f"layer_{n}": {"width": n} for n in range(20)}
    runs = pair(wide, {**wide, "layer_19": {"width": 0}})

    text = section(ada, runs, differs="0", pfolds="*", search="R_19")

    assert lines(text) == ["layer_19 1 param, 1 differs", "layer_19.width"]
    assert "1 shown contains “R_19”" in text
    assert "No param that differs contains this." in section(ada, runs, search="nowhere")


def test_thousands_of_params_come_a_part_at_a_time(ada: Client):
    many = {f"group_{n // 100}": {} for n in range(5_000)}
    for n in range(5_000):
        many[f"group_{n // 100}"][f"param_{n}"] = n
    runs = pair(many, {})

    text = section(ada, runs)
    shown = lines(text)
    assert len(shown) == param_tree.MOST_CELLS // 2
    assert "5,000 of 5,000 differ" in text
    while more := re.search(r'hx-get="([^"]+)"', text):
        answer = ada.get(unescape(more[1]), headers={"HX-Request": "true"})
        text = answer.content.decode()
        assert text.startswith("<tbody>")
        shown += lines(text)

    assert [key for key in shown if "." in key] == [
        f"group_{n // 100}.param_{n}" for n in range(5_000)
    ]


def test_the_lines_that_follow_are_a_page_without_scripts(ada: Client, monkeypatch):
    monkeypatch.setattr(param_tree, "MOST_CELLS", 1)
    monkeypatch.setattr(param_tree, "LEAST_LINES", 2)
    runs = pair({"a": 1, "b": 1, "c": 1}, {})

    text = section(ada, runs)
    more = re.search(r'<a href="([^"]+)">1 more line</a>', text)

    assert more is not None
    following = ada.get(unescape(more[1])).content.decode()
    assert lines(following) == ["c"]
    assert "<html" in following


def test_who_has_many_lines_already_keeps_them(ada: Client, monkeypatch):
    monkeypatch.setattr(param_tree, "MOST_CELLS", 1)
    monkeypatch.setattr(param_tree, "LEAST_LINES", 2)
    runs = pair(dict.fromkeys("abcdefg", 1), {})

    assert lines(section(ada, runs, lines="5")) == list("abcde")
    assert lines(section(ada, runs, lines="x")) == ["a", "b"]


@pytest.mark.parametrize("start", ["-1", "x", "9999999", "²"])
def test_a_place_that_is_none_is_the_beginning_or_the_end(ada: Client, start: str):
    runs = pair({"a": 1}, {})

    assert lines(section(ada, runs, **{"from": start})) == ["a"]


def test_runs_of_others_are_not_found(ada: Client):
    foreign = make_run(make_project(make_workspace("elsewhere"), "secret"))

    assert ada.get(f"/compare/params/?runs={foreign.pk},{foreign.pk}").status_code == 404
