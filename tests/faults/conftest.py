"""A stack on a database file of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app

from experiments.queue import doorbell
from tests.faults.stack import Stack


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
