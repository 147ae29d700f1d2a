"""Records: the one form of what a run says, in its spool and on the wire.

A record is the payload's length and CRC-32 (zlib's), both uint32, and the payload; everything is
little-endian. The first byte of the payload is its kind:

- KEYS    uint32 id, then the keys as a JSON list: names the columns of POINTS with that id
- POINTS  uint32 id, int64 step, float64 seconds since 1970, then one float64 per key
- EVENT   a JSON object; `type` says what it is

Rows are sent as they were written: nobody but the server turns them into columns.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from zlib import crc32

HEAD = struct.Struct("<II")
KEYS_HEAD = struct.Struct("<BI")
POINTS_HEAD = struct.Struct("<BIqd")
KEYS, POINTS, EVENT = 1, 2, 3

LATEST_TIME = 32_503_680_000.0  # the year 3000, the last that a server keeps
LONGEST_PAYLOAD = 8 * 1024 * 1024
_LONE = re.compile("[\ud800-\udfff]")  # as Python reads bytes of names that are no UTF-8


def keys_payload(number: int, keys: Sequence[str]) -> bytes:
    """Names the columns of points with this id."""
    return KEYS_HEAD.pack(KEYS, number) + json.dumps(list(keys), ensure_ascii=False).encode()


def points_struct(count: int) -> struct.Struct:
    """The payload of POINTS with that many values: kind, id, step, time, values."""
    return struct.Struct(f"<BIqd{count}d")


def event_payload(event: Mapping[str, Any]) -> bytes:
    """An event, whatever its texts hold: paths come back as they were. Raises TypeError or
    ValueError for what JSON cannot hold."""
    text = json.dumps(event, ensure_ascii=False, allow_nan=False)
    return f"{chr(EVENT)}{text}".encode("utf-8", "backslashreplace")  # JSON's escapes, too


def sent_json(body: Any) -> bytes:
    """JSON as servers take it: a byte that is no UTF-8 is written `\\xe9`, other lone surrogates
    `\\ud800`. Raises TypeError or ValueError for what JSON cannot hold."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _LONE.sub(_spelled, text).encode()


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\\\u{code:04x}"


def event_of(payload: bytes | memoryview) -> dict[str, Any]:
    """The event in a payload of kind EVENT, without copies on the way: some are megabytes."""
    found: dict[str, Any] = json.loads(str(memoryview(payload)[1:], "utf-8"))
    return found


def record_of(payload: bytes) -> bytes:
    """The whole record: the payload behind its head."""
    return HEAD.pack(len(payload), crc32(payload)) + payload


def time_of(event: Mapping[str, Any]) -> float | None:
    """When it was written; None by a clock that shows a time which no server keeps."""
    at = event.get("time")
    return at if at is not None and 0 <= at <= LATEST_TIME else None


def moment(name: str, seconds: float | None) -> dict[str, str]:
    """The time by this name as the server reads it; nothing for one that it would not keep."""
    if seconds is None or not 0 <= seconds <= LATEST_TIME:
        return {}
    found = datetime.fromtimestamp(seconds, timezone.utc)  # noqa: UP017 - Python 3.10 has no UTC
    return {name: found.isoformat()}


def key_count(payload: bytes | memoryview) -> int:
    """How many keys a payload of kind KEYS names."""
    return len(json.loads(bytes(payload[KEYS_HEAD.size :])))


def value_count(payload: bytes | memoryview) -> int:
    """How many values a payload of kind POINTS holds."""
    return (len(payload) - POINTS_HEAD.size) // 8
