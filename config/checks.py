"""`./test`, once the packages are installed: linters, types, contracts, then every test."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from config import browser, install, throwaway
from config.options import ROOT

BIN = Path(sys.executable).parent
LINTERS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
    ("python", "manage.py", "makemigrations", "--check", "--dry-run"),
)
QUICK = "not slow and not browser and not integrations"
# What uses a database, by the rule of tests/conftest.py; of the slow tests, those that say so.
POSTGRESQL = f"(database and {QUICK}) or on_postgresql"


def main(arguments: list[str]) -> int:
    """The exit status: 0 when everything passed. pytest's own summary is the last thing printed."""
    parser = argparse.ArgumentParser(prog="./test", description="Checks everything.")
    parser.add_argument(
        "--fast",
        action="store_true",
        help="leave out slow and browser tests, PostgreSQL and training frameworks",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        help="`lint`, `postgresql`, `integrations`, or test files and pytest options",
    )
    given, options = parser.parse_known_args(arguments)
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="metascope-test-") as data:
        # Never the data folder of an instance that runs from this checkout, nor its settings.
        for name in [name for name in os.environ if name.startswith("METASCOPE_")]:
            if name not in ("METASCOPE_VENV", "METASCOPE_PYTHON"):
                del os.environ[name]
        os.environ["METASCOPE_DATA"] = data
        if given.paths == ["lint"]:
            return 1 if _lint() else 0
        if given.paths == ["postgresql"]:
            return 1 if _on_postgresql() else 0
        if given.paths == ["integrations"]:
            return 1 if _with_frameworks() else 0
        if given.paths or options:
            return _run(["pytest", *given.paths, *options])
        return _everything(fast=given.fast)


def _everything(*, fast: bool) -> int:
    if not fast and not browser.ensure():
        return 1
    failed = _lint()
    stages: list[Sequence[str]] = [("pytest", "-m", QUICK, "-n", "2")]
    if not fast:
        # By module: what a module has started (the product, a live server) is shared by its tests.
        stages.append(("pytest", "-m", "slow or browser", "-n", "2", "--dist", "loadscope"))
    for stage in stages:
        if failed:
            print(f"\nFailed so far: {'; '.join(failed)}", flush=True)
        if _run(stage) != 0:
            failed.append(" ".join(stage))
    if not fast:
        failed += _on_postgresql() + _with_frameworks()
    if failed:
        print(f"\nFailed: {'; '.join(failed)}", flush=True)
    return 1 if failed else 0


def _on_postgresql() -> list[str]:
    """The tests that use a database once more, on a server of their own; whether they failed."""
    stage = ("pytest", "-m", POSTGRESQL, "-n", "2")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not without ending the server
    try:
        with throwaway.server() as url:
            print(f"\nPostgreSQL: {throwaway.version()}", flush=True)
            failed = _run(stage, METASCOPE_DATABASE_URL=url) != 0
    except throwaway.NoServer as reason:
        print(f"\nPostgreSQL: its tests are left out, as {reason}.", flush=True)
        return []
    except throwaway.ServerFailed as reason:
        print(f"\nPostgreSQL: {reason}", flush=True)
        return ["starting PostgreSQL"]
    return [f"on PostgreSQL: {' '.join(stage)}"] if failed else []


def _with_frameworks() -> list[str]:
    """The client's integrations with the real frameworks, installed for them; whether they failed.

    One that cannot be installed or imported fails: nothing is left out.
    """
    try:
        install.ensure_environment(Path(sys.prefix), ROOT / "requirements-integrations.txt")
    except install.InstallRefused as refusal:
        print(f"\nFrameworks: {refusal}", flush=True)
        return ["installing the frameworks"]
    stage = ("pytest", "-m", "integrations", "-n", "2", "--dist", "loadscope")
    return [" ".join(stage)] if _run(stage) != 0 else []


def _lint() -> list[str]:
    """The checks that failed."""
    return [" ".join(linter) for linter in LINTERS if _run(linter) != 0]


def _run(command: Sequence[str], **variables: str) -> int:
    print(f"\n$ {' '.join(command)}", flush=True)
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], env={**os.environ, **variables}
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
