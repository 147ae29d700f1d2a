"""Bytes on their way in: what a workspace has sent, and large files that arrive in parts.

Who may refer to a blob by its SHA-256 must have sent it: knowing a hash opens nothing.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.db import transaction
from django.db.models.functions import Now

from experiments import blobs
from experiments.errors import Conflict, Invalid
from experiments.models import Blob, BlobUpload, Workspace

MOST_ASKED = 10_000
STALE_S = blobs.SENT_KEPT.total_seconds()  # parts that nobody went on with


def missing(workspace: Workspace, hashes: Iterable[str]) -> list[str]:
    """Those of the SHA-256 that the workspace has not sent yet, each once.

    The others are kept for as long as if they were sent now (blobs.SENT_KEPT).
    """
    wanted = list(dict.fromkeys(hashes))
    for sha256 in wanted:
        blobs.check_name(sha256)
    uploads = BlobUpload.objects.filter(workspace=workspace, blob__in=wanted)
    with transaction.atomic():
        # In one order: two who ask for the same files do not wait for each other.
        locked = uploads.select_for_update(no_key=True).order_by("blob_id")
        sent = set(locked.values_list("blob_id", flat=True))
        uploads.filter(blob__in=sent).update(created_at=Now())
    return [sha256 for sha256 in wanted if sha256 not in sent]


def receive(workspace: Workspace, sha256: str, source: blobs.Readable) -> Blob:
    """Stores a whole file. Raises Invalid when its bytes have another SHA-256."""
    blobs.check_name(sha256)
    return _sent(workspace, blobs.receive(source, sha256=sha256))


def received(workspace: Workspace, sha256: str) -> int:
    """How many bytes of a file in parts are here: where to go on."""
    blobs.check_name(sha256)
    part = _part(workspace, sha256)
    return part.stat().st_size if part.exists() else 0


def append(
    workspace: Workspace, sha256: str, source: blobs.Readable, *, offset: int, size: int
) -> Blob | None:
    """Adds a part of a file of `size` bytes at `offset`; the blob once all of it is here.

    Raises Conflict, naming where to go on, when `offset` is elsewhere, and Invalid when there are
    more bytes than `size` or they have another SHA-256: then nothing of them is kept.
    """
    blobs.check_name(sha256)
    part = _part(workspace, sha256)
    with _locked(part) as file:
        if sent := Blob.objects.filter(pk=sha256, uploads__workspace=workspace).first():
            part.unlink()  # another sender was first
            return sent
        here = os.fstat(file.fileno()).st_size
        if here != offset:
            raise Conflict(
                f"{here} bytes of this file are here: go on from there.",
                code="offset_differs",
                fields={"offset": [str(here)]},
            )
        while piece := source.read(blobs.PIECE):
            here += len(piece)
            if here > size:
                part.unlink()
                raise Invalid(
                    f"More than {size} bytes arrived: send the file again.",
                    fields={"size": [f"More than {size} bytes arrived."]},
                )
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
        return _whole(workspace, sha256, part) if here == size else None


def _whole(workspace: Workspace, sha256: str, part: Path) -> Blob:
    """Stores a part that has become all of its file. It stays where that fails for now (a full
    disk), and goes where its bytes are others.
    """
    try:
        with part.open("rb") as whole:
            blob = _sent(workspace, blobs.receive(whole, sha256=sha256))
    except Invalid:
        part.unlink()
        raise
    part.unlink()
    return blob


@contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """The part, for one sender at a time; made if need be."""
    while True:
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever held the lock before may have removed the file that this one waited for.
            if part.exists() and os.path.samestat(part.stat(), os.fstat(file.fileno())):
                yield file
                return


def drop_stale_parts() -> int:
    """Removes what nobody has added to for a week: parts, and what a killed server was receiving;
    how many.
    """
    stale = _stale()
    for part in stale:
        part.unlink(missing_ok=True)
    return len(stale)


def stale_parts() -> tuple[int, int]:
    """How many these are, and how many bytes."""
    stale = _stale()
    return len(stale), sum(part.stat().st_size for part in stale)


def _stale() -> list[Path]:
    long_ago = time.time() - STALE_S
    return [one for one in blobs.incoming().iterdir() if one.stat().st_mtime < long_ago]


def _part(workspace: Workspace, sha256: str) -> Path:
    return blobs.incoming() / f"{workspace.pk}-{sha256}.part"


def _sent(workspace: Workspace, blob: Blob) -> Blob:
    BlobUpload.objects.update_or_create(
        workspace=workspace, blob=blob, defaults={"created_at": Now()}
    )
    return blob


def size_of(sha256: str) -> int:
    """Bytes of a stored file."""
    return Blob.objects.values_list("size", flat=True).get(pk=sha256)
