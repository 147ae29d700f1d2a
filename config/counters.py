"""The folder in which the web server's processes count together. Standard library only."""

import os
import shutil
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def start_anew() -> None:
    """Empties the folder: counters start at zero with the web server, as Prometheus expects."""
    folder = os.environ.get(FOLDER)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(mode=0o700, parents=True)


def is_shared() -> bool:
    """Whether there is such a folder; a server started by hand may do without."""
    return bool(os.environ.get(FOLDER))
