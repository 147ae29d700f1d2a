"""Fixtures that every test may use: the cast of people, and a data folder of its own."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from experiments import audit_keeping

# One browser a session: two of Playwright's loops in one thread refuse each other.
pytest_plugins = ["tests.chromium", "tests.object_stores"]

# How fast a busy machine generates examples says nothing about the code: speed belongs to bench/.
hypothesis_settings.register_profile(
    "metascope", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("metascope")


DELIVERY = {"test_children.py", "test_end_to_end.py", "test_resume.py"}
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what uses a database: by a mark of its own, or by a fixture, however far away.

    Of the client's tests, which look at the client beside some server, only those of delivery.
    """
    for item in items:
        if item.path.parent.name == "client" and item.path.name not in DELIVERY:
            continue
        fixtures = getattr(item, "fixturenames", ())
        if item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(fixtures):
            item.add_marker("database")


@pytest.fixture(autouse=True, scope="session")
def _connection_outlives_responses() -> Iterator[None]:
    """A response that a test closes leaves the connection alone that holds the test's transaction:
    the rest of the test would have none.
    """
    close = BaseDatabaseWrapper.close_if_unusable_or_obsolete

    def close_unless_in_transaction(self: BaseDatabaseWrapper) -> None:
        if not self.in_atomic_block:
            close(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            BaseDatabaseWrapper, "close_if_unusable_or_obsolete", close_unless_in_transaction
        )
        yield


@pytest.fixture(autouse=True, scope="session")
def _flushing_lifts_what_keeps_the_audit_log() -> Iterator[None]:
    """Tests with transactions of their own empty every table behind them, also the one that the
    database keeps.
    """
    empty = BaseDatabaseOperations.execute_sql_flush

    def empty_all(self: BaseDatabaseOperations, statements: list[str]) -> None:
        with transaction.atomic(self.connection.alias), self.connection.cursor() as cursor:
            for statement in audit_keeping.REMOVE[self.connection.vendor]:
                cursor.execute(statement)
            empty(self, statements)
            for statement in audit_keeping.INSTALL[self.connection.vendor]:
                cursor.execute(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", empty_all)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, tmp_path_factory):
    """SQLite in a file, as in production: one in memory would be one connection that all threads
    of a live server share, and what one of them rolls back another has answered for.
    """
    for described in django_settings.DATABASES.values():
        if described["ENGINE"].endswith("sqlite3"):
            place = tmp_path_factory.mktemp("database") / "test.sqlite3"
            described.setdefault("TEST", {})["NAME"] = str(place)
            # The file goes with the tests: nothing is to survive a power loss.
            options = described["OPTIONS"]
            options["init_command"] = options["init_command"].replace("=FULL", "=OFF")


@pytest.fixture(autouse=True)
def data_dir(settings: LazySettings, tmp_path):
    """Files a test writes go to its own folder."""
    settings.DATA_DIR = tmp_path / "data"
    settings.CACHE_DIR = settings.DATA_DIR / "cache"
    settings.STORAGES = {
        **settings.STORAGES,
        "blobs": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": settings.DATA_DIR / "blobs"},
        },
    }
    return settings.DATA_DIR


@pytest.fixture
def file_database(transactional_db) -> str:
    """The name of the database, empty, to be shared with threads and processes.

    Use it instead of the `django_db` mark. Threads close their connection before they end.
    """
    return str(connections["default"].settings_dict["NAME"])
