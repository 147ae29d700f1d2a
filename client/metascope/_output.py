"""What a script prints: by its descriptors where that can be, else by Python's streams."""

from __future__ import annotations

from pathlib import Path

from metascope._console import STREAMS, Console, Keep
from metascope._descriptors import Descriptors, capturable

ALL, PYTHON, OFF = "all", "python", "off"  # METASCOPE_CONSOLE
KEPT_S = 5.0
GONE = (
    "metascope: the process that keeps what is printed was killed; from here on only what Python "
    "prints is kept\n"
)


class Output:
    """Kept until `close`. `how`: "all" includes what child processes and libraries in C print.
    `label`: before each line that is kept."""

    def __init__(self, keep: Keep, folder: Path, how: str = ALL, label: str = "") -> None:
        streams = capturable() if how == ALL else []
        teed = [name for name in STREAMS if name not in streams]
        self._console = Console(keep, teed, label)
        self._descriptors: Descriptors | None = None
        if streams:
            try:
                self._descriptors = Descriptors(folder, streams, self._go_on_without, label)
            except (OSError, ValueError):  # no process can be started: what Python prints is kept
                self._console.listen(streams)

    def _go_on_without(self) -> None:
        """The process that kept what the descriptors carry has died."""
        if self._console.listen(capturable()):
            self._console.take("stderr", GONE)

    def close(self) -> None:
        """The streams are as they were; the rest is kept."""
        self._console.close()
        if self._descriptors:
            self._descriptors.close()

    def wait(self, wait_s: float) -> None:
        """After `close`: until the server has what the descriptors carried, for so long at most."""
        if self._descriptors:
            self._descriptors.wait(min(wait_s, KEPT_S))

    def after_fork(self) -> None:
        """In a forked child."""
        self._console.after_fork()
        if self._descriptors:
            self._descriptors.after_fork()
