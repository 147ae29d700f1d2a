"""The server that `./test` starts for its own time: reached by its address, gone afterwards."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from config import database_url, throwaway


@pytest.mark.slow
@pytest.mark.parametrize("found", ["anywhere", "in the package alone"])
def test_a_server_takes_connections_and_leaves_nothing(found, monkeypatch):
    if found == "in the package alone":
        *_, bundled = throwaway._folders()
        monkeypatch.setattr(throwaway, "_folders", lambda: iter([bundled]))
        if os.geteuid() == 0 and not _is_open_to_all(bundled):
            pytest.skip("root's own packages are closed to the user that runs the server")
    with throwaway.server() as url:
        (folder,) = map(Path, parse_qs(urlsplit(url).query)["host"])
        found = database_url.parse("URL", url)
        with psycopg.connect(
            host=found["HOST"], dbname=found["NAME"], user=found["USER"]
        ) as connection:
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        process = int((folder / "data" / "postmaster.pid").read_text().split()[0])

    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def _is_open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def test_a_server_that_does_not_start_is_a_failure(monkeypatch, tmp_path):
    for name in ("initdb", "postgres"):
        (tmp_path / name).write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(throwaway, "_folders", lambda: iter([tmp_path]))
    monkeypatch.setattr(throwaway, "_somebody", dict)

    with pytest.raises(throwaway.ServerFailed, match="initdb failed .no room"), throwaway.server():
        pass


def test_without_a_server_the_reason_is_a_sentence(monkeypatch):
    monkeypatch.setattr(throwaway, "_folders", lambda: iter([Path("/nowhere")]))

    with pytest.raises(throwaway.NoServer, match="no PostgreSQL server is installed"):
        throwaway.find_programs()


def test_root_without_an_unprivileged_user_is_told(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(throwaway, "UNPRIVILEGED", ("nobody of this name",))

    with pytest.raises(throwaway.NoServer, match="does not run as root"):
        throwaway._somebody()
