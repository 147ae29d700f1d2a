"""A snapshot to read: its files, one of them with syntax colours."""

from dataclasses import dataclass

from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound

from experiments import blobs, snapshots
from experiments.models import Snapshot

LARGEST_SHOWN = 300_000  # bytes; larger files are for downloading
PATCH = "uncommitted changes.patch"


@dataclass(frozen=True)
class FileEntry:
    path: str
    size: int


@dataclass(frozen=True)
class CodeView:
    """`html` is the chosen file, escaped and coloured; None with `why` when it is not shown."""

    snapshot: Snapshot
    files: tuple[FileEntry, ...]
    path: str
    html: SafeString | None
    why: str

    @classmethod
    def of(cls, snapshot: Snapshot | None, path: str) -> "CodeView | None":
        """The snapshot with `path` open; with its first file when there is no such path."""
        if snapshot is None:
            return None
        files = [
            FileEntry(row.path, row.blob.size)
            for row in snapshot.files.select_related("blob").order_by("path")
        ]
        if snapshot.patch is not None:
            files.insert(0, FileEntry(PATCH, snapshot.patch.size))
        if not files:
            return cls(snapshot, (), "", None, "This snapshot has no files.")
        chosen = next((file for file in files if file.path == path), files[0])
        html, why = _shown(snapshot, chosen)
        return cls(snapshot, tuple(files), chosen.path, html, why)


def file_bytes(snapshot: Snapshot, path: str) -> bytes | None:
    """The bytes of one file of the snapshot, or of its patch; None when there is none."""
    if path == PATCH and snapshot.patch_id:
        return snapshots.load_patch(snapshot)
    row = snapshot.files.filter(path=path).first()
    return blobs.read(row.blob_id) if row else None


def coloured(text: str, path: str) -> SafeString:
    """HTML of the text with line numbers and syntax classes; every character is escaped."""
    try:
        lexer = get_lexer_for_filename(path, stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)
    formatter = HtmlFormatter(linenos="inline", cssclass="hl", lineanchors="L", wrapcode=True)
    # Pygments escapes the text; the path chooses a lexer and reaches no markup.
    html: str = highlight(text, lexer, formatter)
    return mark_safe(html)


def _shown(snapshot: Snapshot, file: FileEntry) -> tuple[SafeString | None, str]:
    if file.size > LARGEST_SHOWN:
        return None, "Too large to show here; download it instead."
    data = file_bytes(snapshot, file.path) or b""
    if b"\0" in data[:8192]:
        return None, "Not a text; download it instead."
    return coloured(data.decode("utf-8", errors="replace"), file.path), ""
