"""Files that arrive as numbered parts, several at once and in any order, each again if need be.

An upload is a note in the folder of what arrives: for whom, which file it becomes, of how many
parts, and on lines of its own how it ended. Its parts lie beside it. Like them it is of this
machine's disk, and goes with them when nobody went on for a week (`uploads.drop_stale_parts`).
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from experiments import blobs
from experiments.errors import Invalid, NotFound

MOST_PARTS = 10_000
LARGEST_PART = 5 * 2**30  # bytes
KEPT = blobs.SENT_KEPT
COMPLETED, ABORTED = "completed", "aborted"

_ID = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True)
class Upload:
    """One that has begun."""

    id: str  # random: nobody guesses one
    user: int
    target: str  # which file it becomes, in the words of who began it
    parts: int


def begin(*, user: int, target: str, parts: int) -> Upload:
    """An upload of so many parts, which this user alone may go on with. Raises Invalid."""
    if not 1 <= parts <= MOST_PARTS:
        message = f"A file has 1 to {MOST_PARTS:,} parts, not {parts}: choose another size of part."
        raise Invalid(message, fields={"num_parts": [message]})
    upload = Upload(secrets.token_urlsafe(24), user, target, parts)
    with _note(upload.id).open("x") as note:
        note.write(f"{json.dumps(asdict(upload))}\n")
    return upload


def find(upload_id: str, user: int) -> Upload:
    """The user's upload, ended or not. Raises NotFound."""
    if _ID.fullmatch(upload_id):
        try:
            upload = Upload(**json.loads(_note(upload_id).read_text().splitlines()[0]))
        except FileNotFoundError:
            raise _unknown() from None
        if upload.user == user:
            return upload
    raise _unknown()


def put(upload: Upload, number: int, source: blobs.Readable) -> str:
    """Keeps a part, in the place of one that was there; its SHA-256.

    Raises NotFound for a number that no part has and for an upload that has ended, Invalid for a
    part that is too large.
    """
    if not 1 <= number <= upload.parts:
        raise NotFound(f"This upload has parts 1 to {upload.parts}, and no part {number}.")
    with blobs.arrived(_Limited(source)) as new, _held(upload, fcntl.LOCK_SH) as note:
        if _ending(note):
            raise _unknown()
        os.replace(new.path, _part(upload, number))
        os.utime(note.fileno())
        return new.sha256


def complete(
    upload: Upload, sent: Sequence[tuple[int, str]], keep: Callable[[blobs.Readable], object]
) -> None:
    """Hands the file to `keep`, once: whoever asks again finds it done.

    `sent` names every part in order with its SHA-256. Raises Invalid, naming the part to send
    again, and then the upload stays open; NotFound for one that was aborted.
    """
    with _held(upload, fcntl.LOCK_EX) as note:
        ending = _ending(note)
        if ending == COMPLETED:
            return
        if ending == ABORTED:
            raise _unknown()
        if [number for number, _ in sent] != list(range(1, upload.parts + 1)):
            raise _wrong(f"Name each of the parts 1 to {upload.parts} once and in order.")
        for number, _ in sent:
            if not _part(upload, number).exists():
                raise _wrong(f"Part {number} is not here: send it.")
        keep(_Joined([(number, _part(upload, number), digest) for number, digest in sent]))
        _end(upload, note, COMPLETED)


def abort(upload: Upload) -> None:
    """Drops the parts; no more are taken. One that has ended stays as it is."""
    with _held(upload, fcntl.LOCK_EX) as note:
        if not _ending(note):
            _end(upload, note, ABORTED)


def _end(upload: Upload, note: IO[str], ending: str) -> None:
    note.write(f"{ending}\n")
    note.flush()
    for number in range(1, upload.parts + 1):
        _part(upload, number).unlink(missing_ok=True)


def _ending(note: IO[str]) -> str:
    """How an upload ended, or nothing while it goes on."""
    note.seek(0)
    return "".join(note.read().splitlines()[1:])


@contextmanager
def _held(upload: Upload, lock: int) -> Iterator[IO[str]]:
    """The note, to read and to add to; parts take turns with ends, not with each other."""
    try:
        note = _note(upload.id).open("r+")
    except FileNotFoundError:
        raise _unknown() from None
    with note:
        fcntl.flock(note, lock)
        yield note


class _Limited:
    """A part on its way. Raises Invalid when it is too large."""

    def __init__(self, source: blobs.Readable) -> None:
        self._source = source
        self._left = LARGEST_PART

    def read(self, size: int, /) -> bytes:
        piece = self._source.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise _wrong(f"A part has at most {LARGEST_PART} bytes: send more, smaller ones.")
        return piece


class _Joined:
    """The parts one after the other. Raises Invalid at the end of one that has another SHA-256."""

    def __init__(self, parts: Sequence[tuple[int, Path, str]]) -> None:
        self._pieces = self._read(parts)

    def read(self, size: int, /) -> bytes:
        return next(self._pieces, b"")

    @staticmethod
    def _read(parts: Sequence[tuple[int, Path, str]]) -> Iterator[bytes]:
        for number, path, sha256 in parts:
            digest = hashlib.sha256()
            with path.open("rb") as part:
                while piece := part.read(blobs.PIECE):
                    digest.update(piece)
                    yield piece
            if digest.hexdigest() != sha256:
                raise _wrong(f"Part {number} is another than the one named: send it again.")


def _note(upload_id: str) -> Path:
    return blobs.incoming() / f"{upload_id}.upload"


def _part(upload: Upload, number: int) -> Path:
    return blobs.incoming() / f"{upload.id}.{number}.part"


def _wrong(message: str) -> Invalid:
    return Invalid(message, fields={"parts": [message]})


def _unknown() -> NotFound:
    return NotFound("There is no such upload: begin a new one.", code="upload_not_found")
