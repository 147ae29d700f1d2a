"""A run that records nothing: the script goes on as it is written, and nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from metascope import _active
from metascope._ending import Ending
from metascope._machine import EVERY_S
from metascope._media import Encoded
from metascope._run import Run
from metascope._settings import Settings


class DisabledRun(Run):
    """What `start` gives where recording is switched off. No spool, no thread, no request: only
    `use_artifact` and `use_model` still fetch, as the script reads what they return."""

    def __init__(self, settings: Settings, project: str) -> None:
        # Not Run's own: that one opens what this one does without.
        self.lost = 0
        self._settings = settings
        self._project = project
        self._step = 0
        self._logged = {}
        self._is_finished = False

    @property
    def id(self) -> str | None:
        """None: the server does not know this run."""
        return None

    @property
    def url(self) -> str | None:
        """None: it has no page."""
        return None

    def wait(self, wait_s: float = 60.0) -> bool:
        """False: no server makes it."""
        return False

    def as_parent(self) -> dict[str, str]:
        """Nothing: a child run is nested in no run."""
        return {}

    def log(self, data: Mapping[str, Any], step: int | None = None) -> None:
        """Nothing is recorded."""

    def _keep(
        self, source: str | os.PathLike[str], name: str, *, kind: str, aliases: Sequence[str],
        metadata: Mapping[str, Any] | None, model: str = "", model_aliases: Sequence[str] = (),
    ) -> str:  # fmt: skip
        return ""

    def capture_console(self, label: str = "") -> None:
        """Nothing is captured."""

    def count_from(self, step: int) -> None:
        """Nothing is counted."""

    def watch_machine(
        self, every_s: float = EVERY_S, *, since_s: float = 0.0, rank: int = 0
    ) -> None:
        """Nothing is measured."""

    def watch(
        self, module: Any, every: int = 100, *, histograms: bool = False, activations: bool = False
    ) -> None:
        """The module gets no hooks."""

    def finish(
        self, status: str = "completed", reason: str | BaseException = "", *,
        exit_code: int | None = None, wait_s: float | None = None,
    ) -> bool:  # fmt: skip
        """True: nothing is waiting."""
        return self._end(Ending(status))

    def _end(self, how: Ending, wait_s: float | None = None) -> bool:
        _active.end(self)
        self._is_finished = True
        return True

    def _event(self, kind: str, content: Any) -> None:
        return

    def _lose(self, count: int, what: str = "", error: Exception | None = None) -> None:
        return

    def _media(self, kind: str, key: str, step: int | None, encode: Callable[[], Encoded]) -> None:
        return

    def _stands_in(self) -> bool:
        return False

    def _new_file(self, kind: str, size: int = 0) -> Path:
        raise ValueError("recording is switched off")

    def _upload_of(self, bundle: str) -> str | None:
        return None

    def _version_of(self, bundle: str) -> tuple[bool, int | None]:
        return True, None

    def _settings_of(self) -> Settings:
        return self._settings
