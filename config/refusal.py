"""The one error of a start that cannot go on: a sentence that says what to do, no traceback."""

import errno

# A file-size limit (EFBIG) and a quota (EDQUOT) look to us like a full disk, and have one remedy.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StartRefused(Exception):
    """Metascope cannot start here like this; the text is a whole sentence for the operator."""


def is_full(error: OSError) -> bool:
    """Whether writing failed for want of room."""
    return error.errno in FULL


def no_room(place: object) -> StartRefused:
    """The refusal for a full disk."""
    return StartRefused(f"the disk that holds {place} is full: make room, then start again.")
