"""Metascope: record machine-learning experiments; nothing logged is lost.

import metascope

with metascope.start("sinusoid", params={"lr": 0.01}) as run:
    for step in range(1000):
        run.log({"train/loss": loss}, step=step)
"""

from metascope._active import active_run
from metascope._errors import Denied, MetascopeError, MissingFramework, Refused, Unreachable
from metascope._run import Run
from metascope._start import start
from metascope._tensorboard import sync_tensorboard
from metascope._track import track

__all__ = [
    "Denied",
    "MetascopeError",
    "MissingFramework",
    "Refused",
    "Run",
    "Unreachable",
    "active_run",
    "start",
    "sync_tensorboard",
    "track",
]
__version__ = "0.1.0"
