"""Public identifiers: short, unguessable enough to be unique, sorted by creation time."""

import secrets
import threading
import time

LENGTH = 16
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_A_SECOND = 1000 << 35
_AHEAD_S = 86_400  # a client's clock may be wrong by a day
_lock = threading.Lock()
_latest = 0


def new_id() -> str:
    """16 characters: 45 bits of milliseconds since 1970, then 35 random bits.

    Those that a process makes within one millisecond are in order, too, as where its clock is set
    back by less than a second.
    """
    value = _next()
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(75, -1, -5))


def is_usable(text: str) -> bool:
    """Whether a client may have made this as `new_id` does, at a time that is not to come: by it
    runs are sorted."""
    if len(text) != LENGTH or not set(text) <= set(ALPHABET):
        return False
    value = 0
    for one in text:
        value = value << 5 | ALPHABET.index(one)
    return (value >> 35) / 1000 <= time.time() + _AHEAD_S


def _next() -> int:
    global _latest
    with _lock:
        value = (int(time.time() * 1000) << 35) | secrets.randbits(35)
        if _latest - _A_SECOND < value <= _latest:
            value = _latest + 1 + secrets.randbits(16)
        _latest = value
        return value
