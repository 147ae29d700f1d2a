"""What a run records while its script goes on: console, machine, a module's norms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from metascope._machine import EVERY_S, Machine
from metascope._output import OFF, Output
from metascope._settings import Settings
from metascope._watch import Watch


class Observed(ABC):
    """The part of a `Run` that looks at its process."""

    _console: Output | None
    _machine: Machine | None
    _watches: list[Watch]
    _started_in: Path  # the run's spool
    _step: int

    @abstractmethod
    def _event(self, kind: str, content: Any) -> None:
        """Write it into the spool."""

    @abstractmethod
    def _lose(self, count: int, what: str = "", error: Exception | None = None) -> None:
        """Count what could not be kept, and say why."""

    @abstractmethod
    def _settings_of(self) -> Settings:
        """What of the console is kept. Raises ValueError."""

    @abstractmethod
    def _log_beside(self, row: dict[str, float], step: int) -> None:
        """A row of our own."""

    @abstractmethod
    def _describe(self, model: Any) -> bool:
        """Keep the layers of a model; False for what has none."""

    @abstractmethod
    def log_histogram(self, key: str, values: Any, bins: int = 64, step: int | None = None) -> None:
        """How values are distributed."""

    def capture_console(self, label: str = "") -> None:
        """Keep what the script prints from here on, line by line behind `label`; where its output
        leads to no terminal, that of its child processes and of libraries in C, too
        (METASCOPE_CONSOLE=python: without them)."""
        if self._console is None and (how := self._settings_of().console) != OFF:
            self._console = Output(self._keep_lines, self._started_in, how, label)

    def _keep_lines(self, lines: list[str], stderr: list[int]) -> None:
        marks = {"stderr": stderr} if stderr else {}
        self._event("console", {"lines": lines, **marks})

    def watch_machine(
        self, every_s: float = EVERY_S, *, since_s: float = 0.0, rank: int = 0
    ) -> None:
        """Record processor, memory, disk, network and GPUs from here on, below "system/", or
        "system/rank1/"; steps are seconds, the first of them `since_s`."""
        if self._machine is None:
            self._machine = Machine(self._log_beside, every_s, since_s, rank=rank)

    def watch(
        self, module: Any, every: int = 100, *, histograms: bool = False, activations: bool = False
    ) -> None:
        """Keep a model's layers and shapes. Of a PyTorch module, record norms of gradients and
        weights every `every` backward passes; with `activations`, norms of what its innermost
        modules put out, and their share of zeros below "zeros/"; with `histograms`, how all of
        these are distributed, too."""
        try:
            if every < 1:
                raise ValueError(f"every is {every}: use 1 or more")
            if self._describe(module) and not hasattr(module, "named_parameters"):
                return
            show = self._show_histogram if histograms else None
            self._watches.append(
                Watch(
                    module,
                    self._log_beside,
                    lambda: self._step,
                    every=every,
                    show=show,
                    activations=activations,
                )
            )
        except Exception as error:  # logging must never end a training
            self._lose(1, "watch", error)

    def _show_histogram(self, key: str, values: Any, step: int) -> None:
        self.log_histogram(key, values, step=step)
