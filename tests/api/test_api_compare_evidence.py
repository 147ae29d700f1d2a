"""Media and consoles of compared runs over REST."""

import pytest

from experiments.models import Run
from tests import factories
from tests.api.conftest import error_of
from tests.dashboard.media_files import put


@pytest.fixture
def runs(lab) -> list[Run]:
    return [factories.make_run(lab.project, name=name) for name in ("first", "second")]


def ask(lab, what: str, runs, **query):
    ids = ",".join(run.pk for run in runs)
    return lab.viewer.get(f"/api/v1/compare/{what}/", {"runs": ids, **query})


def test_media_are_told_name_by_name_each_run_at_its_nearest_step(lab, runs):
    for step in (0, 100):
        put(runs[0], f"image/samples/{step:012}.png", b"png")
    put(runs[1], "image/samples/000000000080.png", b"other")
    put(runs[1], "text/note/000000000900.txt", b"text")

    found = ask(lab, "media", runs, contains="image/", step=95).json()

    assert (found["step"], found["steps"], found["is_all"]) == (95, [0, 80, 100], True)
    (one,) = found["results"]
    assert (one["kind"], one["name"]) == ("image", "samples")
    assert {run_id: file["step"] for run_id, file in one["files"].items()} == {
        runs[0].pk: 100,
        runs[1].pk: 80,
    }
    content = lab.viewer.get(one["files"][runs[1].pk]["content"])
    assert b"".join(content.streaming_content) == b"other"


def test_media_of_one_run_are_at_its_last_step_and_come_page_by_page(lab, runs):
    for name in ("a", "b", "c"):
        put(runs[0], f"text/{name}/000000000007.txt", b"x")

    first = ask(lab, "media", runs[:1], limit=2).json()
    second = lab.viewer.get(first["next"]).json()

    assert first["step"] == 7
    assert [one["name"] for one in first["results"] + second["results"]] == ["a", "b", "c"]
    assert second["next"] is None
    assert ask(lab, "media", runs, contains="c").json()["results"][0]["files"][runs[1].pk] is None


@pytest.mark.parametrize("step", ["x", "²", "1.5", "9" * 16, "9" * 5000])
def test_a_step_that_is_none_is_refused(lab, runs, step):
    answer = ask(lab, "media", runs, step=step)

    assert answer.status_code == 400
    assert "step" in error_of(answer)["fields"]


def test_consoles_are_aligned_as_if_no_line_told_a_time(lab, runs):
    factories.make_log(runs[0], "12:00:00 INFO start\n12:00:01 INFO loss 0.5\nonly here\n")
    factories.make_log(runs[1], "15:30:00 INFO start\n15:30:09 INFO loss 0.4\n")

    found = ask(lab, "console", runs).json()

    assert found["old"] == {"run": runs[0].pk, "total": 3, "left_out": 0}
    assert (found["changed"], found["only_old"], found["only_new"]) == (1, 1, 0)
    kinds = [row["kind"] for row in found["results"]]
    assert kinds == ["same", "changed", "only_old"]
    changed = found["results"][1]
    marked = [[side["text"][a:b] for a, b in side["words"]]
              for side in (changed["old"], changed["new"])]  # fmt: skip
    assert marked == [["5"], ["4"]] or marked == [["0.5"], ["0.4"]]
    assert found["results"][2]["new"] is None


def test_rows_that_differ_are_asked_for_alone_page_by_page(lab, runs):
    factories.make_log(runs[0], "a\nsame\nb\n")
    factories.make_log(runs[1], "c\nsame\nd\n")

    first = ask(lab, "console", runs, differs="1", limit=3).json()
    second = lab.viewer.get(first["next"]).json()

    texts = [(row["old"] or row["new"])["text"] for row in first["results"] + second["results"]]
    assert sorted(texts) == ["a", "b", "c", "d"]
    assert second["only_new"] == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [({"stream": "both"}, "stream"), ({"differs": "yes"}, "differs"), ({"runs": "a"}, "runs")],
)
def test_words_that_are_not_known_are_refused_by_name(lab, runs, query, field):
    answer = lab.viewer.get(
        "/api/v1/compare/console/", {"runs": f"{runs[0].pk},{runs[1].pk}", **query}
    )

    assert answer.status_code == 400
    assert field in error_of(answer)["fields"]


def test_three_runs_have_no_pair_of_consoles(lab, runs):
    third = factories.make_run(lab.project)

    answer = ask(lab, "console", [*runs, third])

    assert answer.status_code == 400
    assert error_of(answer)["message"] == "runs: Name 2 runs, separated by commas."
