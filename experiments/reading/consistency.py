"""One picture of the database over several queries: folding moves points between tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_picture() -> Iterator[None]:
    """All queries inside see the same commits. For reading alone.

    SQLite: a deferred transaction, which neither waits for writers nor keeps them waiting, where
    `atomic` alone would queue with them. PostgreSQL: repeatable read. Inside a transaction of the
    caller, its isolation is what counts.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        with _deferred():
            yield
    else:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield


@contextmanager
def _deferred() -> Iterator[None]:
    connection.ensure_connection()  # connecting reads the mode from the settings
    usual = connection.transaction_mode  # type: ignore[attr-defined]  # SQLite's alone
    connection.transaction_mode = "DEFERRED"  # type: ignore[attr-defined]
    try:
        with transaction.atomic():
            connection.transaction_mode = usual  # type: ignore[attr-defined]
            yield
    finally:
        connection.transaction_mode = usual  # type: ignore[attr-defined]
