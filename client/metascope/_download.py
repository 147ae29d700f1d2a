"""Artifacts coming in: each file once on this machine, checked against its SHA-256."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from metascope._api import Api, segment
from metascope._errors import Refused, Unreachable

THREADS = 4
TRIES = 5  # of one file, each from where the one before broke off


def find(api: Api, project: str, reference: str) -> dict[str, Any]:
    """The version "name", "name:3" or "name:alias" of a project. Raises Refused when there is
    none."""
    name, _, wanted = reference.partition(":")
    wanted = wanted or "latest"
    found = api.get("artifacts/", project=project, name=name)["results"]
    if not found:
        raise Refused(f"there is no artifact {name!r} in {project}", 404, "artifact_not_found")
    path = f"artifacts/{found[0]['id']}/versions/"
    for version in pages(api, path):
        number = str(version["number"])
        if wanted in ("latest", number, f"v{number}") or wanted in version["aliases"]:
            return version
    raise Refused(f"{name!r} has no version {wanted!r}", 404, "artifact_not_found")


def find_model(api: Api, reference: str) -> tuple[str, dict[str, Any]]:
    """The address of the version "name", "name:3" or "name@alias" of a registered model, and what
    it says; the name may stand after "workspace/". Raises Refused when there is none."""
    workspace, _, rest = reference.rpartition("/")
    name, mark, wanted = rest.partition("@" if "@" in rest else ":")
    query = {"name": name, **({"workspace": workspace} if workspace else {})}
    found = [row for row in pages(api, "models/", **query) if row["name"] == name]
    if len(found) != 1:
        raise Refused(
            f"{len(found)} registered models are called {name!r}: see `metascope ls --models`",
            404, "model_not_found",
        )  # fmt: skip
    model = f"models/{segment(found[0]['workspace'])}/{segment(name)}/"
    if mark == ":":
        version = api.get(f"{model}versions/{segment(wanted.removeprefix('v'))}/")
    else:
        version = api.get(f"{model}aliases/{segment(wanted or 'latest')}/")
    return f"{model}versions/{version['number']}/", version


def pages(api: Api, path: str, **query: str) -> Iterator[dict[str, Any]]:
    """Every row of a list."""
    query = {"limit": "500", **query}
    while True:
        page = api.get(path, **query)
        yield from page["results"]
        if not page["next"]:
            return
        query["cursor"] = page["next"].rpartition("cursor=")[2].partition("&")[0]


def fetch(api: Api, version: dict[str, Any], folder: Path, cache: Path) -> list[str]:
    """Put the files of a version into the folder; returns addresses of those kept elsewhere.

    What is in the cache is not fetched again. Raises Unreachable, Denied, Refused, OSError.
    """
    base = f"artifact-versions/{version['id']}/files/"
    return _fetch(api, base, list(pages(api, base)), folder, cache)


def fetch_model(api: Api, address: str, to: Path | None, cache: Path) -> Path:
    """The folder with the files of a version of a registered model: `to`, or one in the cache that
    holds these files and no others. Raises as `fetch` does."""
    base = f"{address}files/"
    rows = list(pages(api, base))
    content = json.dumps(sorted((row["path"], row["sha256"] or row["url"]) for row in rows))
    own = cache / "models" / hashlib.sha256(content.encode()).hexdigest()
    folder = to or own
    _fetch(api, base, rows, folder, cache)
    return folder


def _fetch(api: Api, base: str, rows: list[dict[str, Any]], folder: Path, cache: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)  # of addresses alone it stays empty
    stored = [row for row in rows if row["sha256"]]
    for row in stored:
        _target(folder, row["path"])  # refuses a bad path before anything is written
    with ThreadPoolExecutor(THREADS) as pool:
        done = [pool.submit(_fetch_one, api, base, row, folder, cache) for row in stored]
        for one in done:
            one.result()
    return [str(row["url"]) for row in rows if row["url"]]


def _fetch_one(api: Api, base: str, row: dict[str, Any], folder: Path, cache: Path) -> None:
    kept = cache / row["sha256"][:2] / row["sha256"]
    if not kept.exists():
        _into_cache(api, f"{base}content/?{urlencode({'path': row['path']})}", row, kept)
    target = _target(folder, row["path"])
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.metascope")
    shutil.copyfile(kept, temporary)
    os.replace(temporary, target)


def _target(folder: Path, path: str) -> Path:
    """The server is not trusted with where a file goes."""
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise Refused(f"the path {path!r} leads out of the folder")
    return target


def _into_cache(api: Api, address: str, row: dict[str, Any], kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=kept.parent, prefix=".new-", delete=False) as file:
        try:
            digest = hashlib.sha256()
            for attempt in range(TRIES):
                try:
                    for piece in api.stream(address, start=file.tell()):
                        digest.update(piece)
                        file.write(piece)
                    break
                except Unreachable:
                    if attempt == TRIES - 1 or file.tell() >= row["size"]:
                        raise
            if digest.hexdigest() != row["sha256"]:
                raise Unreachable(f"{row['path']} arrived damaged: try again")
            file.flush()
            os.replace(file.name, kept)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
