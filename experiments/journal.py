"""Batches of points as they wait in the journal: grouped by what they share, packed, and back.

Metrics that are logged together have the same steps and times: a group holds these once. Packed:

    uint32 0xFFFFFFFF, uint32 length of the header, the header (msgpack: per group its keys and
    length), second differences of all steps, all times, all values key by key; then zstd

Batches written before there were groups begin with their header's length and hold steps and times
for every key.
"""

import hashlib
import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from experiments.columns import (
    compress,
    decode_steps,
    decode_times,
    decompress,
    encode_steps,
    encode_times,
)
from experiments.shapes import FloatArray, IntArray, SeriesPoints

LEVEL = 1  # of zstd: what is packed here is soon folded, and packed again for good
_GROUPED = 0xFFFFFFFF
_Header = list[tuple[list[str], int]]


@dataclass(frozen=True, eq=False)
class Group:
    """Series of the same (N,) steps and times; `values` has an (N,) array for each key."""

    keys: list[str]
    steps: IntArray
    times: FloatArray
    values: list[FloatArray]


def grouped(series: Sequence[SeriesPoints]) -> list[Group]:
    """The same points; neighbours of equal steps and times share a group."""
    groups: list[Group] = []
    for one in series:
        if groups and _same(groups[-1].steps, one.steps) and _same(groups[-1].times, one.times):
            groups[-1].keys.append(one.key)
            groups[-1].values.append(one.values)
        else:
            groups.append(Group([one.key], one.steps, one.times, [one.values]))
    return groups


def fingerprint(groups: Sequence[Group]) -> str:
    """SHA-256 of the points, bit for bit."""
    digest = hashlib.sha256()
    for group in groups:
        head = msgspec.msgpack.encode((group.keys, len(group.steps)))
        digest.update(struct.pack("<I", len(head)) + head)
        for column in (group.steps, group.times, *group.values):
            digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def pack(groups: Sequence[Group]) -> bytes:
    """All groups in one piece, compressed."""
    header = msgspec.msgpack.encode([(group.keys, len(group.steps)) for group in groups])
    values = np.concatenate([column for group in groups for column in group.values])
    return compress(
        b"".join(
            (
                struct.pack("<II", _GROUPED, len(header)),
                header,
                encode_steps(np.concatenate([group.steps for group in groups])),
                encode_times(np.concatenate([group.times for group in groups])),
                values.astype("<f8", copy=False).tobytes(),
            )
        ),
        level=LEVEL,
    )


def unpack(data: bytes | memoryview, keys: Collection[str] | None = None) -> list[SeriesPoints]:
    """The series of a batch in the order sent; only those in `keys` when given."""
    plain = memoryview(decompress(data))
    mark, size = struct.unpack_from("<II", plain)
    if mark != _GROUPED:
        return [one for one in _unpack_ungrouped(plain) if keys is None or one.key in keys]
    header = msgspec.msgpack.decode(plain[8 : 8 + size], type=_Header)
    if keys is not None and not any(key in keys for group, _ in header for key in group):
        return []
    rows = sum(length for _, length in header)
    steps, times, values = np.split(
        np.frombuffer(plain, dtype="<i8", offset=8 + size), [rows, 2 * rows]
    )
    group = _cut(header, decode_steps(steps), decode_times(times), values.view("<f8"))
    return [one for one in group if keys is None or one.key in keys]


def _cut(
    header: _Header, steps: IntArray, times: FloatArray, values: FloatArray
) -> Iterator[SeriesPoints]:
    """`values` has the columns of all keys end to end; the others those of all groups."""
    row = place = 0
    for keys, length in header:
        rows = slice(row, row + length)
        row += length
        for key in keys:
            yield SeriesPoints(key, steps[rows], times[rows], values[place : place + length])
            place += length


def _unpack_ungrouped(plain: memoryview) -> Iterator[SeriesPoints]:
    (size,) = struct.unpack_from("<I", plain)
    header = msgspec.msgpack.decode(plain[4 : 4 + size], type=list[tuple[str, int]])
    steps, values, times = np.split(np.frombuffer(plain, dtype="<i8", offset=4 + size), 3)
    groups = [([key], length) for key, length in header]
    return _cut(groups, decode_steps(steps), decode_times(times), values.view("<f8"))


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal bit for bit: NaN, which a time left to us is, equals itself."""
    return a is b or (len(a) == len(b) and bool((a.view(np.int64) == b.view(np.int64)).all()))
