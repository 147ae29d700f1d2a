"""Notebooks compared cell by cell."""

import json
from typing import Any

import pytest
from django.test import Client

from experiments import snapshots
from experiments.comparing import notebooks
from experiments.comparing.notebooks import CellPair, cells_of, paired
from experiments.models import Role
from tests.factories import make_run, make_user, make_workspace


def cell(source: str, name: str = "", kind: str = "code", **more: Any) -> dict[str, Any]:
    return {"cell_type": kind, "source": source, **({"id": name} if name else {}), **more}


def notebook(*cells: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"nbformat": 4, "cells": list(cells), **more}).encode()


def pairs(old: bytes, new: bytes) -> list[CellPair]:
    before, after = cells_of("a.ipynb", old), cells_of("a.ipynb", new)
    assert before is not None
    assert after is not None
    return paired(before, after)


def sources(found: list[CellPair]) -> list[tuple[str | None, str | None]]:
    return [(one.old and one.old.source, one.new and one.new.source) for one in found]


def test_cells_are_paired_by_their_ids_whatever_they_say():
    found = pairs(
        notebook(cell("a = 1", "x"), cell("b = 2", "y")),
        notebook(cell("new", "z"), cell("something else", "x"), cell("b = 2", "y")),
    )

    assert sources(found) == [(None, "new"), ("a = 1", "something else"), ("b = 2", "b = 2")]


def test_without_ids_cells_are_paired_by_what_they_say():
    found = pairs(
        notebook(cell("import torch"), cell("lr = 0.1\nsteps = 5"), cell("done()")),
        notebook(cell("import torch"), cell("# hi", kind="markdown"),
                 cell("lr = 0.2\nsteps = 5"), cell("done()")),
    )  # fmt: skip

    assert sources(found) == [
        ("import torch", "import torch"),
        (None, "# hi"),
        ("lr = 0.1\nsteps = 5", "lr = 0.2\nsteps = 5"),
        ("done()", "done()"),
    ]


def test_a_cell_that_moved_says_so():
    found = pairs(
        notebook(cell("a", "x"), cell("b", "y"), cell("c", "z")),
        notebook(cell("b", "y"), cell("c", "z"), cell("a", "x")),
    )

    assert [one.is_moved for one in found] == [True, False, False, True]


def test_outputs_counts_and_metadata_are_no_difference():
    (found,) = pairs(
        notebook(cell("a", "x", execution_count=1, outputs=[{"text": "1"}], metadata={"k": 1})),
        notebook(cell("a", "x", execution_count=9, outputs=[{"text": "2"}]), metadata={"v": 2}),
    )

    assert found.is_same


@pytest.mark.parametrize(
    "data",
    [
        b"{", b"[]", b"{}", b'{"cells": 1}', b'{"cells": [1]}', b"\xff\xfe", b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_malformed_notebook_is_none(data: bytes):
    assert cells_of("a.ipynb", data) is None


def test_sources_may_be_lists_of_lines_and_of_the_third_format():
    four = cells_of("a.ipynb", notebook({"cell_type": "code", "source": ["a\n", "b"]}))
    sheet = {"cells": [{"cell_type": "code", "input": ["a\n", "b"]}]}
    three = cells_of("a.ipynb", json.dumps({"nbformat": 3, "worksheets": [sheet]}).encode())

    assert four is not None
    assert three is not None
    assert [one.source for one in (*four, *three)] == ["a\nb", "a\nb"]
    assert notebooks.as_text(four) == b"a\nb\n"


def compared(client: Client, old: bytes, new: bytes, extra: str = "") -> str:
    workspace = make_workspace("lab", ada=Role.VIEWER)
    client.force_login(make_user("ada"))
    runs = [
        make_run(snapshot=snapshots.store(workspace=workspace, files={"nb.ipynb": data}))
        for data in (old, new)
    ]
    answer = client.get(f"/compare/code/?runs={runs[0].pk},{runs[1].pk}{extra}")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("view", ["", "&view=unified"])
def test_the_compare_page_shows_cells_in_both_layouts(client: Client, view: str):
    old = notebook(cell("same", "s"), cell("lr = <b>1</b>", "x", outputs=[{"text": "secret"}]))
    new = notebook(cell("same", "s"), cell("lr = <b>2</b>", "x", outputs=[]))

    text = compared(client, old, new, view)

    assert "Cell 2 · code · changed" in text
    assert "1 equal cell: show all" in text
    assert "1 of 2 cells differs; outputs differ in 1 and are left out" in text
    assert "<b>1</b>" not in text
    assert "secret" not in text


@pytest.mark.django_db
def test_equal_cells_are_shown_when_asked(client: Client):
    old = notebook(cell("stays = True", "s"), cell("a", "x"))
    new = notebook(cell("stays = True", "s"), cell("b", "x"))

    assert ">stays<" in compared(client, old, new, "&context=all")
    assert ">stays<" not in compared(client, old, new)


@pytest.mark.django_db
def test_a_notebook_that_differs_in_outputs_alone_has_no_changed_line(client: Client):
    old = notebook(cell("same", "s", outputs=[{"text": "1"}]))
    new = notebook(cell("same", "s", outputs=[{"text": "2"}]))

    text = compared(client, old, new)

    assert '<b class="plus">+0</b>' in text
    assert "0 of 1 cell differ; outputs differ in 1" in text


@pytest.mark.django_db
def test_a_malformed_notebook_is_shown_as_text(client: Client):
    text = compared(client, notebook(cell("a")), b"{ not json")

    assert "not json" in text
    assert "Cell 1" not in text
