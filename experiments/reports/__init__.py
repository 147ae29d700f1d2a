"""Reports of a project: written together, no state of one ever lost, shown to guests by links."""

from experiments.reports.links import (
    MOST_DAYS,
    find_shared,
    open_links,
    revoke_link,
    share,
)
from experiments.reports.writing import (
    LONGEST_TEXT,
    LONGEST_TITLE,
    create,
    edit,
    may_remove,
    remove,
    version_of,
)

__all__ = [
    "LONGEST_TEXT",
    "LONGEST_TITLE",
    "MOST_DAYS",
    "create",
    "edit",
    "find_shared",
    "may_remove",
    "open_links",
    "remove",
    "revoke_link",
    "share",
    "version_of",
]
