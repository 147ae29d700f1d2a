"""Which run of this process is meant where none is named: the last one that was started."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metascope._run import Run

_running: list[Run] = []


def active_run() -> Run | None:
    """The run this process started last and has not finished; None where there is none."""
    return _running[-1] if _running else None


def begin(run: Run) -> None:
    """From here on it is the active one."""
    _running.append(run)


def end(run: Run) -> None:
    """It is not active any more; the one before it is, unless it has ended, too."""
    _running[:] = [one for one in _running if one is not run]
