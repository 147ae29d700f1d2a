"""Public identifiers: short, unguessable enough to be unique, sorted by creation time."""

import secrets
import threading
import time

LENGTH = 16
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_A_SECOND = 1000 << 35
_lock = threading.Lock()
_latest = 0


def new_id() -> str:
    """16 characters: 45 bits of milliseconds since 1970, then 35 random bits.

    Those that a process makes within one millisecond are in order, too, as where its clock is set
    back by less than a second.
    """
    value = _next()
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(75, -1, -5))


def _next() -> int:
    global _latest
    with _lock:
        value = (int(time.time() * 1000) << 35) | secrets.randbits(35)
        if _latest - _A_SECOND < value <= _latest:
            value = _latest + 1 + secrets.randbits(16)
        _latest = value
        return value
