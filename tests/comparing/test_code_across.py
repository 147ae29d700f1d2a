"""The code of many runs at once, and files that were not recorded."""

import pytest

from experiments import left_out, snapshots
from experiments.comparing import code, code_across
from experiments.comparing.code_files import Entry, left_out_of, same
from experiments.models import Run
from tests.factories import make_project, make_run

pytestmark = pytest.mark.django_db


def runs_of(*contents: dict[str, str]) -> list[Run]:
    project = make_project()
    runs = []
    for files in contents:
        data = {path: text.encode() for path, text in files.items()}
        stored = snapshots.store(workspace=project.workspace, files=data)
        runs.append(make_run(project, snapshot=stored))
    return runs


def test_files_that_differ_are_counted_by_content_and_by_run():
    runs = runs_of(
        {"a": "1", "b": "1", "same": "x"},
        {"a": "2", "b": "1", "same": "x"},
        {"a": "2", "same": "x"},
    )

    found = code_across.across(runs, baseline=runs[1].pk)

    assert [(file.path, file.contents, file.differing) for file in found.files] == [
        ("a", 2, 1),
        ("b", 1, 1),
    ]
    assert (found.same, found.baseline) == (1, runs[1])
    assert code_across.count(runs) == 2
    assert [entry is None for entry in found.files[1].held] == [False, False, True]


def test_runs_of_one_snapshot_are_read_once_and_differ_in_nothing():
    runs = runs_of(*[{"a": "1", "b": "2"}] * 3)

    found = code_across.across(runs, baseline=runs[0].pk)

    assert (found.files, found.same) == ((), 2)


def test_a_baseline_without_code_gives_way_to_the_first_run_that_has_some():
    bare = make_run()
    runs = [bare, *runs_of({"a": "1"}, {"a": "2"})]

    found = code_across.across(runs, baseline=bare.pk)

    assert (found.runs, found.baseline) == (tuple(runs[1:]), runs[1])
    assert code_across.across([bare], baseline=bare.pk).files == ()


def test_files_that_were_left_out_count_by_their_hash_else_by_their_size():
    runs = runs_of({"a": "1"}, {"a": "1"}, {"a": "1"})
    for run, sha, size in zip(runs, ("a" * 64, "a" * 64, ""), (5, 5, 6), strict=True):
        left_out.store(run, [{"path": "big", "why": "large", "size": size, "sha256": sha}])

    both = code_across.across(runs[:2], baseline=runs[0].pk)
    found = code_across.across(runs, baseline=runs[0].pk)

    assert (both.files, both.same) == ((), 2)
    assert (code_across.count(runs[:2]), code_across.count(runs)) == (0, 1)
    assert [(file.path, file.contents, file.differing) for file in found.files] == [("big", 2, 1)]


def test_more_paths_than_a_statement_holds(monkeypatch):
    monkeypatch.setattr(code_across, "MOST_NAMED", 1)
    runs = runs_of({"a": "1", "b": "1", "c": "1"}, {"a": "2", "b": "2", "c": "1"})

    found = code_across.across(runs, baseline=runs[0].pk)

    assert [file.path for file in found.files] == ["a", "b"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (None, None, True),
        (Entry("x", 1), None, False),
        (Entry("x", 1), Entry("x", None, "large"), True),
        (Entry("x", 1), Entry("", 1, "large"), None),
        (Entry("x", 1), Entry("", 2, "large"), False),
        (Entry("", None, "a link"), Entry("", None, "a link"), None),
    ],
)
def test_files_are_the_same_by_what_is_known_of_them(first, second, expected):
    assert same(first, second) is expected


def test_a_file_that_was_left_out_is_neither_added_nor_removed():
    old, new = runs_of({"a": "1\n", "b": "1\n"}, {"a": "1\n"})
    left_out.store(new, [{"path": "b", "why": "larger than 1 MiB", "size": 7, "sha256": ""}])
    lacking = left_out_of([old, new])

    (change,) = code.compare(old.snapshot, new.snapshot, left_out=({}, lacking[new.pk])).files

    assert (change.path, change.status, change.is_recorded) == ("b", "changed", False)
    assert (
        change.why == "Not recorded: 2 bytes before (recorded), 7 bytes after (larger than 1 MiB)."
    )


def test_names_of_files_left_out_replace_earlier_ones():
    run = make_run()
    left_out.store(run, [{"path": "a", "why": "x"}], more=2)
    left_out.store(run, [{"path": "b", "why": "x"}])

    assert left_out_of([run]) == {run.pk: {"b": Entry("", None, "x")}}
