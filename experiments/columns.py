"""Columns of numbers as compressed bytes, and back bit for bit: NaN payloads, -0.0 and all.

Points are three columns: steps as second differences, values as they are (so that repeated ones
compress), times as differences of the bit patterns of their float64, byte-transposed so that equal
bytes meet; then zstd.
"""

import threading

import numpy as np
import zstandard

from experiments.shapes import FloatArray, IntArray

LEVEL = 3
_per_thread = threading.local()  # a compressor shared by threads crashes the process


def compress(data: bytes, *, level: int = LEVEL) -> bytes:
    compressors = _per_thread.__dict__.setdefault("compressors", {})
    if level not in compressors:
        compressors[level] = zstandard.ZstdCompressor(level=level)
    packed: bytes = compressors[level].compress(data)
    return packed


def decompress(data: bytes | memoryview) -> bytes:
    decompressor = getattr(_per_thread, "decompressor", None)
    if decompressor is None:
        decompressor = _per_thread.decompressor = zstandard.ZstdDecompressor()
    plain: bytes = decompressor.decompress(data)
    return plain


def pack_points(steps: IntArray, times: FloatArray, values: FloatArray) -> bytes:
    """Three columns of one length, compressed."""
    plain = np.ascontiguousarray(values, dtype="<f8").tobytes()
    return compress(b"".join((encode_steps(steps), plain, encode_times(times))))


def unpack_points(data: bytes | memoryview) -> tuple[IntArray, FloatArray, FloatArray]:
    """Steps, times and values as packed by `pack_points`."""
    steps, values, times = np.split(np.frombuffer(decompress(data), dtype="<i8"), 3)
    return decode_steps(steps), decode_times(times), values.view("<f8")


def pack_table(table: FloatArray) -> bytes:
    """A float64 array, little-endian, row by row. Its shape is the caller's to keep."""
    return compress(np.ascontiguousarray(table, dtype="<f8").tobytes())


def unpack_table(data: bytes | memoryview, shape: tuple[int, ...]) -> FloatArray:
    return np.frombuffer(decompress(data), dtype="<f8").reshape(shape).astype(np.float64)


def encode_steps(steps: IntArray) -> bytes:
    """Second differences: zeros, as long as steps are evenly spaced."""
    return _differences(_differences(steps)).astype("<i8", copy=False).tobytes()


def decode_steps(differences: IntArray) -> IntArray:
    return np.cumsum(np.cumsum(differences))


def encode_times(times: FloatArray) -> bytes:
    """Differences of the bit patterns, byte-transposed."""
    moments = _differences(np.ascontiguousarray(times, dtype="<f8").view("<i8"))
    return moments.view(np.uint8).reshape(-1, 8).T.tobytes()


def decode_times(encoded: IntArray) -> FloatArray:
    """From the bytes of `encode_times`, read as int64."""
    moments = np.ascontiguousarray(encoded.view(np.uint8).reshape(8, -1).T)
    return np.cumsum(moments.view("<i8").reshape(-1)).view("<f8")


def _differences(column: IntArray) -> IntArray:
    """Differences to the number before, wrapping around at 64 bits; a running sum undoes them."""
    return np.diff(column, prepend=np.int64(0))
