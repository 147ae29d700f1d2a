"""Characters that turn text around: shown as what they are in every page, part and chart."""

import json
import re

import numpy as np
import pytest
from django.test import Client

from dashboard.text_direction import CONTROLS, visible, visible_page
from experiments import recording, snapshots
from experiments.models import Comment, Role, Run
from experiments.shapes import SeriesPoints
from tests.factories import make_log, make_project, make_run, make_user, make_workspace

TURNED = "gpj\u202eexe.\u2066x"
SHOWN = "gpj[U+202E]exe.[U+2066]x"


def test_each_of_them_is_shown_by_its_number():
    assert visible(TURNED) == SHOWN
    assert visible("שלום and مرحبا stay") == "שלום and مرحبا stay"
    assert all(CONTROLS.search(chr(code)) for code in (0x202A, 0x202E, 0x2066, 0x2069))


@pytest.mark.parametrize(
    "kept",
    [
        '<input value="a\u202eb" title="x > y">',
        "<input value='a\u202e\"b'>",
        "<textarea>a\u202eb</textarea>",
        '<script type="application/json">"a\u202eb"</script>',
        "<style>a\u202eb</style>",
        "<!-- a\u202eb > c -->",
        "1 < 2 and a > b",
        "<p>",
    ],
)
def test_what_is_sent_back_or_read_by_scripts_stays_as_it_is(kept: str):
    assert visible_page(kept) == kept


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<title>a\u202eb</title>", "<title>a[U+202E]b</title>"),
        (
            '<option value="a\u202eb">a\u202eb</option>',
            '<option value="a\u202eb">a[U+202E]b</option>',
        ),
        (
            "<svg><text>a\u202eb</text></svg>",
            "<svg><text>a[U+202E]b</text></svg>",
        ),
    ],
)
def test_where_no_element_can_stand_the_number_is_text(page: str, expected: str):
    assert visible_page(page) == expected


def test_in_text_the_number_is_marked():
    found = visible_page("<p>a\u202eb < c</p>")

    assert re.sub("<[^>]+>", "", found.replace(" < ", " lt ")) == "a[U+202E]b lt c"
    assert '<span class="turns"' in found


@pytest.fixture
def ada(client: Client, db: None) -> Client:
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def runs(db) -> list[Run]:
    """Two runs, turned around wherever strangers can write."""
    lab = make_workspace("lab", ada=Role.MEMBER)
    project = make_project(lab, "sinusoid", name=f"project {TURNED}")
    runs = []
    for place in range(2):
        run = make_run(
            project,
            f"run {TURNED} {place}",
            status="completed",
            group=f"group {TURNED}",
            params={f"key {TURNED}".replace(".", ""): f"{TURNED} {place}"},
            notes=f"note {TURNED}",
            command=f"python {TURNED}",
            environment={"python": TURNED},
            snapshot=snapshots.store(
                workspace=lab, files={"train.py": f"# {TURNED} {place}\n".encode()}
            ),
        )
        run.tag_rows.create(project=project, name=f"tag {TURNED}", value=TURNED, text=TURNED)
        Comment.objects.create(run=run, author=make_user("ada"), text=f"comment {TURNED}")
        steps = np.arange(5, dtype=np.int64)
        series = SeriesPoints(f"train/{TURNED}", steps, 1.79e9 + steps, 1.0 * steps)
        recording.record(run_id=run.pk, client="c", number=0, series=[series])
        make_log(run, f"12:00:00 INFO {TURNED}\n")
        runs.append(run)
    return runs


PAGES = (
    "/", "/runs/", "/p/lab/sinusoid/", "/p/lab/sinusoid/?group=group", "/queue/", "/compare/",
    "/compare/?runs={0},{1}", "/compare/code/?runs={0},{1}", "/compare/console/?runs={0},{1}",
    "/compare/params/?runs={0},{1}", "/compare/media/?runs={0},{1}",
    "/compare/?runs={0},{1}&pick=1",
    "/runs/{0}/", "/runs/{0}/?tab=charts", "/runs/{0}/?tab=params", "/runs/{0}/?tab=console",
    "/runs/{0}/?tab=code", "/runs/{0}/?tab=environment", "/palette/?q=run",
)  # fmt: skip
# Scripts, fields and attributes, in which these characters stay.
SILENT = re.compile(
    r"<(script|style|textarea)\b.*?</\1>|<!--.*?-->|<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", re.DOTALL
)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_turned_around(ada: Client, runs: list[Run], path: str):
    answer = ada.get(path.format(runs[0].pk, runs[1].pk), follow=True)

    read = SILENT.sub("", answer.content.decode())
    assert answer.status_code == 200
    assert CONTROLS.search(read) is None


def test_what_is_shown_says_where_they_are(ada: Client, runs: list[Run]):
    text = SILENT.sub("", ada.get(f"/runs/{runs[0].pk}/").content.decode())
    code = SILENT.sub(
        "", ada.get(f"/compare/code/?runs={runs[0].pk},{runs[1].pk}").content.decode()
    )

    assert f"run {SHOWN} 0" in text
    assert "[U+202E]" in code


def test_no_chart_is_turned_around(ada: Client, runs: list[Run]):
    there = f"/compare/charts/curve/?runs={runs[0].pk},{runs[1].pk}&key=train/{TURNED}"

    answer = ada.get(there)

    names = [trace.get("name") for trace in json.loads(answer.content)["figure"]["data"]]
    assert f"A run {SHOWN} 0" in names
    assert CONTROLS.search(json.dumps(json.loads(answer.content), ensure_ascii=False)) is None


def test_lines_of_a_console_are_not_turned_around(ada: Client, runs: list[Run]):
    answer = ada.get(f"/runs/{runs[0].pk}/console/")

    assert SHOWN in json.loads(answer.content)["lines"][0]["text"]


def test_a_file_that_is_taken_along_is_what_was_stored(ada: Client, runs: list[Run]):
    answer = ada.get(f"/compare/metrics.csv?runs={runs[0].pk},{runs[1].pk}")

    assert TURNED in answer.content.decode()
