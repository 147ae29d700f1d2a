"""What a client's clock says of when something happened."""

from datetime import UTC, datetime

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # a machine without a battery begins in 1970


def believed(claimed: datetime | None, now: datetime) -> datetime:
    """The client's time, which may be long ago where it was out of reach. `now` without one, and
    for one that cannot be: in the future, or before EARLIEST."""
    return claimed if claimed is not None and EARLIEST <= claimed <= now else now
