"""Columns of numbers as compressed bytes, and back bit for bit: NaN payloads, -0.0 and all.

Points are three columns: steps as second differences, times as differences of the bit patterns of
their float64, byte-transposed so that equal bytes meet, and values; then zstd. Values that repeat
stay as they are, so that zstd finds them again; of others only the bytes are alike (a float32 in a
float64 ends in zeros), so those are transposed too, and a byte in front says it. What is transposed
is compressed a byte of all numbers at a time: bytes of noise and of few values share no code.
"""

import threading
from collections.abc import Iterable

import numpy as np
import zstandard

from experiments.shapes import FloatArray, IntArray

LEVEL = 3
_SAMPLED = 512
_SCATTERED = b"\1"  # a frame of zstd begins otherwise
_per_thread = threading.local()  # a compressor shared by threads crashes the process


def compress(data: bytes, *, level: int = LEVEL) -> bytes:
    packed: bytes = _compressor(level).compress(data)
    return packed


def compress_parts(parts: Iterable[bytes]) -> bytes:
    """All in one frame, as `compress` packs them joined, but with a code for each part."""
    known = list(parts)
    stream = _compressor(LEVEL).compressobj(size=sum(map(len, known)))
    packed: list[bytes] = []
    for part in known:
        packed.append(stream.compress(part))
        packed.append(stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    packed.append(stream.flush())
    return b"".join(packed)


def compress_planes(column: bytes) -> bytes:
    """What `scattered` made, its eight parts each with a code of its own."""
    return compress_parts(_planes(column))


def _planes(column: bytes) -> list[bytes]:
    size = len(column) // 8
    return [column[start : start + size] for start in range(0, len(column), size)]


def _compressor(level: int) -> zstandard.ZstdCompressor:
    compressors: dict[int, zstandard.ZstdCompressor] = _per_thread.__dict__.setdefault(
        "compressors", {}
    )
    if level not in compressors:
        compressors[level] = zstandard.ZstdCompressor(level=level)
    return compressors[level]


def decompress(data: bytes | memoryview) -> bytes:
    decompressor = getattr(_per_thread, "decompressor", None)
    if decompressor is None:
        decompressor = _per_thread.decompressor = zstandard.ZstdDecompressor()
    plain: bytes = decompressor.decompress(data)
    return plain


def pack_points(steps: IntArray, times: FloatArray, values: FloatArray) -> bytes:
    """Three columns of one length, compressed."""
    plain = np.ascontiguousarray(values, dtype="<f8").view("<i8")
    differ = _differ(plain)
    column = _planes(scattered(plain)) if differ else [plain.tobytes()]
    packed = compress_parts([encode_steps(steps), *column, *_planes(encode_times(times))])
    return _SCATTERED + packed if differ else packed


def unpack_points(data: bytes | memoryview) -> tuple[IntArray, FloatArray, FloatArray]:
    """Steps, times and values as packed by `pack_points`."""
    differ = data[:1] == _SCATTERED
    plain = decompress(memoryview(data)[1:] if differ else data)
    steps, values, times = np.split(np.frombuffer(plain, dtype="<i8"), 3)
    if differ:
        values = gathered(values)
    return decode_steps(steps), decode_times(times), values.view("<f8")


def _differ(values: IntArray) -> bool:
    """Whether most of the first few hundred are there once: the rest will be like them."""
    first = values[:_SAMPLED]
    return 2 * len(np.unique(first)) > len(first)


def scattered(column: IntArray) -> bytes:
    """The first byte of every number, then the second of every, ..."""
    numbers = np.ascontiguousarray(column, dtype="<i8").reshape(-1)
    return numbers.view(np.uint8).reshape(-1, 8).T.tobytes()


def gathered(data: bytes | IntArray, columns: int = 1) -> IntArray:
    """The numbers of `scattered`, of several columns of one length end to end."""
    octets = np.frombuffer(data, dtype=np.uint8).reshape(columns, 8, -1)
    return np.ascontiguousarray(octets.transpose(0, 2, 1)).view("<i8").reshape(-1)


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
    return scattered(_differences(np.ascontiguousarray(times, dtype="<f8").view("<i8")))


def decode_times(encoded: IntArray) -> FloatArray:
    """From the bytes of `encode_times`, read as int64."""
    return np.cumsum(gathered(encoded)).view("<f8")


def _differences(column: IntArray) -> IntArray:
    """Differences to the number before, wrapping around at 64 bits; a running sum undoes them."""
    return np.diff(column, prepend=np.int64(0))
