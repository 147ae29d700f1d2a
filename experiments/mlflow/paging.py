"""Pages by offset, under opaque tokens."""

import base64
import binascii

from experiments.mlflow.words import invalid


def offset(token: str) -> int:
    """Where the page of this token begins; "" is the first. Raises Invalid."""
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode("ascii")
        place = int(text) if text.isdigit() and len(text) <= 18 else -1
    except (ValueError, binascii.Error):
        place = -1
    if place < 0:
        raise invalid("page_token", "is not one of ours: use the next_page_token of a page.")
    return place


def token(first: int, size: int, total: int) -> str:
    """The token of what follows these of `total`; "" when nothing does."""
    after = first + size
    return base64.urlsafe_b64encode(str(after).encode()).decode() if after < total else ""


def limit(asked: int | None, *, default: int, most: int) -> int:
    """The size of a page. Raises Invalid."""
    size = default if asked is None else asked
    if not 1 <= size <= most:
        raise invalid("max_results", f"is {size}: use a whole number from 1 to {most:,}.")
    return size
