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
_SAME = [0, 1, 2, 3, 8, 9, 10, 11, 12]  # bytes of a record that hold its length, kind and id
_FIRST_ALIKE, _MOST_ALIKE = 16, 4096


Octets = np.ndarray[tuple[int, int], np.dtype[np.uint8]]


@dataclass
class _Table:
    """Rows of one set of keys, as they are in the body."""

    keys: list[str]
    parts: list[tuple[int, Octets]] = field(default_factory=list)  # byte of the first, (N, width)


@dataclass(frozen=True, eq=False)
class _Rows:
    """A table decoded: (N,), (N,), (N,) and (keys, N)."""

    places: IntArray  # in the body
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
    series = _series(_tables(body, start))
    check_series(series)
    return Batch(client, number, series)


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
    """Walks over the records: keys by id, and the rows of each."""
    tables: dict[int, _Table] = {}
    index = 0
    end = len(body)
    alike = _FIRST_ALIKE  # how many records of the same head are tried at once
    while at < end:
        if end - at < _HEAD.size:
            raise _broken(index, at, "is cut off")
        length, crc, kind, number = _HEAD.unpack_from(body, at)
        size = _BEFORE + length
        if end - at < size or length < 5:
            raise _broken(index, at + _BEFORE, "is cut off")
        found = 1
        if kind == KEYS:
            payload = body[at + _BEFORE : at + size]
            _check_crc(payload, crc, index, at)
            named = _keys(payload, index)
            if tables.setdefault(number, _Table(named)).keys != named:
                raise _broken(index, at, f"names other keys {number} than a record before it")
        elif kind == POINTS:
            table = tables.get(number)
            if table is None:
                raise _broken(index, at, f"uses keys {number}, which no record before it names")
            if length != _ROW + 8 * len(table.keys):
                raise _broken(index, at, f"needs one float64 for each of {len(table.keys)} keys")
            rows = _stretch(body, at, size, alike)
            found = len(rows)
            alike = min(8 * alike, _MOST_ALIKE) if found == alike else _FIRST_ALIKE
            _check_crcs(body, rows, index, at)
            table.parts.append((at, rows[:, _BEFORE + 5 :]))
        else:
            raise _broken(index, at, f"is of the unknown kind {kind}")
        at += found * size
        index += found
    return tables


def _stretch(body: bytes, at: int, size: int, most: int) -> Octets:
    """The record at `at` and those after it of the same length, kind and keys: (found, size)."""
    most = min(most, (len(body) - at) // size)
    rows = np.frombuffer(body, np.uint8, most * size, at).reshape(most, size)
    if most == 1:
        return rows
    same = (rows[:, _SAME] == rows[0, _SAME]).all(axis=1)
    return rows if same.all() else rows[: int(np.argmin(same))]


def _check_crcs(body: bytes, rows: Octets, index: int, at: int) -> None:
    size = rows.shape[1]
    sent = np.ascontiguousarray(rows[:, 4:8]).view("<u4")[:, 0].tolist()
    view = memoryview(body)
    for row, crc in enumerate(sent):
        start = at + row * size
        if crc32(view[start + _BEFORE : start + size]) != crc:
            raise _broken(index + row, start, "does not match its CRC-32")


def _check_crc(payload: bytes, crc: int, index: int, at: int) -> None:
    if crc32(payload) != crc:
        raise _broken(index, at, "does not match its CRC-32")


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


def _series(tables: dict[int, _Table]) -> list[SeriesPoints]:
    """Rows to columns, by key; the points of a key in the order of their records."""
    parts: dict[str, list[tuple[_Rows, int]]] = {}
    for table in tables.values():
        if table.parts:
            rows = _rows(table)
            for column, key in enumerate(table.keys):
                parts.setdefault(key, []).append((rows, column))
    return [_joined(key, found) for key, found in parts.items()]


def _rows(table: _Table) -> _Rows:
    """The columns are contiguous, each by itself."""
    size = _BEFORE + _ROW + 8 * len(table.keys)
    places = [at + size * np.arange(len(rows)) for at, rows in table.parts]
    whole = np.concatenate([rows for _, rows in table.parts]).view("<f8")
    columns = np.ascontiguousarray(whole.T)
    return _Rows(np.concatenate(places), columns[0].view("<i8"), columns[1], columns[2:])


def _joined(key: str, found: list[tuple[_Rows, int]]) -> SeriesPoints:
    if len(found) == 1:
        ((rows, column),) = found
        return SeriesPoints(key, rows.steps, rows.times, rows.values[column])
    order = np.argsort(np.concatenate([rows.places for rows, _ in found]))
    steps = np.concatenate([rows.steps for rows, _ in found])[order]
    times = np.concatenate([rows.times for rows, _ in found])[order]
    values = np.concatenate([rows.values[column] for rows, column in found])[order]
    return SeriesPoints(key, steps, times, values)
