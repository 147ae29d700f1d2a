"""Media files as data. Anybody uploads files: one that only has the name of its kind has none."""

from collections.abc import Callable
from typing import TypeVar

from experiments import blobs, files, reading
from experiments.errors import NotFound
from experiments.models import Run
from experiments.reading.media import MediaFile

Content = TypeVar("Content")


def read(run: Run, media: MediaFile, parse: Callable[[bytes], Content], *, largest: int) -> Content:
    """What `parse` makes of the file. Raises NotFound, and ValueError past `largest` bytes and for
    what `parse` cannot read."""
    blob = files.blob_of(reading.media_file(run, media))
    if blob.size > largest:
        raise ValueError(f"{blob.size:,} bytes are too many to draw")
    return parse(blobs.read(blob.sha256))


def parsed(
    run: Run, media: MediaFile, parse: Callable[[bytes], Content], *, largest: int
) -> Content | None:
    """The same; None where it raises."""
    try:
        return read(run, media, parse, largest=largest)
    except (ValueError, NotFound):
        return None
