"""Media files as data. Anybody uploads files: one that only has the name of its kind has none."""

from collections.abc import Callable
from typing import TypeVar

from experiments import blobs, reading
from experiments.models import Run
from experiments.reading.media import MediaFile

Content = TypeVar("Content")


def parsed(
    run: Run, media: MediaFile, parse: Callable[[bytes], Content], *, largest: int
) -> Content | None:
    """What `parse` makes of the file; None past `largest` bytes, or where it raises ValueError."""
    file = reading.media_file(run, media)
    if file.blob is None or file.blob.size > largest:
        return None
    try:
        return parse(blobs.read(file.blob.sha256))
    except ValueError:
        return None
