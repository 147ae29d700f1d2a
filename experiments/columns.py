"""Columns of numbers as compressed bytes, and back bit for bit: NaN payloads, -0.0 and all.

Points are three columns: steps as second differences, values as they are (so that repeated ones
compress), times as differences of the bit patterns of their float64, byte-transposed so that equal
bytes meet; then zstd.
"""

import struct
import threading
from collections.abc import Collection, Sequence

import msgspec
import numpy as np
import zstandard

from experiments.shapes import FloatArray, IntArray, SeriesPoints

LEVEL = 3
_per_thread = threading.local()  # a compressor shared by threads crashes the process


def compress(data: bytes) -> bytes:
    compressor = getattr(_per_thread, "compressor", None)
    if compressor is None:
        compressor = _per_thread.compressor = zstandard.ZstdCompressor(level=LEVEL)
    packed: bytes = compressor.compress(data)
    return packed


def decompress(data: bytes | memoryview) -> bytes:
    decompressor = getattr(_per_thread, "decompressor", None)
    if decompressor is None:
        decompressor = _per_thread.decompressor = zstandard.ZstdDecompressor()
    plain: bytes = decompressor.decompress(data)
    return plain


def pack_points(steps: IntArray, times: FloatArray, values: FloatArray) -> bytes:
    """Three columns of one length, compressed."""
    return compress(_encode(steps, times, values))


def unpack_points(data: bytes | memoryview) -> tuple[IntArray, FloatArray, FloatArray]:
    """Steps, times and values as packed by `pack_points`."""
    return _decode(decompress(data))


def pack_batch(series: Sequence[SeriesPoints]) -> bytes:
    """Many series in one piece: their keys and lengths, then all their points end to end."""
    header = msgspec.msgpack.encode([(one.key, len(one.steps)) for one in series])
    columns = _encode(
        np.concatenate([one.steps for one in series]),
        np.concatenate([one.times for one in series]),
        np.concatenate([one.values for one in series]),
    )
    return compress(struct.pack("<I", len(header)) + header + columns)


def unpack_batch(
    data: bytes | memoryview, keys: Collection[str] | None = None
) -> list[SeriesPoints]:
    """The series of a batch in the order sent; only those in `keys` when given."""
    plain = decompress(data)
    (size,) = struct.unpack_from("<I", plain)
    header = msgspec.msgpack.decode(plain[4 : 4 + size], type=list[tuple[str, int]])
    if keys is not None and not any(key in keys for key, _ in header):
        return []
    steps, times, values = _decode(plain[4 + size :])
    found = []
    start = 0
    for key, length in header:
        part = slice(start, start + length)
        start += length
        if keys is None or key in keys:
            found.append(SeriesPoints(key, steps[part], times[part], values[part]))
    return found


def pack_table(table: FloatArray) -> bytes:
    """A float64 array, little-endian, row by row. Its shape is the caller's to keep."""
    return compress(np.ascontiguousarray(table, dtype="<f8").tobytes())


def unpack_table(data: bytes | memoryview, shape: tuple[int, ...]) -> FloatArray:
    return np.frombuffer(decompress(data), dtype="<f8").reshape(shape).astype(np.float64)


def _encode(steps: IntArray, times: FloatArray, values: FloatArray) -> bytes:
    moments = _differences(np.ascontiguousarray(times, dtype="<f8").view("<i8"))
    return b"".join(
        (
            _differences(_differences(steps)).astype("<i8").tobytes(),
            np.ascontiguousarray(values, dtype="<f8").tobytes(),
            moments.view(np.uint8).reshape(-1, 8).T.tobytes(),
        )
    )


def _decode(data: bytes) -> tuple[IntArray, FloatArray, FloatArray]:
    size = len(data) // 3
    steps = np.cumsum(np.cumsum(np.frombuffer(data[:size], dtype="<i8")))
    values = np.frombuffer(data[size : 2 * size], dtype="<f8")
    moments = np.frombuffer(data[2 * size :], dtype=np.uint8).reshape(8, -1).T
    times = np.cumsum(np.ascontiguousarray(moments).view("<i8").reshape(-1)).view("<f8")
    return steps, times, values


def _differences(column: IntArray) -> IntArray:
    """Differences to the number before, wrapping around at 64 bits; a running sum undoes them."""
    return np.diff(column, prepend=np.int64(0))
