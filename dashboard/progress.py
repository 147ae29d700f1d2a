"""How far a run is and how long it still takes."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from experiments.models import JobAttempt, Run, RunStatus


@dataclass(frozen=True)
class Progress:
    """`rate` is steps per second of the current attempt; None while unknown."""

    step: int
    total: int | None
    rate: float | None

    @property
    def percent(self) -> float | None:
        if not self.total:
            return None
        return round(min(100.0, 100 * self.step / self.total), 1)

    @property
    def seconds_left(self) -> float | None:
        if not self.total or not self.rate:
            return None
        return max(0, self.total - self.step) / self.rate


def progress_of(run: Run, attempt: JobAttempt | None = None) -> Progress | None:
    """None before the first step was reported. `attempt`: the one that is running, if known."""
    if run.progress_step is None:
        return None
    since, first_step = run.started_at, 0
    if attempt is not None:
        since, first_step = attempt.started_at, attempt.resumed_from_step or 0
    return Progress(run.progress_step, run.progress_total, _rate(run, since, first_step))


def _rate(run: Run, since: datetime | None, first_step: int) -> float | None:
    if run.status != RunStatus.RUNNING or since is None or run.progress_step is None:
        return None
    seconds = (timezone.now() - since).total_seconds()
    done = run.progress_step - first_step
    return done / seconds if seconds > 0 and done > 0 else None
