"""What commands say about a database they cannot use."""

from pathlib import Path

from django.conf import settings

# Commands that have nothing to say without a database. Opening SQLite's file would make an empty
# one where somebody mistyped the folder.
NEED_ONE = frozenset({
    "backup", "changepassword", "collect_garbage", "create_token", "createsuperuser", "dbshell",
    "queue_demo", "sign_in_link", "storage",
})  # fmt: skip


def no_tables(error: Exception) -> str:
    """The sentence for a database without the tables, or without an answer."""
    named = settings.DATABASES["default"]
    if "sqlite3" not in named["ENGINE"]:
        said = str(error).strip().partition("\n")[0]
        return (
            f"The database {named['NAME']} cannot be used ({said}): start its server and ./run "
            "once, or correct METASCOPE_DATABASE_URL."
        )
    return (
        f"The database of {settings.DATA_DIR} cannot be used ({error}): start ./run once with this "
        "data folder, or name another in METASCOPE_DATA."
    )


def missing() -> str:
    """The sentence for a file of SQLite that is not there; "" when it is, or none is needed."""
    named = settings.DATABASES["default"]
    if "sqlite3" not in named["ENGINE"] or Path(named["NAME"]).exists():
        return ""
    return (
        f"There is no database in {settings.DATA_DIR}: start ./run once with this data folder, "
        "name another in METASCOPE_DATA, or a PostgreSQL database in METASCOPE_DATABASE_URL."
    )
