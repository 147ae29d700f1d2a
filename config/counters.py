"""The folder in which the web server's processes count together. Standard library only."""

import hashlib
import os
import shutil
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = Path("/dev/shm")


def place(data: Path, memory: Path = MEMORY) -> Path:
    """Where the counters of the instance of this data folder lie: in memory where there is any, as
    a full disk ends every process that writes to a mapped file (SIGBUS), else below `data`."""
    name = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]
    found = memory / f"metascope-{os.getuid()}-{name}"
    try:
        found.mkdir(mode=0o700, exist_ok=True)
        is_ours = found.lstat().st_uid == os.getuid() and not found.is_symlink()
    except OSError:
        is_ours = False
    return found if is_ours else data / "metrics"


def start_anew() -> None:
    """Empties the folder: counters start at zero with the web server, as Prometheus expects."""
    folder = os.environ.get(FOLDER)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(mode=0o700, parents=True)


def clear_away() -> None:
    """The web server has ended: nobody reads its counters any more."""
    if folder := os.environ.get(FOLDER):
        shutil.rmtree(folder, ignore_errors=True)


def is_shared() -> bool:
    """Whether there is such a folder; a server started by hand may do without."""
    return bool(os.environ.get(FOLDER))
