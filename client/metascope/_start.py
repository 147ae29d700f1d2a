"""`start`: a run that records what it is before it records what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from metascope import _capture, _settings, _values
from metascope._channel import open_channel
from metascope._run import Run


def start(
    project: str,
    *,
    name: str = "",
    params: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    notes: str = "",
    group: str = "",
    seed: int | None = None,
    console: bool = True,
    code: bool = True,
    system: bool = True,
) -> Run:
    """Begin a run in `project` ("slug" or "workspace/slug"; made where there is none).

    Returns at once, with the server up or not. Recorded by itself: command line, Python, packages,
    machine, git commit and uncommitted changes (`code`), standard output and error (`console`), and
    every 10 s what the machine does (`system`).
    Server and token come from METASCOPE_URL and METASCOPE_TOKEN, or from `metascope login`.

    Raises ValueError for settings that make no sense, OSError where no spool can be written.
    """
    settings = _settings.load()
    content = {
        "project": project,
        "name": name,
        "params": _values.plain(params or {}),
        "tags": list(tags),
        "notes": notes,
        "group": group,
        "seed": seed,
        "command": _capture.command(),
        "environment": _capture.environment(),
    }
    channel = open_channel(settings, {"type": "start", "content": content})
    run = Run(channel, settings.exit_wait_s, project)
    if code and (snapshot := _capture.snapshot()):
        run.record_code(snapshot)
    if console:
        run.capture_console()
    if system:
        run.watch_machine()
    return run
