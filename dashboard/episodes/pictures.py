"""Pixels of recorded pictures as PNG, written by the standard library."""

import base64
import binascii
import struct
import zlib
from typing import Any

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KINDS = {1: 0, 3: 2}  # of PNG, by channels: grey, red-green-blue
MOST_SIDE = 512


def pictures(recorded: Any) -> list[str]:
    """Addresses (data:) of the pictures of a support or query set; empty where it has none."""
    shape, pixels = recorded.get("shape"), recorded.get("pixels")
    if not shape or not pixels:
        return []
    channels, height, width = shape
    if channels not in _KINDS or not 0 < max(height, width) <= MOST_SIDE:
        return []
    try:
        data = base64.b64decode(pixels, validate=True)
    except binascii.Error:
        return []
    size = channels * height * width
    return [
        "data:image/png;base64,"
        + base64.b64encode(png(data[start : start + size], (channels, height, width))).decode()
        for start in range(0, len(data) - size + 1, size)
    ]


def png(pixels: bytes, shape: tuple[int, int, int]) -> bytes:
    """One picture of `shape` (channels, height, width), a byte a value, channel after channel."""
    channels, height, width = shape
    plane = height * width
    interleaved = bytearray(len(pixels))
    for channel in range(channels):
        interleaved[channel::channels] = pixels[channel * plane : (channel + 1) * plane]
    row = width * channels
    lines = (b"\0" + interleaved[start : start + row] for start in range(0, height * row, row))
    header = struct.pack(">IIBBBBB", width, height, 8, _KINDS[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(lines), 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
