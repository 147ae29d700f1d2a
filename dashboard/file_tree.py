"""A tree of stored files as a page shows it: one folder at a time, or one file of it."""

from dataclasses import dataclass
from urllib.parse import quote

from dashboard import stored_files
from experiments import files, paths
from experiments.errors import DomainError
from experiments.models import Manifest, ManifestFile

MOST_ROWS = 1_000


@dataclass(frozen=True)
class Place:
    """Addresses of a tree: the page's own query string, and where its bytes are.

    With `root`, the tree is what the manifest has below that folder; paths are told from there.
    """

    page: str  # with a "?" and without `path`
    content: str
    picture: str
    root: str = ""

    def full(self, path: str) -> str:
        """The path in the manifest."""
        return "/".join(filter(None, (self.root, path)))

    def at(self, path: str) -> str:
        """The page with a folder or a file of the tree open."""
        return f"{self.page}&path={quote(path, safe='/')}#files"

    def download(self, path: str) -> str:
        """The bytes of a file."""
        return f"{self.content}?path={quote(path, safe='/')}"

    def thumbnail(self, path: str) -> str:
        """A file as a picture."""
        return f"{self.picture}?path={quote(path, safe='/')}"


@dataclass(frozen=True)
class Row:
    """A child of the open folder. `url` is where a file lies that is kept elsewhere."""

    name: str
    href: str
    is_folder: bool
    is_open: bool
    size: int | None
    sha256: str | None
    url: str
    download: str
    picture: str


@dataclass(frozen=True)
class OpenFile:
    """The chosen file: a picture, a text, or neither; `why` says what kept it from being read."""

    file: ManifestFile
    name: str
    download: str
    picture: str
    text: str | None
    why: str


@dataclass(frozen=True)
class FileTree:
    """The open folder with the way to it, and the file that is open in it."""

    path: str
    crumbs: list[tuple[str, str]]
    rows: list[Row]
    left_out: int
    count: int
    size: int
    open_file: OpenFile | None

    @classmethod
    def of(cls, manifest: Manifest | None, path: str, place: Place) -> "FileTree":
        """With `path`, a folder or a file, open. Raises Invalid for a path that cannot be."""
        path = path.strip("/")
        if path:
            paths.check(path, field="path", longest=files.LONGEST_PATH)
        whole = ManifestFile.objects.select_related("blob").filter(manifest=manifest)
        chosen = whole.filter(path=place.full(path)).first() if manifest and path else None
        folder = path.rpartition("/")[0] if chosen else path
        entries = files.children(manifest, place.full(folder))
        return cls(
            path=folder,
            crumbs=_crumbs(folder, place),
            rows=[_row(one, folder, path, place) for one in entries[:MOST_ROWS]],
            left_out=max(0, len(entries) - MOST_ROWS),
            count=files.below(manifest, place.root).count(),
            size=files.total_size(manifest, place.root),
            open_file=_open(chosen, path, place) if chosen else None,
        )


def _crumbs(folder: str, place: Place) -> list[tuple[str, str]]:
    parts = folder.split("/") if folder else []
    return [(name, place.at("/".join(parts[: depth + 1]))) for depth, name in enumerate(parts)]


def _row(entry: files.Entry, folder: str, chosen: str, place: Place) -> Row:
    path = f"{folder}/{entry.name}" if folder else entry.name
    is_picture = stored_files.may_be_picture(path, entry.size, entry.sha256)
    return Row(
        name=entry.name,
        href=place.at(path),
        is_folder=entry.is_folder,
        is_open=path == chosen,
        size=entry.size,
        sha256=entry.sha256,
        url=entry.url,
        download=place.download(path) if entry.sha256 else "",
        picture=place.thumbnail(path) if is_picture else "",
    )


def _open(file: ManifestFile, path: str, place: Place) -> OpenFile:
    is_picture, text, why = False, None, ""
    try:
        is_picture = stored_files.is_picture(file)
        text = None if is_picture else stored_files.text_of(file)
    except DomainError as error:  # bytes that are lost or damaged: the page says so
        why = error.message
    return OpenFile(
        file=file,
        name=file.path.rpartition("/")[2],
        download=place.download(path) if file.blob_id else "",
        picture=place.thumbnail(path) if is_picture else "",
        text=text,
        why=why,
    )
