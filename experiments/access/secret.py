"""Secrets that open something: random, long, and kept only as a digest.

They are random and long, so one SHA-256 is enough: nobody can try them all. A copy of the database
opens nothing.
"""

import hashlib


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
