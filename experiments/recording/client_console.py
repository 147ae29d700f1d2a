"""Console lines that clients send about the runs they execute themselves."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from experiments.clocks import believed
from experiments.console_lines import stamped
from experiments.errors import Conflict, Invalid
from experiments.models import LogChunk
from experiments.recording.console import CHUNK_CHARACTERS
from experiments.recording.points import lock_run
from experiments.recording.validation import LATEST_TIME, check_origin, invalid
from experiments.shapes import Logged

LINES_PER_BATCH = 10_000
LINE_CHARACTERS = 10_000
LARGEST_NUMBER = 2**31 - 1
_FIELDS = ("client", "number", "lines")
_OPTIONAL = ("stderr", "time")
_NOT_STORED = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class ClientLog:
    """Lines as a client sent them, and which of its batches they are. `stderr`: places of those
    lines that came from standard error. `time`: when they were printed by the client's clock, in
    seconds since 1970."""

    client: str
    number: int
    lines: Sequence[str]
    stderr: Collection[int] = ()
    time: float | None = None

    def printed_at(self, now: datetime) -> datetime:
        """As far as it can be believed of a batch that came in at `now`."""
        claimed = None if self.time is None else datetime.fromtimestamp(self.time, UTC)
        return believed(claimed, now)


def parse_log(body: object) -> ClientLog:
    """The body of the API's console request. Raises Invalid."""
    if not isinstance(body, Mapping):
        raise _invalid("body", 'send an object: {"client": ..., "number": ..., "lines": [...]}.')
    unknown = sorted(set(map(str, body)) - {*_FIELDS, *_OPTIONAL})
    if unknown:
        raise _invalid(unknown[0], "is not known here: use client, number, lines, stderr and time.")
    for field in _FIELDS:
        if body.get(field) is None:
            raise _invalid(
                field,
                "is required: client (a name unique to the sending process) and number "
                "(0, 1, 2 ... of its batches) make lines that are sent again count once.",
            )
    log = ClientLog(
        body["client"], body["number"], body["lines"], body.get("stderr") or (), body.get("time")
    )
    _check(log)
    return log


def append_client_log(*, run_id: str, log: ClientLog) -> Logged:
    """Stores the lines behind those that came before, all or nothing.

    A line without a time and a level ("12:00:00 INFO ...") gets the time it was printed, else the
    one it came in, and INFO.
    (client, number) names the lines within the run: the same again changes nothing. Raises
    Invalid, NotFound (no such run) and Conflict (the number was used for other lines).
    """
    _check(log)
    now = timezone.now()
    stderr = frozenset(log.stderr)
    with transaction.atomic():
        lock_run(run_id)
        chunk, created = LogChunk.objects.get_or_create(
            run_id=run_id,
            client=log.client,
            number=log.number,
            defaults={"text": stamped(log.lines, log.printed_at(now), stderr), "created_at": now},
        )
    if not created and chunk.text != stamped(log.lines, log.printed_at(chunk.created_at), stderr):
        raise Conflict(
            f"Batch {log.number} of client {log.client} was stored with other lines; "
            "give every batch a number of its own.",
            code="log_number_used",
            fields={"number": [f"{log.number} was used for other lines."]},
        )
    return Logged(lines=len(log.lines), duplicate=not created)


SERVER = "metascope"  # who says what `note` says


@transaction.atomic
def note(*, run_id: str, line: str) -> None:
    """A line of the server's own on the run's console, such as what a person did to the run."""
    lock_run(run_id)
    said = LogChunk.objects.filter(run_id=run_id, client=SERVER).count()
    append_client_log(run_id=run_id, log=ClientLog(SERVER, said, [line]))


def _check(log: ClientLog) -> None:
    try:
        check_origin(log.client, log.number)
    except Invalid as error:
        raise Invalid(error.message, code="invalid_log", fields=error.fields) from None
    if log.number > LARGEST_NUMBER:
        raise _invalid("number", f"use a whole number from 0 to {LARGEST_NUMBER}.")
    if not isinstance(log.lines, list | tuple) or not 1 <= len(log.lines) <= LINES_PER_BATCH:
        raise _invalid("lines", f"send a list of 1 to {LINES_PER_BATCH:,} lines.")
    for index, line in enumerate(log.lines):
        _check_line(line, f"lines[{index}]")
    _check_places(log)
    _check_time(log.time)
    characters = sum(map(len, log.lines))
    if characters > CHUNK_CHARACTERS:
        raise _invalid(
            "lines",
            f"hold {characters:,} characters; the limit of a batch is {CHUNK_CHARACTERS:,}: send "
            "several.",
        )


def _check_places(log: ClientLog) -> None:
    count = len(log.lines)
    if not isinstance(log.stderr, Collection) or not all(
        isinstance(place, int) and not isinstance(place, bool) and 0 <= place < count
        for place in log.stderr
    ):
        raise _invalid(
            "stderr", f"send the places, 0 to {count - 1}, of lines that came from standard error."
        )


def _check_time(time: Any) -> None:
    if time is None:
        return
    is_number = isinstance(time, int | float) and not isinstance(time, bool)
    if not (is_number and 0 <= time <= LATEST_TIME):
        raise _invalid("time", "send seconds since 1970, up to the year 3000.")


def _check_line(line: object, field: str) -> None:
    if not isinstance(line, str):
        raise _invalid(field, "must be a text.")
    if len(line) > LINE_CHARACTERS:
        raise _invalid(
            field, f"is {len(line):,} characters long; the limit is {LINE_CHARACTERS:,}: cut it."
        )
    if "\n" in line or "\r" in line:
        raise _invalid(field, "holds a line break: send every line by itself.")
    if _NOT_STORED.search(line):
        raise _invalid(field, "holds NUL or broken Unicode, which cannot be stored: leave it out.")


def _invalid(field: str, message: str) -> Invalid:
    return invalid(field, message, code="invalid_log")
