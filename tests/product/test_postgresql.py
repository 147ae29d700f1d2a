"""The whole product on PostgreSQL: it starts, keeps what it was sent, and outlives its connections.

Only where the tests run on PostgreSQL, as a stage of `./test` does.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests import database
from tests.product.instance import Product, refused, start, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.on_postgresql,
    pytest.mark.skipif(database.URL not in os.environ, reason="only on PostgreSQL"),
]
NAME = "metascope_product"


@pytest.fixture
def url(transactional_db) -> Iterator[str]:
    """The address of an empty database."""
    name = f"{NAME}_{os.getpid()}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield database.url(name)
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def points(product: Product, token: str, run: str) -> list[int]:
    answer = product.ask(token, f"runs/{run}/metrics/points/?key=loss")
    return [point["step"] for point in answer["results"]]


def send(product: Product, token: str, run: str, number: int) -> None:
    series = [{"key": "loss", "steps": [number], "values": [1.0]}]
    product.ask(token, f"runs/{run}/metrics/", {"client": "c", "number": number, "series": series})


def test_it_starts_and_outlives_its_connections(url: str, tmp_path: Path) -> None:
    variables = {database.URL: url}
    product = start(tmp_path / "data", variables=variables)
    try:
        product.wait_until_ready()
        token = product.token()
        product.ask(token, "projects/", {"slug": "p"})
        run = product.ask(token, "runs/", {"project": "default/p"})["id"]
        send(product, token, run, 0)

        with connection.cursor() as cursor:  # as a restart of the server does
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s",
                [url.partition("?")[0].rpartition("/")[2]],
            )
            assert cursor.fetchone()[0] >= 1

        send(product, token, run, 1)
        send(product, token, run, 1)
        wait_until(product.is_healthy, limit_s=60, what="healthy again")
        assert points(product, token, run) == [0, 1]
        assert not (tmp_path / "data" / "metascope.sqlite3").exists()
    finally:
        product.stop()

    again = start(tmp_path / "data", variables=variables)
    try:
        again.wait_until_ready()
        assert points(again, token, run) == [0, 1]
    finally:
        again.stop()


def test_what_it_cannot_use_is_refused_in_one_sentence(url: str, tmp_path: Path) -> None:
    with connection.cursor() as cursor:
        name = url.partition("?")[0].rpartition("/")[2]
        cursor.execute(f"ALTER DATABASE {name} RENAME TO {name}_away")
        line = refused(tmp_path / "data", variables={database.URL: url})
        cursor.execute(f"ALTER DATABASE {name}_away RENAME TO {name}")

    assert f'database "{name}" does not exist' in line
    assert database.URL in line
