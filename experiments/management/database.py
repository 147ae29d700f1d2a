"""What commands say about a database they cannot use."""

from django.conf import settings


def no_tables(error: Exception) -> str:
    """The sentence for a database without the tables, or without an answer."""
    return (
        f"The database of {settings.DATA_DIR} cannot be used ({error}): start ./run once with this "
        "data folder, or name another in METASCOPE_DATA."
    )
