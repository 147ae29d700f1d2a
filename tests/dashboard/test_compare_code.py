"""The code section of the compare page: one pair line by line, and the files of all runs."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from experiments import left_out, snapshots
from experiments.models import Role, Run
from tests.dashboard.compared_runs import compared_runs
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Client:
    make_workspace("lab", ada=Role.VIEWER)
    client.force_login(make_user("ada"))
    return client


def with_code(*contents: dict[str, str] | None) -> list[Run]:
    """A run for each: its files, None for one without code."""
    project = make_project()
    runs = []
    for files in contents:
        code = None
        if files is not None:
            data = {path: text.encode() for path, text in files.items()}
            code = snapshots.store(workspace=project.workspace, files=data)
        runs.append(make_run(project, snapshot=code))
    return runs


def section(client: Client, runs: list[Run], **controls: str) -> str:
    asked = "".join(f"&{key}={value}" for key, value in controls.items())
    answer = client.get(f"/compare/code/?runs={','.join(run.pk for run in runs)}{asked}")
    assert answer.status_code == 200
    return answer.content.decode()


def tree(text: str) -> dict[str, str]:
    """What the tree says of each path."""
    found = re.findall(r'<a class="f[^>]* title="([^"]+)"[^>]*>(.*?)</a>', text, re.DOTALL)
    return {path: " ".join(unescape(re.sub("<[^>]*>", " ", said)).split()) for path, said in found}


def test_an_edit_of_the_source_is_shown_word_by_word(ada: Client):
    runs = compared_runs()

    text = section(ada, runs)

    assert "1 file differs" in text
    assert "worker/adaptation.py" in text
    assert "<ins>" in text
    assert "<del>" in text
    unified = section(ada, runs, view="unified")
    assert 'class="diff diff-unified"' in unified


def test_the_pair_and_the_tabs_of_the_code_are_in_the_address(ada: Client):
    runs = compared_runs()
    pair = {"old": runs[0].pk, "new": runs[1].pk, "tree": "pair"}

    assert "All 3 files of the two snapshots are equal" in section(ada, runs, **pair)
    assert "+new" in section(ada, runs, code="patch")
    packages = section(ada, runs, code="packages")
    assert '<span class="tag">minor</span>' in packages
    assert "python -m worker.runner pretrained" in section(ada, runs, code="command")


def test_the_section_comes_once_it_is_in_sight(ada: Client):
    runs = compared_runs()

    text = ada.get(f"/compare/?runs={','.join(run.pk for run in runs)}").content.decode()

    assert 'hx-get="/compare/code/?runs=' in text
    assert 'href="#code">Code<span class="count">1</span>' in text


def test_source_code_is_escaped(ada: Client):
    runs = with_code(*({"a.py": f"x = '<script>{i}</script>'\n"} for i in range(2)))

    text = section(ada, runs)

    assert "<script>0" not in text
    assert "&lt;script&gt;" in text


def test_every_file_in_which_any_runs_differ_is_counted(ada: Client):
    runs = with_code(
        {"a.py": "1\n", "b.py": "1\n", "c.py": "1\n"},
        {"a.py": "2\n", "b.py": "1\n", "c.py": "1\n"},
        {"a.py": "1\n", "b.py": "2\n", "c.py": "1\n"},
        {"a.py": "3\n", "b.py": "2\n", "c.py": "1\n", "d.py": "4\n"},
        None,
    )

    text = section(ada, runs, new=runs[1].pk)

    assert tree(text) == {
        "a.py": "a.py +1 −1 3 · 2",
        "b.py": "b.py same 2 · 2",
        "d.py": "d.py same 1 · 1",
    }
    assert "Among the 4 runs with code, 3 files differ" in text
    assert "3 contents; 2 of 4 runs have another than A" in text
    assert tree(section(ada, runs, new=runs[1].pk, tree="pair")) == {"a.py": "a.py +1 −1"}


def test_who_has_which_content_is_said_and_leads_there(ada: Client):
    runs = with_code({"a.py": "1\n"}, {"a.py": "2\n"}, {"a.py": "1\n"}, {"b.py": "1\n"})

    text = section(ada, runs, new=runs[1].pk, file="a.py")

    said = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text, re.DOTALL)
    words = [[" ".join(re.sub("<[^>]*>", " ", one).split()) for one in both] for both in said]
    assert words == [
        ["Content 1 2 runs", "A C"], ["Content 2 1 run", "B"], ["No such file 1 run", "D"],
    ]  # fmt: skip
    assert f'data-set="new={runs[3].pk}"' in text


def test_a_file_that_the_pair_has_alike_leads_to_runs_that_differ(ada: Client):
    runs = with_code({"a.py": "1\n"}, {"a.py": "1\n"}, {"a.py": "2\n"})

    text = section(ada, runs, new=runs[1].pk)

    assert "A and B have the same content. Choose a run with another one above." in text


def test_two_runs_have_no_counts_over_all(ada: Client):
    text = section(ada, with_code({"a.py": "1\n"}, {"a.py": "2\n"}))

    assert tree(text) == {"a.py": "a.py +1 −1"}
    assert "Of all runs" not in text


def test_what_a_hundred_snapshots_ask_does_not_grow_with_them(ada: Client):
    few = with_code(*({"a.py": f"{i}\n", "same.py": "1\n"} for i in range(3)))
    many = with_code(*({"a.py": f"{i}\n", "same.py": "1\n"} for i in range(40)))

    with CaptureQueriesContext(connection) as of_few:
        section(ada, few)
    with CaptureQueriesContext(connection) as of_many:
        section(ada, many)

    assert len(of_many) <= len(of_few)


def test_a_file_that_was_left_out_is_named_with_why(ada: Client):
    runs = with_code({"a.py": "1\n", "big.json": "1\n"}, {"a.py": "1\n"}, {"a.py": "1\n"})
    big = {"path": "big.json", "size": 5_000_000, "why": "larger than 1 MiB", "sha256": "a" * 64}
    left_out.store(runs[1], [big])
    left_out.store(runs[2], [{**big, "sha256": ""}], more=7)

    text = section(ada, runs, old=runs[0].pk, new=runs[1].pk)
    unknown = section(ada, runs, old=runs[1].pk, new=runs[2].pk)

    assert tree(text) == {"big.json": "big.json not recorded 3 · 2"}
    assert "Not recorded: 2 bytes before (recorded), 5,000,000 bytes after (larger than 1 MiB)" in (
        text
    )
    assert "Content 2, not recorded: larger than 1 MiB" in text
    assert "whether they differ is not known" in unknown
    assert "7 more files not recorded and not named" in unknown


def test_runs_of_others_are_not_found(ada: Client):
    runs = compared_runs()
    foreign = make_run(make_project(make_workspace("elsewhere"), "secret"))

    answer = ada.get(f"/compare/code/?runs={runs[0].pk},{foreign.pk}")

    assert answer.status_code == 404
