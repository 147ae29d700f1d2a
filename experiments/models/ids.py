"""Public identifiers: short, unguessable enough to be unique, sorted by creation time."""

import secrets
import time

LENGTH = 16
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def new_id() -> str:
    """16 characters: 45 bits of milliseconds since 1970, then 35 random bits."""
    value = (int(time.time() * 1000) << 35) | secrets.randbits(35)
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(75, -1, -5))
