"""The database that tests share with threads leaves that of the other tests alone."""

import pytest
from django.db import connections


@pytest.fixture
def memory(transactional_db):
    connection = connections["default"]
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite's test database is in memory")
    return connection


def test_closing_the_database_in_memory_meanwhile_does_not_destroy_it(memory, file_database):
    """As a thread of the live server does, whenever a client hangs up."""
    assert connections["default"].settings_dict["NAME"] == file_database
    opened = memory.connection

    memory.close()

    assert opened is not None
    assert memory.connection is opened
