"""Events in words: the same in an inbox and to a webhook."""

from collections.abc import Callable, Mapping
from typing import Any

from experiments.models import EventKind, RunEvent
from experiments.models.events import TEST

LONGEST = 300


def title_of(event: RunEvent) -> str:
    """One line that says what happened to which run."""
    name = event.run.name if event.run is not None else ""
    return _TITLES[event.kind](name, event.detail)[:LONGEST]


def text_of(event: RunEvent) -> str:
    """What more there is to say; may be empty."""
    return str(event.detail.get("text") or event.detail.get("reason") or "")[:2_000]


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


def _bad(name: str, detail: Mapping[str, Any]) -> str:
    step = detail.get("step")
    return f"{detail['metric']} of {name} is not finite" + (
        "" if step is None else f" at step {step:,}"
    )


def _best(name: str, detail: Mapping[str, Any]) -> str:
    step = detail.get("step")
    at = "" if step is None else f" at step {step:,}"
    return (
        f"{name} is the best so far: {detail['metric']} {_number(detail['value'])}{at}, "
        f"before {_number(detail['before'])} ({detail['before_run']})"
    )


_TITLES: Mapping[str, Callable[[str, Mapping[str, Any]], str]] = {
    EventKind.FINISHED: lambda name, detail: f"{name} completed",
    EventKind.FAILED: lambda name, detail: f"{name} {detail.get('status', 'failed')}",
    EventKind.NAN: _bad,
    EventKind.STALL: lambda name, detail: f"{name} runs and logs nothing",
    EventKind.BEST: _best,
    EventKind.ALERT: lambda name, detail: f"{name}: {detail.get('title', 'alert')}",
    TEST: lambda name, detail: "A test of this webhook",
}
