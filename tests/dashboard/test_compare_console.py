"""The consoles of two compared runs on the compare page."""

import pytest
from django.test import Client

from dashboard.comparison import console_section
from experiments.models import Role, Run
from tests.factories import make_log, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Client:
    make_workspace("lab", ada=Role.VIEWER)
    client.force_login(make_user("ada"))
    return client


def two_runs(first: str, second: str) -> list[Run]:
    runs = [make_run(name="first"), make_run(name="second")]
    make_log(runs[0], first)
    make_log(runs[1], second)
    return runs


def stamped(*texts: str, hour: int = 12) -> str:
    return "".join(f"{hour}:00:{i % 60:02} INFO {text}\n" for i, text in enumerate(texts))


def console(client: Client, runs: list[Run], extra: str = "") -> str:
    answer = client.get(f"/compare/console/?runs={','.join(run.pk for run in runs)}{extra}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_equal_stretches_are_folded_and_open_by_their_name(ada: Client):
    same = [f"line {i}" for i in range(20)]
    runs = two_runs(stamped(*same, "end a"), stamped(*same, "end b", hour=15))

    text = console(ada, runs)

    assert "17 equal lines: show" in text
    assert "line 3<" not in text
    assert "12:00:19 INFO line 19" in text
    assert "15:00:19 INFO line 19" in text  # the original text, with its time
    assert "line 3<" in console(ada, runs, "&unfold=1")


def test_the_compare_page_brings_the_section_when_it_is_reached(ada: Client):
    runs = two_runs(stamped("a"), stamped("b"))

    text = ada.get(f"/compare/?runs={runs[0].pk},{runs[1].pk}").content.decode()

    assert 'hx-get="/compare/console/?runs=' in text
    assert "INFO a" not in text


def test_standard_error_is_told_from_output(ada: Client):
    runs = two_runs("12:00:00 STDERR INFO oops\n", "12:00:00 INFO oops\n")

    text = console(ada, runs)

    assert text.count('<span class="std" title="standard error">err</span>') == 1
    assert "The same, times aside" in text


def test_hostile_lines_are_text(ada: Client):
    runs = two_runs(stamped("<script>alert(1)</script> 1"), stamped("<script>alert(1)</script> 2"))

    text = console(ada, runs)

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; <del>1</del>" in text


def test_more_rows_than_a_page_come_on_the_next(ada: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(console_section, "PAGE_ROWS", 10)
    runs = two_runs(stamped(*(f"a{i}x" for i in range(15))), stamped("b"))

    first, second = console(ada, runs), console(ada, runs, "&rows=10")

    assert "Rows 1 to 10 of 16" in first
    assert "Rows 11 to 16 of 16" in second
    assert "a14x" in second


@pytest.mark.parametrize("extra", ["&rows=%C2%B2", "&rows=-3", "&unfold=x,,&rows=99999999999999"])
def test_an_address_that_asks_for_nothing_there_shows_the_beginning(ada: Client, extra: str):
    assert "INFO a" in console(ada, two_runs(stamped("a"), stamped("b")), extra)


def test_runs_of_others_are_not_there(ada: Client):
    other = make_run(name="secret")
    other.project.workspace.memberships.all().delete()

    answer = ada.get(f"/compare/console/?runs={other.pk},{other.pk}")

    assert answer.status_code == 404
