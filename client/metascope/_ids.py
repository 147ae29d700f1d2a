"""The id of a run, made here, so that it is known before the server has heard of the run."""

from __future__ import annotations

import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def new_id() -> str:
    """As servers make theirs: 45 bits of milliseconds since 1970, then 35 random ones."""
    value = (int(time.time() * 1000) % 2**45 << 35) | secrets.randbits(35)
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(75, -1, -5))
