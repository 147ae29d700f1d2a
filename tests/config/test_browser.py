"""`./test` finds a Chromium, installs one where it may, or says in a sentence what to do."""

import os
import sys
from pathlib import Path

import pytest

from config import browser


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs of a machine without a browser, whose user is root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return folder


@pytest.fixture
def no_download(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Playwright has no browser and gets none."""
    monkeypatch.setattr(browser, "_playwright_has_one", lambda: False)
    monkeypatch.setattr(sys, "executable", str(program(machine, "python", "exit 1")))


def program(folder: Path, name: str, script: str = "") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", browser.NAMES)
def test_the_machines_own_is_taken_whatever_it_is_called(machine, name, capfd):
    path = program(machine, name)

    assert browser.ensure()

    assert browser.on_path() == str(path)
    assert capfd.readouterr().out == ""


def test_debians_package_is_installed_by_root(machine, no_download):
    calls = machine / "calls"
    made = machine / "chromium"
    program(
        machine,
        "apt-get",
        f'echo "$@" >> {calls}; case "$*" in *chromium*) : > {made}; /bin/chmod +x {made};; esac',
    )

    assert browser.ensure()

    assert calls.read_text().splitlines() == [
        "--quiet update",
        "--quiet install --yes --no-install-recommends chromium",
    ]


def test_others_ask_sudo_which_must_not_ask_back(machine, no_download, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    calls = machine / "calls"
    program(machine, "apt-get")
    program(machine, "sudo", f'echo "$1" >> {calls}; exit 1')

    assert not browser.ensure()

    assert set(calls.read_text().splitlines()) == {"--non-interactive"}


def test_where_nothing_can_be_installed_one_sentence_says_what_to_do(machine, no_download, capfd):
    assert not browser.ensure()

    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("metascope: the browser tests need Chromium")
    assert "apt install chromium" in last
    assert "./test --fast" in last


def test_playwrights_own_download_is_tried_last_and_taken(machine, monkeypatch):
    answers = iter([False, True])
    monkeypatch.setattr(browser, "_playwright_has_one", lambda: next(answers))
    ran = []
    monkeypatch.setattr(browser.subprocess, "run", lambda command, **_: ran.append(command))

    assert browser.ensure()

    assert ran == [[sys.executable, "-m", "playwright", "install", "chromium"]]


def test_an_empty_download_folder_is_no_browser(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))

    assert not browser._playwright_has_one()
