"""Bytes under their SHA-256: stored once, verified when read, collected when unreferenced.

The name of a blob is computed here from its bytes and never taken from a caller. A put first
touches the row (`created_at` = last put), then makes sure that the file exists; `collect` deletes
row and file in one transaction, and only rows whose last put is long ago. Whichever comes first, a
row that something refers to has its file.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Protocol

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from experiments.errors import DomainError, Invalid, NotFound, Unavailable
from experiments.models import Blob, BlobUpload, Checkpoint, ManifestFile, Snapshot, SnapshotFile

# Longer than any transaction that puts a blob and then refers to it.
COLLECT_AFTER = timedelta(minutes=10)
DIFFERS = "store_differs"
NEWEST = 3  # of each kind: files that are looked for before any is deleted
# How long what a client sent waits for the version that will refer to it: large uploads take hours.
SENT_KEPT = timedelta(days=7)

PIECE = 1024 * 1024

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Readable(Protocol):
    """What yields bytes piece by piece: a file, the body of a request."""

    def read(self, size: int, /) -> bytes: ...


class Damaged(DomainError):
    """The stored bytes are not those that were put."""

    code = "blob_damaged"


def put(data: bytes) -> Blob:
    """Store `data`, durably, unless it is there; returns its row."""
    return put_many([data])[hashlib.sha256(data).hexdigest()]


def put_many(contents: Iterable[bytes]) -> dict[str, Blob]:
    """Store each of `contents` durably; returns the rows by SHA-256."""
    by_sha: Mapping[str, bytes] = {hashlib.sha256(data).hexdigest(): data for data in contents}
    if not by_sha:
        return {}
    with _wanted({sha: len(data) for sha, data in by_sha.items()}):
        for sha, data in by_sha.items():
            _ensure_file(sha, data)
    return Blob.objects.in_bulk(list(by_sha))


@contextmanager
def _wanted(sizes: Mapping[str, int]) -> Iterator[None]:
    """Each blob has a row that says it is wanted now: then `collect` leaves it alone. Where its
    file cannot be stored, a row that was made for it goes again, unless somebody else wants it."""
    known = set(Blob.objects.filter(pk__in=sizes).values_list("pk", flat=True))
    _want(sizes)
    made = Blob.objects.filter(pk__in=sizes.keys() - known)
    since = dict(made.values_list("pk", "created_at"))
    try:
        yield
    except Exception:
        if not transaction.get_connection().needs_rollback:
            for sha, at in since.items():
                if not _storage_has(sha):
                    Blob.objects.exclude(pk__in=referred_to()).filter(
                        pk=sha, created_at__lte=at
                    ).delete()
        raise


def _storage_has(sha256: str) -> bool:
    """Whether the file is there; False where the store does not answer, too."""
    try:
        return _storage().exists(_name(sha256))
    except (DomainError, OSError):
        return False


def _want(sizes: Mapping[str, int]) -> None:
    """See that each blob has a row, with the time of this.

    Rows are locked in one order, so that two who put the same files do not wait for each other. A
    row that `collect` is deleting conflicts with the new one, and is gone once it can be locked: it
    is inserted again, until all are there.
    """
    with transaction.atomic():
        absent = sorted(sizes)
        while absent:
            Blob.objects.bulk_create(
                [Blob(sha256=sha, size=sizes[sha]) for sha in absent], ignore_conflicts=True
            )
            rows = Blob.objects.filter(sha256__in=absent).order_by("sha256")
            locked = set(rows.select_for_update(no_key=True).values_list("pk", flat=True))
            Blob.objects.filter(pk__in=locked).update(created_at=Now())
            absent = [sha for sha in absent if sha not in locked]


def receive(source: Readable, *, sha256: str = "") -> Blob:
    """Store all that `source` yields, in bounded memory, durably; returns its row.

    Raises Invalid when `sha256` is given and the bytes have another.
    """
    with arrived(source) as new:
        if sha256 not in ("", new.sha256):
            raise Invalid(
                f"The bytes received have the SHA-256 {new.sha256}, not {sha256}: send them again.",
                code="digest_differs",
                fields={"sha256": [f"The bytes have {new.sha256}."]},
            )
        return _keep(new.sha256, new.size, new.path)


@dataclass(frozen=True)
class Arrived:
    """Bytes that are on this machine's disk and nothing refers to yet."""

    path: Path
    sha256: str
    size: int


@contextmanager
def arrived(source: Readable) -> Iterator[Arrived]:
    """All that `source` yields as a file of `incoming`, gone afterwards unless it was moved."""
    with tempfile.NamedTemporaryFile(dir=incoming(), prefix=".new-", delete=False) as file:
        path = Path(file.name)
        try:
            digest, size = hashlib.sha256(), 0
            while piece := source.read(PIECE):
                digest.update(piece)
                size += len(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            yield Arrived(path, digest.hexdigest(), size)
        finally:
            path.unlink(missing_ok=True)


def _keep(sha256: str, size: int, received: Path) -> Blob:
    """Row first, then the file, as `put_many` does."""
    storage, name = _storage(), _name(sha256)
    with _wanted({sha256: size}):
        if not (storage.exists(name) and storage.size(name) == size):
            _move(received, storage, name)
    return Blob.objects.get(pk=sha256)


def _move(received: Path, storage: Storage, name: str) -> None:
    try:
        path = Path(storage.path(name))
    except NotImplementedError:
        with received.open("rb") as file:
            _save(storage, name, File(file))
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(received, path)
        _sync_folders(path)


def incoming() -> Path:
    """Beside the blobs, so that a received file is moved and not copied; on this machine's disk
    where they are elsewhere.
    """
    try:
        folder = Path(_storage().path("incoming"))
    except NotImplementedError:
        folder = Path(settings.DATA_DIR) / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def open_blob(sha256: str) -> IO[bytes]:
    """The bytes under `sha256` as a file, unverified: its reader is told the name, and may check.

    Raises NotFound.
    """
    try:
        file: IO[bytes] = _storage().open(_name(sha256))
    except FileNotFoundError:
        raise NotFound(f"There is no blob {sha256}.", code="blob_not_found") from None
    return file


def read(sha256: str) -> bytes:
    """The bytes under `sha256`. Raises NotFound, or Damaged when they hash to something else."""
    name = _name(sha256)
    try:
        with _storage().open(name) as file:
            data: bytes = file.read()
    except FileNotFoundError:
        raise NotFound(f"There is no blob {sha256}.", code="blob_not_found") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Damaged(
            f"Blob {sha256} is damaged on disk. Restore the folder 'blobs' from a backup."
        )
    return data


def unused() -> QuerySet[Blob]:
    """Blobs that nothing refers to, and nobody put or sent lately: what `collect` deletes."""
    return unreferenced(
        Checkpoint.objects.all(),
        SnapshotFile.objects.all(),
        Snapshot.objects.all(),
        ManifestFile.objects.all(),
    )


def referred_to() -> QuerySet[Blob]:
    """Blobs that something refers to: the files that an instance cannot do without."""
    return Blob.objects.filter(
        Exists(Checkpoint.objects.filter(blob=OuterRef("pk")))
        | Exists(SnapshotFile.objects.filter(blob=OuterRef("pk")))
        | Exists(Snapshot.objects.filter(patch=OuterRef("pk")))
        | Exists(ManifestFile.objects.filter(blob=OuterRef("pk")))
    )


def unreferenced(
    checkpoints: QuerySet[Checkpoint],
    code: QuerySet[SnapshotFile],
    patches: QuerySet[Snapshot],
    files: QuerySet[ManifestFile],
) -> QuerySet[Blob]:
    """Blobs to which none of these refers, and that nobody put or sent lately."""
    lately = Now() - SENT_KEPT
    return Blob.objects.filter(
        ~Exists(checkpoints.filter(blob=OuterRef("pk"))),
        ~Exists(code.filter(blob=OuterRef("pk"))),
        ~Exists(patches.filter(patch=OuterRef("pk"))),
        ~Exists(files.filter(blob=OuterRef("pk"))),
        ~Exists(BlobUpload.objects.filter(blob=OuterRef("pk"), created_at__gte=lately)),
        created_at__lt=Now() - COLLECT_AFTER,
    )


def check_store() -> None:
    """Raises Unavailable where the newest files are not in the store: it is another one than they
    were put into, or has lost them."""
    for sha in _newest():
        if not _storage().exists(_name(sha)):
            raise Unavailable(f"The store of files lacks {sha}.", code=DIFFERS)


def _newest() -> list[str]:
    """The latest files of each kind that something refers to, or of all where nothing does."""
    referring: tuple[QuerySet[Any], ...] = (
        Checkpoint.objects.order_by("-pk"),
        SnapshotFile.objects.order_by("-pk"),
        ManifestFile.objects.exclude(blob=None).order_by("-pk"),
    )
    newest = [sha for rows in referring for sha in rows.values_list("blob_id", flat=True)[:NEWEST]]
    return newest or list(
        Blob.objects.order_by("-created_at").values_list("pk", flat=True)[:NEWEST]
    )


def collect(limit: int = 100) -> int:
    """Delete up to `limit` unused blobs; returns how many. Raises Unavailable like `check_store`:
    what is deleted in another store stays in its own, and nothing would remember it."""
    collected = 0
    found = list(unused().values_list("sha256", flat=True)[:limit])
    if found:
        check_store()
    for sha in found:
        with transaction.atomic():
            # The row stays locked until its file is gone: a put of the same bytes waits here, then
            # finds neither and stores both again. Whoever referred to it before the lock is seen.
            Blob.objects.select_for_update().filter(pk=sha).first()
            deleted, _ = unused().filter(sha256=sha).delete()
            if deleted:
                _storage().delete(_name(sha))
                collected += 1
    return collected


def _storage() -> Storage:
    return storages["blobs"]


def check_name(sha256: str) -> None:
    """Raises NotFound unless this can name a blob."""
    if not _SHA256.fullmatch(sha256):
        raise NotFound("A blob is named by 64 hexadecimal digits.", code="blob_not_found")


def _name(sha256: str) -> str:
    check_name(sha256)
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _ensure_file(sha256: str, data: bytes) -> None:
    storage, name = _storage(), _name(sha256)
    if storage.exists(name) and storage.size(name) == len(data):
        return
    try:
        path = Path(storage.path(name))
    except NotImplementedError:  # an object store: its writes are atomic and durable
        _save(storage, name, ContentFile(data))
        return
    _write_durably(path, data)


def _save(storage: Storage, name: str, content: "File[bytes]") -> None:
    saved = storage.save(name, content)
    if saved != name:  # another writer of the same bytes was first
        storage.delete(saved)


def _write_durably(path: Path, data: bytes) -> None:
    """Write all of `data` under `path` or nothing, and have it survive power loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folders(path)


def _sync_folders(path: Path) -> None:
    for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
