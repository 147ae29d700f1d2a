"""The server that `./test` starts for its own time: reached by its address, gone afterwards."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from config import database_url, throwaway


@pytest.fixture
def programs() -> Path:
    try:
        return throwaway.find_programs()
    except throwaway.NoServer as reason:
        pytest.skip(str(reason))


@pytest.mark.slow
def test_a_server_takes_connections_and_leaves_nothing(programs):
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


def test_without_a_server_the_reason_is_a_sentence(monkeypatch):
    monkeypatch.setattr(throwaway, "_folders", lambda: iter([Path("/nowhere")]))

    with pytest.raises(throwaway.NoServer, match="no PostgreSQL server is installed"):
        throwaway.find_programs()


def test_root_without_an_unprivileged_user_is_told(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(throwaway, "UNPRIVILEGED", ("nobody of this name",))

    with pytest.raises(throwaway.NoServer, match="does not run as root"):
        throwaway._somebody()
