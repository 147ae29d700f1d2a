"""What every integration needs: its framework, a run, and numbers out of what frameworks report."""

from __future__ import annotations

import contextlib
import importlib
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from metascope._active import active_run
from metascope._channel import say
from metascope._disabled import DisabledRun
from metascope._ending import Ending
from metascope._errors import MissingFramework
from metascope._options import check, check_options
from metascope._run import Run
from metascope._settings import load
from metascope._start import start

COMPLETED = Ending()


def framework(module: str, *, install: str) -> Any:
    """A module of the framework. Raises MissingFramework, which says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingFramework(
            f"{module} cannot be imported ({error}): pip install {install}"
        ) from error


def begin(project: str, options: Mapping[str, Any]) -> Run:
    """A run of its own, in the middle of a training: where none can begin, one that records
    nothing, which is said."""
    try:
        return start(project, **options)
    except Exception as error:  # logging must never end a training
        say(f"this training is not recorded: {error}")
        return DisabledRun(load(), project)


class RunSource:
    """The run an integration records into: one that was given, the active one, or one of its own,
    begun with the first use and ended by `end`. Raises TypeError for a `run` that is none and
    for options that `start` does not have, TypeError or ValueError for values that do not fit: now,
    and not in the middle of a training."""

    def __init__(self, run: Run | None, project: str, options: Mapping[str, Any]) -> None:
        check(run=run)
        check_options(project, options)
        self.run = run
        self.project = project
        self.options = dict(options)
        self.is_own = False

    def get(self) -> Run:
        """The run; one that records nothing where there is none and none can begin."""
        if self.run is None:
            self.run = None if self.project or self.options else active_run()
        if self.run is None:
            self.run = begin(self.project, self.options)
            self.is_own = True
        return self.run

    def end(self, how: Ending = COMPLETED) -> None:
        """Finish the run if it is our own; somebody else's goes on."""
        if self.run and self.is_own:
            self.run.finish(how.status, how.reason, exit_code=how.exit_code)
            self.run, self.is_own = None, False


_counts: weakref.WeakKeyDictionary[Run, Counter[str]] = weakref.WeakKeyDictionary()


def suffix(run: Run, what: str) -> str:
    """Tells several trainings of one run apart, as a param keeps its first value: "", "-2", ..."""
    counts = _counts.setdefault(run, Counter())
    counts[what] += 1
    return "" if counts[what] == 1 else f"-{counts[what]}"


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those that are numbers, or arrays and tensors of one element."""
    found = {}
    for key, value in values.items():
        if isinstance(value, str | bytes) or value is None:
            continue
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            found[str(key)] = float(value.detach() if hasattr(value, "detach") else value)
    return found


@contextlib.contextmanager
def never_raising(run: Run, what: str) -> Iterator[None]:
    """What goes wrong inside is counted and said, and the training goes on."""
    try:
        yield
    except Exception as error:  # logging must never end a training
        with contextlib.suppress(Exception):
            run._lose(1, what, error)
