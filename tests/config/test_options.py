"""The command line of `./run`: answered at once, in one sentence where it is not understood."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config import env, options
from config.refusal import StartRefused

NAMES = ("--host", "--port", "--data", "--workers", "--demo")


def on_a_bare_python(tmp_path: Path, *arguments: str, **variables: str):
    """The first stage of `./run` without any installed package, nor an environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METASCOPE_")}
    return subprocess.run(
        [sys.executable, "-S", "-P", "-m", "config.install", "run", *arguments],
        env={**kept, "PYTHONPATH": str(settings.BASE_DIR),
             "METASCOPE_VENV": str(tmp_path / "venv"), **variables},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_help_needs_no_installation(tmp_path):
    done = on_a_bare_python(tmp_path, "--help")

    assert done.returncode == 0
    assert all(name in done.stdout for name in NAMES)
    assert not done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    ("arguments", "variables", "status"),
    [
        (["--hots"], {}, 2),
        (["--host", "0.0.0.0"], {}, 1),
        ([], {"METASCOPE_WORKERS": "many"}, 1),
    ],
)
def test_mistake_is_told_before_anything_is_installed(tmp_path, arguments, variables, status):
    done = on_a_bare_python(tmp_path, *arguments, **variables)

    assert done.returncode == status
    assert done.stderr.startswith("metascope: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "abc"], "--port 'abc' is not understood: use a whole number from 0 to 65535."),
        (["--port", "70000"], "--port '70000' is not understood: use a whole number from 0 to"),
        (["--port", "8²"], "--port '8²' is not understood: use a whole number"),
        (["--port", "9" * 5000], "is not understood: use a whole number"),
        (["--workers", "0"], "--workers '0' is not understood: use a whole number from 1 to 1024."),
        (["--workers"], "--workers expected one argument."),
        (["--hots"], "--hots is no option (did you mean --host?): choose from --help, --host, "),
        (["--por=1"], "--por=1 is no option (did you mean --port?)"),
        (["data"], "data is no option"),
        (["--data", ""], "--data is empty: name a folder."),
    ],
)
def test_option_that_is_not_understood_is_named_in_one_sentence(capsys, arguments, sentence):
    with pytest.raises(SystemExit) as ended:
        options.parse(arguments)

    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert sentence in told
    assert told.startswith("metascope: ")
    assert told.count("\n") == 1


def test_options_are_read(tmp_path, monkeypatch):
    monkeypatch.setenv("METASCOPE_DATA", str(tmp_path / "of the environment"))
    monkeypatch.setenv("METASCOPE_WORKERS", "3")

    found = options.parse(["--port", "0", "--demo"])
    given = options.parse(["--data", str(tmp_path / "given"), "--workers", "1024"])

    assert found == options.Options(
        "127.0.0.1", 0, tmp_path / "of the environment", workers=3, demo=True
    )
    assert (given.data, given.workers) == (tmp_path / "given", 1024)


@pytest.mark.parametrize("value", ["soon", "3", "", "--5", "²", "9" * 5000])
def test_variable_that_is_no_number_within_bounds_is_refused(monkeypatch, value):
    monkeypatch.setenv("METASCOPE_LEASE_S", value)

    with pytest.raises(StartRefused, match="METASCOPE_LEASE_S=.* whole number from 4 to"):
        env.number("METASCOPE_LEASE_S", 30, least=4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("METASCOPE_LEASE_S", "soon"),
        ("METASCOPE_TRASH_DAYS", "0"),  # what was deleted by mistake would be gone at once
        ("METASCOPE_TRASH_DAYS", "36501"),  # a moment that no database can name
    ],
)
def test_command_beside_the_product_tells_a_bad_variable_in_one_sentence(name, value):
    done = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "create_token", "admin"],
        env={**os.environ, name: value},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.startswith(f"metascope: {name}={value!r} is not understood")
    assert done.stderr.count("\n") == 1
