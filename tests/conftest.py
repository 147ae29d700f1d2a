"""Fixtures that every test may use: the cast of people, and a data folder of its own."""

import sqlite3
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# One browser a session: two of Playwright's loops in one thread refuse each other.
pytest_plugins = ["tests.chromium", "tests.object_stores"]

# How fast a busy machine generates examples says nothing about the code: speed belongs to bench/.
hypothesis_settings.register_profile(
    "metascope", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("metascope")


DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what uses a database: by a mark of its own, or by a fixture, however far away."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(fixtures):
            item.add_marker("database")


@pytest.fixture(autouse=True, scope="session")
def _connection_outlives_responses() -> Iterator[None]:
    """A response that a test closes leaves the connection alone that holds the test's transaction.

    SQLite's database in memory is never closed; elsewhere the rest of the tests would have none.
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
def file_database(transactional_db, tmp_path):
    """The migrated database, empty, to be shared by threads and processes. Returns its name.

    Use it instead of the `django_db` mark. With SQLite it is a file of its own, as the database of
    the tests is in the memory of this process. Threads close their connection before they end.
    """
    memory = connections["default"]
    if memory.vendor != "sqlite":
        yield memory.settings_dict["NAME"]
        return
    name = str(tmp_path / "shared.sqlite3")
    memory.ensure_connection()
    target = sqlite3.connect(name)
    memory.connection.backup(target)
    target.close()
    # Settings of its own: with another name in those that `memory` has, too, it would not know that
    # it is in memory, and a thread of the live server that ends now would close it for good.
    kept = connections.settings["default"]
    connections.settings["default"] = {**kept, "NAME": name}
    connections["default"] = connections.create_connection("default")
    yield name
    connections["default"].close()
    connections["default"] = memory
    connections.settings["default"] = kept
