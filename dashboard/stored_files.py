"""Stored files as pages give them: downloads, pictures to look at, texts to read."""

from django.http import HttpResponse, HttpResponseBase

from dashboard.requests import SignedIn
from experiments import blobs, files
from experiments.api.bodies import download
from experiments.errors import NotFound
from experiments.models import Blob, Manifest, ManifestFile

LARGEST_PICTURE = 2_000_000  # bytes; larger ones are for downloading, as are texts past theirs
LARGEST_TEXT = 200_000
LARGEST_PAGE = 1_000_000
PAGES = "media/html/"  # below it lie the pages that runs logged
DRAWINGS = ("media/image/", "media/figure/")  # the same of pictures
# No scripts, no forms, nothing fetched, an origin of its own: a picture of the page.
PAGE_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
# As a picture of a page it runs and fetches nothing; opened by itself, neither.
DRAWING_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
RASTER_NAMES = (".png", ".jpg", ".jpeg", ".webp", ".gif")


def send(request: SignedIn, manifest: Manifest | None, path: str) -> HttpResponseBase:
    """The file as a download that browsers never render, streamed. Raises NotFound."""
    file = files.find(manifest, path)
    return download(request, files.blob_of(file), file.path.rpartition("/")[2])


def picture(manifest: Manifest | None, path: str) -> HttpResponse:
    """A picture to show on a page. Raises NotFound for what is none, whatever its name says."""
    blob = files.blob_of(files.find(manifest, path))
    data = _small(blob, LARGEST_PICTURE)
    kind = raster_type(data)
    if kind is None:
        raise NotFound(f"{path[:200]!r} is no picture of up to {LARGEST_PICTURE:,} bytes.")
    response = HttpResponse(data, content_type=kind)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = "inline"
    return response


def sound(request: SignedIn, manifest: Manifest | None, path: str) -> HttpResponseBase:
    """A sound or a film to play. Raises NotFound for what is none, whatever its name says."""
    blob = files.blob_of(files.find(manifest, path))
    with blobs.open_blob(blob.sha256) as source:
        kind = playable_type(source.read(12))
    if kind is None:
        raise NotFound(f"{path[:200]!r} is no sound or film.")
    response = download(request, blob, path.rpartition("/")[2])
    response["Content-Type"] = kind
    response["Content-Disposition"] = "inline"
    return response


def playable_type(data: bytes) -> str | None:
    """The media type that the first bytes tell, of sounds and films."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    if data.startswith((b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")):
        return "audio/mpeg"
    if data.startswith(b"OggS"):
        return "audio/ogg"
    if data.startswith(b"fLaC"):
        return "audio/flac"
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return "video/webm" if data.startswith(b"\x1a\x45\xdf\xa3") else None


def sandboxed_page(manifest: Manifest | None, path: str) -> HttpResponse:
    """A page of HTML that can do nothing, for a frame. Raises NotFound for every other file."""
    file = files.find(manifest, path)
    data = _small(files.blob_of(file), LARGEST_PAGE)
    if not (path.startswith(PAGES) and path.endswith(".html") and data):
        raise NotFound(f"{path[:200]!r} is no page of up to {LARGEST_PAGE:,} bytes.")
    response = HttpResponse(data, content_type="text/html; charset=utf-8")
    response["Content-Security-Policy"] = PAGE_POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["X-Content-Type-Options"] = "nosniff"
    response["Referrer-Policy"] = "no-referrer"
    return response


def drawing(manifest: Manifest | None, path: str) -> HttpResponse:
    """An SVG that a run logged as a picture, for an <img>, which neither runs nor fetches what is
    in it. Raises NotFound for every other file, and for one that declares entities: a few lines of
    those may unfold to gigabytes."""
    data = _small(files.blob_of(files.find(manifest, path)), LARGEST_PICTURE)
    is_drawing = path.startswith(DRAWINGS) and path.lower().endswith(".svg") and b"<svg" in data
    if not is_drawing or b"<!ENTITY" in data or b"\0" in data:
        raise NotFound(f"{path[:200]!r} is no SVG in UTF-8 of up to {LARGEST_PICTURE:,} bytes.")
    response = HttpResponse(data, content_type="image/svg+xml; charset=utf-8")
    response["Content-Security-Policy"] = DRAWING_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = "inline"
    return response


def raster_type(data: bytes) -> str | None:
    """The media type that the first bytes tell; None for everything but four raster formats."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def is_picture(file: ManifestFile) -> bool:
    """True for what `picture` gives, by its first bytes."""
    if file.blob is None or not may_be_picture(file.path, file.size, file.blob_id):
        return False
    with blobs.open_blob(file.blob.sha256) as source:
        return raster_type(source.read(12)) is not None


def may_be_picture(path: str, size: int | None, sha256: str | None) -> bool:
    """True where a thumbnail is worth asking for; `picture` looks at the bytes."""
    small = size is not None and size <= LARGEST_PICTURE
    return small and sha256 is not None and path.lower().endswith(RASTER_NAMES)


def text_of(file: ManifestFile) -> str | None:
    """The text of a small file in UTF-8; None for every other one."""
    if file.blob is None or file.blob.size > LARGEST_TEXT:
        return None
    data = _small(file.blob, LARGEST_TEXT)
    try:
        return None if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _small(blob: Blob, most: int) -> bytes:
    return blobs.read(blob.sha256) if blob.size <= most else b""
