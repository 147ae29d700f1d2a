"""Trees of files: what a manifest holds, folder by folder, and how it changes."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Q, QuerySet, Sum

from experiments import blobs, paths
from experiments.errors import Conflict, Invalid, NotFound
from experiments.models import Blob, Manifest, ManifestFile, Run

LONGEST_PATH = 1_000


@dataclass(frozen=True)
class Entry:
    """A child of a folder: a file, or a folder with files somewhere below it."""

    name: str
    is_folder: bool
    size: int | None  # in bytes; of a folder: None
    sha256: str | None
    url: str = ""  # of a file that is kept elsewhere


def of_run(run: Run) -> Manifest:
    """The run's tree, made if it has none yet."""
    if run.files is None:
        with transaction.atomic():
            locked = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
            if locked.files is None:
                locked.files = Manifest.objects.create(workspace_id=run.project.workspace_id)
                locked.save(update_fields=["files"])
            run.files = locked.files
    return run.files


def put(manifest: Manifest, path: str, source: blobs.Readable, *, sha256: str = "") -> ManifestFile:
    """Stores a file under `path`, in the place of one that was there.

    Raises Invalid for a path that cannot be, or bytes that are not those of `sha256`; Conflict if
    the tree is sealed, or has a folder where the file would be, or a file where a folder would be.
    """
    check_free(manifest, path)
    blob = blobs.receive(source, sha256=sha256)
    return put_blob(manifest, path, blob)


@transaction.atomic
def put_blob(manifest: Manifest, path: str, blob: Blob) -> ManifestFile:
    """Puts bytes that are stored already under `path`; raises as `put` does."""
    Manifest.objects.select_for_update(no_key=True).get(
        pk=manifest.pk
    )  # two writers of one tree take turns
    check_free(manifest, path)
    file, _ = ManifestFile.objects.update_or_create(
        manifest=manifest,
        path=path,
        defaults={"blob": blob, "size": blob.size, "url": "", "digest": ""},
    )
    return file


def check_free(manifest: Manifest, path: str) -> None:
    """Raises as `put` does, where nothing can be put under `path`."""
    paths.check(path, field="path", longest=LONGEST_PATH)
    if Manifest.objects.filter(pk=manifest.pk, sealed=True).exists():
        raise Conflict("These files are sealed: make a new version.", code="files_sealed")
    files = ManifestFile.objects.filter(manifest=manifest)
    parts = path.split("/")
    above = ["/".join(parts[:size]) for size in range(1, len(parts))]
    if files.filter(_below(path)).exists():
        raise Conflict(f"{path!r} is a folder already.", code="path_taken")
    if taken := files.filter(path__in=above).first():
        raise Conflict(f"{taken.path!r} is a file already, not a folder.", code="path_taken")


def _below(folder: str) -> Q:
    """Paths below a folder, found by the index."""
    if not folder:
        return Q()
    if connection.vendor == "sqlite":  # its LIKE knows no case; "0" is what follows "/"
        return Q(path__gte=f"{folder}/", path__lt=f"{folder}0")
    return Q(path__startswith=f"{folder}/")  # elsewhere text sorts as its language does


def find(manifest: Manifest | None, path: str) -> ManifestFile:
    """The file under `path`. Raises NotFound."""
    file = ManifestFile.objects.filter(manifest=manifest, path=path).first()
    if manifest is None or file is None:
        raise NotFound(f"There is no file {path[:200]!r}.", code="file_not_found")
    return file


def blob_of(file: ManifestFile) -> Blob:
    """The bytes of a file. Raises Invalid for one that is kept elsewhere."""
    if file.blob is None:
        raise Invalid(f"{file.path!r} is kept elsewhere, at {file.url}.", code="file_elsewhere")
    return file.blob


def below(manifest: Manifest | None, folder: str = "") -> QuerySet[ManifestFile]:
    """All files below a folder, however deep."""
    rows = ManifestFile.objects.filter(_below(folder), manifest=manifest)
    return rows if manifest else rows.none()


def below_any(manifests: Collection[int], folder: str) -> QuerySet[ManifestFile]:
    """All files below a folder of any of these trees."""
    return ManifestFile.objects.filter(_below(folder), manifest__in=manifests)


def children(manifest: Manifest | None, folder: str = "") -> list[Entry]:
    """What a folder holds, folders first, then by name; nothing for one that is not there."""
    if manifest is None:
        return []
    start = len(folder) + 1 if folder else 0
    files: list[Entry] = []
    folders: set[str] = set()
    rows = ManifestFile.objects.filter(_below(folder), manifest=manifest)
    for path, size, sha256, url in rows.values_list("path", "size", "blob_id", "url"):
        name, _, rest = path[start:].partition("/")
        if rest:
            folders.add(name)
        else:
            files.append(Entry(name, is_folder=False, size=size, sha256=sha256, url=url))
    found = [Entry(name, is_folder=True, size=None, sha256=None) for name in sorted(folders)]
    return found + sorted(files, key=lambda entry: entry.name)


def total_size(manifest: Manifest | None, folder: str = "") -> int:
    """Bytes of all files below a folder, those stored once and used twice counted twice."""
    return below(manifest, folder).aggregate(total=Sum("size"))["total"] or 0


def remove(manifest: Manifest | None, path: str) -> int:
    """Removes a file, or a folder with all below it; returns how many files. Raises Conflict if
    the tree is sealed, NotFound if there is nothing.
    """
    if manifest is not None and Manifest.objects.filter(pk=manifest.pk, sealed=True).exists():
        raise Conflict("These files are sealed: nothing of them can go.", code="files_sealed")
    rows = ManifestFile.objects.filter(Q(path=path) | _below(path), manifest=manifest)
    removed = rows.delete()[0] if manifest and path else 0
    if not removed:
        raise NotFound(f"There is no file {path[:200]!r}.", code="file_not_found")
    return removed
