"""`metascope ls` and `metascope cp`: artifacts at the command line.

An artifact is written PROJECT:NAME, one of its versions PROJECT:NAME:3 or PROJECT:NAME:ALIAS.
`metascope ls --models` lists registered models.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from metascope import _bundle, _download, _settings
from metascope._api import Api
from metascope._errors import MetascopeError
from metascope._upload import Changed, Upload

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The two commands and their arguments."""
    shown = commands.add_parser(
        "ls", help="list projects, artifacts, the files of a version, or registered models"
    )
    shown.add_argument("place", nargs="?", metavar="PROJECT[:NAME[:VERSION]]")
    shown.add_argument("--models", action="store_true", help="registered models, of all workspaces")
    shown.set_defaults(call=_ls)
    copied = commands.add_parser("cp", help="fetch a version into a folder, or log one")
    copied.add_argument("source", help="PROJECT:NAME[:VERSION], or a file or folder")
    copied.add_argument("target", help="a folder, or PROJECT:NAME")
    copied.add_argument("--kind", choices=_bundle.KINDS, default="file")
    copied.add_argument("--alias", action="append", default=[], metavar="ALIAS")
    copied.set_defaults(call=_cp)


def _ls(asked: argparse.Namespace) -> int:
    if asked.models:
        return _said(_list_models)
    project, _, reference = (asked.place or "").partition(":")
    return _said(lambda api: _list(api, project, reference))


def _list(api: Api, project: str, reference: str) -> None:
    if not project:
        for row in _download.pages(api, "projects/"):
            print(f"{row['workspace']}/{row['slug']}\t{row['name']}")
    elif not reference:
        for row in _download.pages(api, "artifacts/", project=project):
            print(f"{row['name']}:{row['latest']}\t{row['kind']}\t{row['created_at']}")
    else:
        version = _download.find(api, project, reference)
        for row in _download.pages(api, f"artifact-versions/{version['id']}/files/"):
            size = "?" if row["size"] is None else _size(row["size"])
            print(f"{row['path']}\t{size}\t{row['url'] or row['sha256']}")


def _list_models(api: Api) -> None:
    for row in _download.pages(api, "models/"):
        aliases = ", ".join(f"@{name}={number}" for name, number in row["aliases"].items())
        latest = "" if row["latest"] is None else f":{row['latest']}"
        print(f"{row['workspace']}/{row['name']}{latest}\t{aliases}\t{row['changed_at']}")


def _cp(asked: argparse.Namespace) -> int:
    if Path(asked.source).exists() or "://" in asked.source:
        return _said(lambda api: _send(api, asked))
    return _said(lambda api: _fetch(api, asked))


def _send(api: Api, asked: argparse.Namespace) -> None:
    project, _, name = asked.target.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bundle.json")
        found = _bundle.gather(
            asked.source, Path(folder), name=name, kind=asked.kind, aliases=asked.alias,
            metadata={}, copy=False,
        )  # fmt: skip
        _bundle.write(found, path)
        full = _made(api, project)
        upload = Upload(api, path, run=None, project=full)
        while not upload.step():
            pass
    version = upload.committed
    print(f"{full}:{found.name}:{version['number']}\t{_size(version['size'])}")


def _fetch(api: Api, asked: argparse.Namespace) -> None:
    project, _, reference = asked.source.partition(":")
    if not reference:
        raise MetascopeError(f"there is no file {asked.source}; write an artifact PROJECT:NAME")
    version = _download.find(api, project, reference)
    elsewhere = _download.fetch(api, version, Path(asked.target), _settings.load().cache)
    print(f"{version['file_count'] - len(elsewhere)} files, {_size(version['size'])}")
    for url in elsewhere:
        print(f"kept elsewhere, not fetched: {url}")


def _made(api: Api, project: str) -> str:
    """ "workspace/slug", whichever way it was written, of a project that is made where there is
    none, as `start` does."""
    workspace, _, slug = project.rpartition("/")
    if not slug:
        raise MetascopeError("name a project and the artifact in it: PROJECT:NAME")
    found = [
        row["workspace"]
        for row in _download.pages(api, "projects/")
        if row["slug"] == slug and workspace in ("", row["workspace"])
    ]
    if len(found) > 1:
        places = ", ".join(f"{one}/{slug}" for one in found)
        raise MetascopeError(f"there are {len(found)} projects {slug!r}: write one of {places}")
    if found:
        return f"{found[0]}/{slug}"
    body = {"slug": slug, **({"workspace": workspace} if workspace else {})}
    made = api.post("projects/", body)
    print(f"project {made['workspace']}/{slug} made", file=sys.stderr)
    return f"{made['workspace']}/{slug}"


def _said(act: Callable[[Api], None]) -> int:
    """Does it; what went wrong in one sentence."""
    settings = _settings.load()
    try:
        act(Api(settings.url, settings.token))
    except BrokenPipeError:
        raise
    except (MetascopeError, Changed, OSError, ValueError) as error:
        print(f"metascope: {error}.".replace("..", "."), file=sys.stderr)
        return 1
    return 0


def _size(count: int) -> str:
    size = float(count)
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
