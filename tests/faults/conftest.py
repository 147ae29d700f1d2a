"""A stack, or a web server, on the database of the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app

from experiments import access
from experiments.models import Role
from experiments.queue import doorbell
from tests import factories
from tests.faults.stack import Stack
from tests.faults.web import Web


@pytest.fixture
def stack(file_database: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Broker started; the test starts workers. On failure the workers' log is printed."""
    data_dir.mkdir(parents=True)
    if Path(file_database).is_file():
        (data_dir / "metascope.sqlite3").symlink_to(file_database)
    stack = Stack(data_dir)
    stack.start_broker()
    monkeypatch.setattr(current_app.conf, "broker_url", stack.broker_url)
    monkeypatch.setattr(doorbell, "_line", doorbell._Line())
    try:
        yield stack
    finally:
        stack.close()
        print(stack.log())


@pytest.fixture
def token(file_database: str) -> str:
    factories.make_workspace("lab", ada=Role.MEMBER)
    return access.create_token(user=factories.make_user("ada"), name="script")[1]


@pytest.fixture
def web(file_database: str, token: str, data_dir: Path) -> Iterator[Web]:
    """A server on the tests' database; the test starts it."""
    data_dir.mkdir(parents=True)
    if Path(file_database).is_file():
        (data_dir / "metascope.sqlite3").symlink_to(file_database)
    web = Web(data_dir, token)
    yield web
    web.kill()
