"""A run that is gone on with: what the server knows of it, and what the script says of it anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from metascope._api import Api, segment
from metascope._channel import say
from metascope._errors import MetascopeError
from metascope._run import Run
from metascope._settings import Settings

EDITS = ("name", "tags", "notes", "group")


@dataclass(frozen=True)
class Known:
    """What the server knows of a run: nothing where it does not answer now."""

    age_s: float = 0.0  # since it started
    last_step: int | None = None  # of its metrics, what the machine does aside
    project: str = ""  # "workspace/slug"
    is_asked: bool = False  # it has answered


def known(settings: Settings, run: str) -> Known:
    """Ask the server, if it is one to be asked."""
    if settings.mode != "online":
        return Known()
    try:
        found = Api(settings.url, settings.token).get(f"runs/{segment(run)}/")
        begun = datetime.fromisoformat(found["started_at"].replace("Z", "+00:00"))
        project, last_step = str(found["project"]), found.get("last_step")
    except (MetascopeError, AttributeError, KeyError, TypeError, ValueError):
        return Known()
    now = datetime.now(timezone.utc)  # noqa: UP017 - Python 3.10 has no UTC
    return Known(max(0.0, (now - begun).total_seconds()), last_step, project, is_asked=True)


def go_on(
    run: Run, earlier: Known, about: Mapping[str, Any], *, project: str, after_step: int | None
) -> None:
    """Count steps behind those it has, and tell it what the script says: params are added, name,
    tags, notes and group replaced. What a run has for good is said to be left out."""
    if after_step is not None:
        run.count_from(after_step + 1)
    elif earlier.last_step is not None:
        run.count_from(earlier.last_step + 1)
    elif not earlier.is_asked:
        say(
            "the server does not say how far this run got: steps that `log` is not given count "
            "from 0"
        )
    edits = {name: about[name] for name in EDITS if name in about and about[name]}
    if edits:
        run.edit(edits)
    if about.get("params"):
        run.log_params(about["params"])
    if "seed" in about:
        say("a run keeps the seed it began with: seed is left out")
    if project and earlier.project and project not in _names(earlier.project):
        say(f"this run is of {earlier.project}, where it stays: {project!r} is left out")


def _names(project: str) -> tuple[str, str]:
    """How a project may be named: "workspace/slug", "slug"."""
    return project, project.rpartition("/")[2]
