"""Which records travel together in one request."""

from __future__ import annotations

from metascope._records import KEYS, POINTS, key_count, value_count
from metascope._segments import Position, Record

BATCH_POINTS = 50_000
BATCH_KEYS = 1_000
BATCH_BYTES = 4 * 1024 * 1024


class Batch:
    """Records for one request: the keys they use first, then the rows as they were written."""

    def __init__(self, keys: dict[int, Record]) -> None:
        self.keys = keys
        self.points = 0
        self.rows: list[bytes] = []
        self.used: dict[int, int] = {}  # id of keys to their number
        self.bytes = 0
        self.end: Position | None = None

    @property
    def pieces(self) -> list[bytes]:
        return [*(self.keys[one].raw for one in self.used), *self.rows]

    @property
    def segment(self) -> int:
        """That its last record is in; 0 without one."""
        return self.end.segment if self.end else 0

    def knows(self, record: Record) -> bool:
        """False for damaged bytes, and for points whose keys were among such."""
        return record.kind == KEYS or (record.kind == POINTS and id_of(record) in self.keys)

    def takes(self, record: Record) -> bool:
        """Whether it fits beside what is there; the first always does."""
        if record.kind != POINTS or not self.points:
            return True
        number = id_of(record)
        keys = 0 if number in self.used else key_count(self.keys[number].payload)
        return (
            self.points + value_count(record.payload) <= BATCH_POINTS
            and sum(self.used.values()) + keys <= BATCH_KEYS
            and self.bytes + len(record.raw) <= BATCH_BYTES
        )

    def add(self, record: Record) -> None:
        number = id_of(record)
        if record.kind == KEYS:
            self.keys[number] = record
        elif record.kind == POINTS:
            if number not in self.used:
                self.used[number] = key_count(self.keys[number].payload)
            self.rows.append(record.raw)
            self.points += value_count(record.payload)
            self.bytes += len(record.raw)
        self.end = record.end


def id_of(record: Record) -> int:
    """Of the keys that a record names, or uses."""
    return int.from_bytes(record.payload[1:5], "little")
