"""`metascope run` names the project after the folder, in a form that the server takes."""

from pathlib import Path

import pytest
from metascope._cli import _project_of

from experiments.problems import Problems


@pytest.mark.parametrize(
    ("folder", "slug"),
    [
        ("few-shot", "few-shot"),
        ("My Experiments (2026)", "my-experiments-2026"),
        ("Größe_of.things", "grosse-of-things"),
        ("--x--", "x"),
        ("実験", "scripts"),
        ("", "scripts"),
        ("a" * 63 + "-b", "a" * 63),
    ],
)
def test_any_folder_gives_a_slug_and_a_change_is_said(capsys, folder, slug):
    found = _project_of(Path("/home") / folder if folder else Path("/"))

    problems = Problems()
    problems.slug("project", found)
    problems.check()
    assert found == slug
    said = capsys.readouterr().err
    assert said == ("" if folder == slug else said)
    assert (f"the project is {slug!r}, after the folder {folder!r}" in said) == (folder != slug)
