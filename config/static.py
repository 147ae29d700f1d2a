"""Static files: which ones pip packages contribute, and the hashed names they are served under."""

import fcntl
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from django.contrib.staticfiles.finders import BaseFinder, get_finders
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.contrib.staticfiles.utils import matches_patterns
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage

from config.refusal import StartRefused
from dashboard import modules, sheets

# Name under /static/ -> (package, file in it). No CDN; of Plotly, whose package brings three times
# what pages draw with, the bundle with axes alone lies in dashboard/static/vendor.
VENDORED = {
    "vendor/htmx.min.js": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
}


@cache
def vendored_path(name: str) -> Path:
    """Where the installed package keeps the file. The package itself is not imported.
    Raises StartRefused when it is not installed."""
    package, inside = VENDORED[name]
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StartRefused(f"the package {package!r} is missing: run ./run again.")
    return Path(next(iter(spec.submodule_search_locations))) / inside


class _VendoredStorage(FileSystemStorage):
    """Opens vendored names where the packages keep them."""

    def path(self, name: str) -> str:
        return str(vendored_path(name))


class VendorFinder(BaseFinder):
    """Finds the files of `VENDORED`, and nothing else of those packages."""

    storage = _VendoredStorage()

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """The file's place on disk; an empty list when it is not vendored."""
        if path not in VENDORED:
            return []
        found = self.storage.path(path)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        for name in VENDORED:
            if not matches_patterns(name, list(ignore_patterns or ())):
                yield name, self.storage


class HashedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Names with a content hash, cached by browsers for ever; gzip made once, beforehand.

    The style sheets of pages are joined into one, and so are their modules. Imports between our own
    ES modules are rewritten to hashed names. Other people's scripts are left alone: they are
    bundled, and matching imports in megabytes of minified code is slow.
    """

    patterns: ClassVar[Any] = (
        HashedFilesMixin.patterns[0],
        ("dashboard/*.js", HashedFilesMixin._js_module_import_aggregation_patterns[1]),  # type: ignore[attr-defined]
    )

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Any:
        """Hashes and compresses what was collected, and what is joined with it."""
        if not dry_run:
            for name, made in ((sheets.JOINED, sheets.joined), (modules.JOINED, modules.joined)):
                self.delete(name)
                self.save(name, ContentFile(made()))
                paths = {**paths, name: (self, name)}
        yield from super().post_process(paths, dry_run, **options)


def collect(root: Path) -> bool:
    """Fills `root` (settings.STATIC_ROOT) with the collected files if any source changed since.

    True if it did. Several instances of one checkout share the folder and take turns.
    """
    root.mkdir(parents=True, exist_ok=True)
    stamp = root / ".sources"
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _sources_fingerprint()
        if stamp.exists() and stamp.read_text() == wanted:
            return False
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(wanted)
    return True


def _sources_fingerprint() -> str:
    """Changes when any static source is added, edited or removed; reads no contents."""
    lines = [Path(__file__).read_text()]
    for finder in get_finders():
        for name, storage in finder.list(None):
            state = Path(storage.path(name)).stat()
            lines.append(f"{name} {state.st_size} {state.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
