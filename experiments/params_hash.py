"""All params of a run but the seed as one number, whichever came first."""

import hashlib
from collections.abc import Iterable

SEED = "seed"


def hash_of(params: Iterable[tuple[str, str]]) -> int:
    """The hash of params by key and text: 64 bits, of which the highest is a sign.

    That of two sets of params is that of one XOR that of the other: a param that comes later is
    added without those before.
    """
    joined = 0
    for key, text in params:
        if key != SEED:
            # No key or value holds a NUL: two params that exchange their values are others.
            digest = hashlib.blake2b(f"{key}\0{text}".encode(), digest_size=8).digest()
            joined ^= int.from_bytes(digest, "little", signed=True)
    return joined
