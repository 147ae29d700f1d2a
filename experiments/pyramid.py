"""Blocks of neighbouring points in a few numbers each, so that a wide range reads no raw data.

A chunk keeps blocks of 16 points; its overview, which lies apart so that the widest ranges read
little, blocks of 256, of 1,024 and of 4,096.
"""

from dataclasses import dataclass

import numpy as np

from experiments import floats
from experiments.columns import compress, decompress, gathered, scattered
from experiments.shapes import FloatArray, IntArray

CHUNK_POINTS = 4096
LEVELS = (16, 256, 1024, CHUNK_POINTS)  # the first with the chunk, the others in its overview
_ROWS = 11
# Rows that grow from block to block; kept as differences.
_GROWING = [0, 1, 4, 6]
# What was packed before there were overviews begins like a frame of zstd, and has these levels.
_FORMAT = b"\1"
_FORMER_LEVELS = (16, 256, 4096)


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
    return _packed(fine.table), overview(fine)


def overview(fine: Blocks) -> bytes:
    """The coarse levels above the blocks of the finest."""
    coarse, blocks, size = [], fine, LEVELS[0]
    for level in LEVELS[1:]:
        blocks, size = every(blocks, level // size), level
        coarse.append(blocks.table)
    return _packed(np.hstack(coarse))


def unpack(data: bytes | memoryview, points: int) -> Blocks:
    """The blocks of the finest level of a chunk of so many points."""
    if data[:1] == _FORMAT:
        return Blocks(_unpacked(data))
    table = np.frombuffer(decompress(data), dtype="<i8").reshape(_ROWS, -1)
    return Blocks(table[:, : -(-points // _FORMER_LEVELS[0])])


def unpack_overview(data: bytes | memoryview, points: int, level: int) -> Blocks:
    """The blocks of `level` (one of LEVELS, not the first) of a chunk of so many points."""
    table = _unpacked(data)
    start = 0
    for size in LEVELS[1:]:
        length = -(-points // size)
        if size == level:
            return Blocks(table[:, start : start + length])
        start += length
    raise ValueError(f"no level of {level} points")


def _packed(table: IntArray) -> bytes:
    table = table.copy()
    table[_GROWING] = np.diff(table[_GROWING], axis=1, prepend=np.int64(0))
    return _FORMAT + compress(scattered(table))


def _unpacked(data: bytes | memoryview) -> IntArray:
    table = gathered(decompress(memoryview(data)[1:])).reshape(_ROWS, -1)
    table[_GROWING] = np.cumsum(table[_GROWING], axis=1)
    return table
