"""Points as rows: the body a Metascope client sends, which is what it wrote into its spool.

    uint32 length of the header, the header (JSON: client, number), then records

A record is a uint32 length, a uint32 CRC-32 and a payload of that length; all is little-endian. The
payload's first byte is its kind: 1 names keys (uint32 id, JSON list), 2 holds points (uint32 id of
their keys, int64 step, float64 seconds since 1970, one float64 per key).
"""

import json
import struct
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from experiments.recording.validation import (
    SERIES_PER_BATCH,
    Batch,
    check_origin,
    check_series,
    invalid,
)
from experiments.shapes import FloatArray, IntArray, SeriesPoints

CONTENT_TYPE = "application/vnd.metascope.records"
KEYS, POINTS = 1, 2
LONGEST_HEADER = 1_000

_HEAD = struct.Struct("<IIBI")  # length, CRC, and of the payload: kind, id
_BEFORE = 8  # length and CRC
_ROW = 21  # kind, id, step, time: of a payload of points, before its values


@dataclass
class _Table:
    """Rows of one set of keys: where their payloads are in the body."""

    keys: list[str]
    places: list[int] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Rows:
    """A table decoded: (N,), (N,), (N,) and (N, keys)."""

    places: IntArray
    steps: IntArray
    times: FloatArray
    values: FloatArray


def parse_records(body: bytes) -> Batch:
    """The batch in such a body. Raises Invalid, naming the record and byte that is wrong."""
    header, start = _header(body)
    client, number = header.get("client"), header.get("number")
    check_origin(client, number)
    assert isinstance(client, str)
    assert isinstance(number, int)
    return Batch(client, number, check_series(_series(body, _tables(body, start))))


def _header(body: bytes) -> tuple[dict[str, object], int]:
    length = int.from_bytes(body[:4], "little")
    if not 2 <= length <= LONGEST_HEADER or len(body) < 4 + length:
        raise invalid(
            "header", f"begin with its length, 2 to {LONGEST_HEADER}, as uint32.", code="malformed"
        )
    try:
        header = json.loads(body[4 : 4 + length])
    except ValueError:
        raise invalid("header", "is not JSON.", code="malformed") from None
    if not isinstance(header, dict):
        raise invalid("header", 'use {"client": ..., "number": ...}.', code="malformed")
    return header, 4 + length


def _tables(body: bytes, at: int) -> dict[int, _Table]:
    """Walks over the records: keys by id, and the places of their rows."""
    tables: dict[int, _Table] = {}
    index = 0
    end = len(body)
    while at < end:
        if end - at < _HEAD.size:
            raise _broken(index, at, "is cut off")
        length, crc, kind, number = _HEAD.unpack_from(body, at)
        at += _BEFORE
        payload = body[at : at + length]
        if len(payload) < length or length < 5:
            raise _broken(index, at, "is cut off")
        if crc32(payload) != crc:
            raise _broken(index, at, "does not match its CRC-32")
        if kind == KEYS:
            tables[number] = _Table(_keys(payload, index))
        elif kind == POINTS:
            table = tables.get(number)
            if table is None:
                raise _broken(index, at, f"uses keys {number}, which no record before it names")
            if length != _ROW + 8 * len(table.keys):
                raise _broken(index, at, f"needs one float64 for each of {len(table.keys)} keys")
            table.places.append(at)
        else:
            raise _broken(index, at, f"is of the unknown kind {kind}")
        at += length
        index += 1
    return tables


def _broken(index: int, at: int, what: str) -> Exception:
    return invalid(f"records[{index}]", f"{what} (byte {at} of the body).", code="malformed")


def _keys(payload: bytes, index: int) -> list[str]:
    path = f"records[{index}].keys"
    try:
        keys = json.loads(payload[5:])
    except ValueError:
        raise invalid(path, "is not JSON.", code="malformed") from None
    if (
        not isinstance(keys, list)
        or not all(isinstance(key, str) for key in keys)
        or not 1 <= len(set(keys)) == len(keys) <= SERIES_PER_BATCH
    ):
        raise invalid(path, f"use a list of 1 to {SERIES_PER_BATCH} different texts.")
    return keys


def _series(body: bytes, tables: dict[int, _Table]) -> list[SeriesPoints]:
    """Rows to columns, by key; the points of a key in the order of their records."""
    octets = np.frombuffer(body, dtype=np.uint8)
    parts: dict[str, list[tuple[_Rows, int]]] = {}
    for table in tables.values():
        if table.places:
            rows = _rows(octets, table)
            for column, key in enumerate(table.keys):
                parts.setdefault(key, []).append((rows, column))
    return [_joined(key, found) for key, found in parts.items()]


def _rows(octets: np.ndarray[tuple[int], np.dtype[np.uint8]], table: _Table) -> _Rows:
    places = np.array(table.places)
    width = 16 + 8 * len(table.keys)
    whole = octets[places[:, None] + np.arange(5, 5 + width)]  # (N, width), without kind and id
    numbers = np.ascontiguousarray(whole).view("<f8")
    return _Rows(places, numbers[:, 0].copy().view("<i8"), numbers[:, 1].copy(), numbers[:, 2:])


def _joined(key: str, found: list[tuple[_Rows, int]]) -> SeriesPoints:
    if len(found) == 1:
        ((rows, column),) = found
        return SeriesPoints(key, rows.steps, rows.times, rows.values[:, column].copy())
    order = np.argsort(np.concatenate([rows.places for rows, _ in found]))
    steps = np.concatenate([rows.steps for rows, _ in found])[order]
    times = np.concatenate([rows.times for rows, _ in found])[order]
    values = np.concatenate([rows.values[:, column] for rows, column in found])[order]
    return SeriesPoints(key, steps, times, values)
