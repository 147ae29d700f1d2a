"""Blocks of neighbouring points in a few numbers each, so that a wide range reads no raw data.

A chunk keeps blocks of 20 points; its overview, which lies apart so that the widest ranges read
little, blocks of 200, of 1,000 and of 4,000.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from experiments import floats
from experiments.columns import compress_planes, decompress, gathered, scattered
from experiments.shapes import FloatArray, IntArray

CHUNK_POINTS = 8000
LEVELS = (20, 200, 1000, 4000)  # the first with the chunk, the others in its overview
_ROWS = 11
# Rows that grow from block to block; kept as differences.
_GROWING = [0, 1, 4, 6]
_MEAN = 10
_NOISE = np.int64((1 << 24) - 1)  # bits of a mean that are not kept: 4e-9 of it
# What was packed with other levels begins otherwise: with 1, or before there were overviews like
# a frame of zstd.
_FORMAT, _FORMER = b"\2", b"\1"
FORMER_LEVELS = (16, 256, 1024, 4096)


@dataclass(frozen=True, eq=False)
class Blocks:
    """N blocks, one a column of `table` (int64; floats by their bits), in (step, arrival) order."""

    table: IntArray  # (11, N)

    def __len__(self) -> int:
        return int(self.table.shape[1])

    def _integers(self, row: int) -> IntArray:
        column: IntArray = self.table[row]
        return column

    def _floats(self, row: int) -> FloatArray:
        column: FloatArray = self.table[row].view(np.float64)
        return column

    @property
    def first_step(self) -> IntArray:
        return self._integers(0)

    @property
    def last_step(self) -> IntArray:
        return self._integers(1)

    @property
    def count(self) -> IntArray:
        return self._integers(2)

    @property
    def finite(self) -> IntArray:
        """How many of `count` are finite; low, high, mean and last are over these, or NaN."""
        return self._integers(3)

    @property
    def bad_step(self) -> IntArray:
        """Step of the first NaN or infinity, where count > finite."""
        return self._integers(4)

    @property
    def bad_kind(self) -> IntArray:
        """The index of its kind in `floats.KINDS`."""
        return self._integers(5)

    @property
    def last_time(self) -> FloatArray:
        return self._floats(6)

    @property
    def last(self) -> FloatArray:
        return self._floats(7)

    @property
    def low(self) -> FloatArray:
        return self._floats(8)

    @property
    def high(self) -> FloatArray:
        return self._floats(9)

    @property
    def mean(self) -> FloatArray:
        return self._floats(10)


def of_points(steps: IntArray, times: FloatArray, values: FloatArray) -> Blocks:
    """One block per point; points in (step, arrival) order."""
    blocks = Blocks(np.empty((_ROWS, len(steps)), dtype=np.int64))
    kinds = floats.kind_codes(values)
    finite = np.where(kinds == 0, values, np.nan)
    blocks.table[0] = blocks.table[1] = blocks.table[4] = steps
    blocks.table[2] = 1
    blocks.table[3] = kinds == 0
    blocks.table[5] = kinds
    blocks.last_time[:] = times
    blocks.table[7:] = finite.view(np.int64)
    return blocks


def join(parts: list[Blocks]) -> Blocks:
    return parts[0] if len(parts) == 1 else Blocks(np.hstack([part.table for part in parts]))


def by_last_step(blocks: Blocks) -> Blocks:
    """In order of their last step; of equal ones the order stays."""
    if (blocks.last_step[1:] >= blocks.last_step[:-1]).all():
        return blocks
    return Blocks(blocks.table[:, np.argsort(blocks.last_step, kind="stable")])


def merge(blocks: Blocks, starts: IntArray) -> Blocks:
    """Neighbours made one: group i is the blocks from starts[i] to before starts[i + 1]."""
    ends = np.append(starts[1:], len(blocks)) - 1
    places = np.arange(len(blocks))
    merged = Blocks(np.empty((_ROWS, len(starts)), dtype=np.int64))
    merged.table[0] = np.minimum.reduceat(blocks.first_step, starts)
    merged.table[1] = blocks.last_step[ends]
    merged.table[2] = np.add.reduceat(blocks.count, starts)
    merged.table[3] = np.add.reduceat(blocks.finite, starts)
    # The first bad block of each group; in a group without one any place does.
    bad = np.where(blocks.count > blocks.finite, places, len(blocks))
    first_bad = np.minimum(np.minimum.reduceat(bad, starts), ends)
    merged.table[4:6] = blocks.table[4:6, first_bad]
    merged.last_time[:] = blocks.last_time[ends]
    # The last block with a finite value; where there is none, `last` of any block is NaN.
    good = np.where(blocks.finite > 0, places, -1)
    merged.last[:] = blocks.last[np.maximum(np.maximum.reduceat(good, starts), starts)]
    merged.low[:] = np.fmin.reduceat(blocks.low, starts)
    merged.high[:] = np.fmax.reduceat(blocks.high, starts)
    merged.mean[:] = _means(blocks, merged, starts)
    return merged


def _means(blocks: Blocks, merged: Blocks, starts: IntArray) -> FloatArray:
    """Means over finite values, weighted before they are added: no sum overflows."""
    sizes = np.diff(np.append(starts, len(blocks)))
    totals = np.repeat(np.maximum(merged.finite, 1), sizes)
    means = np.where(blocks.finite > 0, blocks.mean, 0.0)
    merged_means = np.add.reduceat(means * (blocks.finite / totals), starts)
    found = merged.finite > 0
    merged_means[~found] = np.nan
    # Rounding must not put a mean outside of what it is the mean of.
    np.clip(merged_means, merged.low, merged.high, out=merged_means)
    return merged_means


def every(blocks: Blocks, size: int) -> Blocks:
    """Each `size` neighbours made one."""
    return merge(blocks, np.arange(0, len(blocks), size))


def pack(steps: IntArray, times: FloatArray, values: FloatArray) -> tuple[bytes, bytes]:
    """The finest level of one chunk in (step, arrival) order, and its overview: the others."""
    fine = every(of_points(steps, times, values), LEVELS[0])
    return _packed(fine.table, _FORMAT), overview(fine, LEVELS)


def overview(fine: Blocks, levels: Sequence[int]) -> bytes:
    """The coarse levels above the blocks of the finest: LEVELS, or FORMER_LEVELS."""
    coarse, blocks, size = [], fine, levels[0]
    for level in levels[1:]:
        blocks, size = every(blocks, level // size), level
        coarse.append(blocks.table)
    return _packed(np.hstack(coarse), _FORMER if levels == FORMER_LEVELS else _FORMAT)


def unpack(packed: Sequence[bytes | memoryview], points: Sequence[int]) -> Blocks:
    """The blocks of the finest level of chunks of so many points each, in their order."""
    parts: list[Blocks] = []
    for (mark, count), data in _alike(packed, points):
        if mark in (_FORMAT, _FORMER):
            parts.append(_side_by_side(_unpacked(data)))
        else:
            blocks = -(-count // FORMER_LEVELS[0])
            tables = [np.frombuffer(decompress(one), dtype="<i8") for one in data]
            parts += [Blocks(table.reshape(_ROWS, -1)[:, :blocks]) for table in tables]
    return join(parts)


def unpack_overviews(
    packed: Sequence[bytes | memoryview], points: Sequence[int], level: int
) -> Blocks:
    """The blocks of `level` (one of LEVELS, not the first) of chunks of so many points each.

    Of a chunk packed with other levels it is the one in the same place.
    """
    parts: list[Blocks] = []
    for (mark, count), data in _alike(packed, points):
        levels = FORMER_LEVELS if mark == _FORMER else LEVELS
        lengths = [-(-count // size) for size in levels[1:]]
        place = LEVELS.index(level) - 1
        start = sum(lengths[:place])
        parts.append(_side_by_side(_unpacked(data)[:, :, start : start + lengths[place]]))
    return join(parts)


def _alike(
    packed: Sequence[bytes | memoryview], points: Sequence[int]
) -> Iterator[tuple[tuple[bytes, int], list[bytes | memoryview]]]:
    """Neighbours of one form and size, which are unpacked together."""
    pairs = zip(packed, points, strict=True)
    for form, found in groupby(pairs, key=lambda pair: (bytes(pair[0][:1]), pair[1])):
        yield form, [data for data, _ in found]


def _packed(table: IntArray, mark: bytes) -> bytes:
    table = table.copy()
    table[_GROWING] = np.diff(table[_GROWING], axis=1, prepend=np.int64(0))
    table[_MEAN] &= ~_NOISE
    return mark + compress_planes(scattered(table))


def _unpacked(packed: Sequence[bytes | memoryview]) -> IntArray:
    """Tables of one size: (N, 11, blocks)."""
    plain = b"".join([decompress(memoryview(one)[1:]) for one in packed])
    tables = gathered(plain, len(packed)).reshape(len(packed), _ROWS, -1)
    tables[:, _GROWING] = np.cumsum(tables[:, _GROWING], axis=2)
    floats = tables[:, _MEAN - 2 :].view(np.float64)
    np.clip(floats[:, 2], floats[:, 0], floats[:, 1], out=floats[:, 2])  # a constant is its mean
    return tables


def _side_by_side(tables: IntArray) -> Blocks:
    return Blocks(np.ascontiguousarray(tables.transpose(1, 0, 2)).reshape(_ROWS, -1))
