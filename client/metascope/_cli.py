"""The command line: `metascope login`, `run`, `sync`, `ls` and `cp`."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import importlib.util
import os
import re
import runpy
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

from metascope import _cli_artifacts, _settings
from metascope._api import Api, no_metascope
from metascope._channel import say
from metascope._delivery import AGAIN, counted
from metascope._ending import left_by
from metascope._errors import Denied, MetascopeError, Unreachable
from metascope._start import start
from metascope._sweep import sweep
from metascope._sync import refused_before, sync

PIPE_LEFT = 141  # as shells tell a process that SIGPIPE has ended
LONGEST_SLUG = 64  # as the server has it
CREATE_TOKEN = (
    "beside the server by `[METASCOPE_DATA=DIR] .venv/bin/python manage.py create_token USER`"
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0 where all went well."""
    parser = argparse.ArgumentParser(prog="metascope", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    login = commands.add_parser("login", help="keep the server's URL and your token")
    login.add_argument("url")
    login.add_argument("--token", help="asked for when left out")
    login.set_defaults(call=_login)
    run = commands.add_parser("run", help="run a Python script and record it")
    run.add_argument("--project", help="METASCOPE_PROJECT, or the folder's name, when left out")
    run.add_argument("--name", default="", help="of the run")
    run.add_argument("-m", dest="is_module", action="store_true", help="SCRIPT is a module's name")
    run.add_argument("script", metavar="SCRIPT")
    run.add_argument("arguments", nargs=argparse.REMAINDER)
    run.set_defaults(call=_run)
    sent = commands.add_parser("sync", help="send what earlier runs could not")
    sent.add_argument(
        "--to", metavar="URL", help="the server's new address: runs made at its old one go there"
    )
    sent.add_argument(
        "--retry-refused", action="store_true", help="send again what the server refused before"
    )
    sent.set_defaults(call=_sync)
    _cli_artifacts.add(commands)
    asked = parser.parse_args(arguments)
    call: Callable[[argparse.Namespace], int] = asked.call
    return call(asked) if call is _run else _unless_left(call, asked)


def _unless_left(call: Callable[[argparse.Namespace], int], asked: argparse.Namespace) -> int:
    """A reader such as `head` that has seen enough ends the command, without a word."""
    try:
        status = call(asked)
        if sys.stdout is not None:  # closed before Python began
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush
        return PIPE_LEFT
    return status


def _login(asked: argparse.Namespace) -> int:
    token = (asked.token or getpass.getpass("API token: ")).strip()
    try:
        name = _name_of(asked.url, token)
    except MetascopeError as error:
        print(f"Not kept: {error}.", file=sys.stderr)
        return 1
    path = _settings.store(asked.url, token)
    print(f"{name} at {asked.url}; kept in {path}")
    return 0


def _name_of(url: str, token: str) -> str:
    """The user whose token it is. Raises MetascopeError saying what to do."""
    unknown = f"{url} does not know this token: make one on its page /tokens/, or {CREATE_TOKEN}"
    if not (token.isascii() and token.isprintable()):  # no header can hold it
        raise Denied(unknown)
    try:
        me = Api(url, token).get("users/me/")
    except Denied as error:
        raise (Denied(unknown) if error.code else error) from error
    if not (isinstance(me, dict) and isinstance(me.get("username"), str)):
        raise Unreachable(no_metascope(url, "with other JSON"))
    return str(me["username"])


def _run(asked: argparse.Namespace) -> int:
    script: str = asked.script
    if asked.is_module:
        sys.path[0] = os.getcwd()
    file = _file_of_module(script) if asked.is_module else script
    if file is None or not Path(file).is_file():
        what = "module" if asked.is_module else "script"
        print(f"There is no {what} {script}.", file=sys.stderr)
        return 2
    sys.argv = [file, *asked.arguments]
    project = asked.project or os.environ.get("METASCOPE_PROJECT") or _project_of(Path.cwd())
    run = start(project, name=asked.name or (script if asked.is_module else Path(script).stem))
    try:
        if asked.is_module:
            runpy.run_module(script, run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(script).resolve().parent)
            runpy.run_path(script, run_name="__main__")
    except BaseException as error:
        found = left_by(error)
        run.finish(found.status, found.reason, exit_code=found.exit_code)
        raise
    run.finish(exit_code=0)
    return 0


def _file_of_module(name: str) -> str | None:
    """What `python -m` would execute; None where there is no such module."""
    if name.startswith("."):
        return None
    try:
        found = importlib.util.find_spec(name)
        if found is not None and found.submodule_search_locations is not None:  # a package
            found = importlib.util.find_spec(f"{name}.__main__")
    except ValueError:  # no name of a module
        return None
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):  # one that the package needs
            raise
        return None
    return found.origin if found is not None else None


def _project_of(folder: Path) -> str:
    """The folder's name as a project's slug; says so where it had to be changed."""
    plain = unicodedata.normalize("NFKD", folder.name.casefold())
    slug = (
        re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode())[:LONGEST_SLUG].strip(
            "-"
        )
        or "scripts"
    )
    if slug != folder.name:
        say(f"the project is {slug!r}, after the folder {folder.name!r}: --project names another")
    return slug


def _sync(asked: argparse.Namespace) -> int:
    settings = _settings.load()
    if asked.to:
        settings = dataclasses.replace(settings, url=asked.to)
    found = sync(
        settings, lambda text: print(text), is_moved=bool(asked.to), retries=asked.retry_refused
    )
    if not found:
        print("Nothing is waiting.")
    found += refused_before(settings, found)
    for one in found:
        told = "sent" if one.is_drained else f"not sent: {one.problem}"
        if one.is_unmarked and not one.is_drained:
            told += "; its disk is full, so what was sent of it is sent again, and stored once"
        if one.refused:
            told += f"; the server refused {counted(one.refused)}, kept in {one.folder}"
        print(f"{one.client} (run {one.run or 'not made'}): {told}")
        for why in one.reasons:
            print(f"  refused: {why}")
        if one.reasons:
            print(f"  {AGAIN}")
    sweep(settings)
    refused = [one.client for one in found if one.refused]
    if refused:
        print(f"metascope: the server refused a part of {', '.join(refused)}", file=sys.stderr)
    return 0 if not refused and all(one.is_drained for one in found) else 1
