"""`start`: a run that records what it is before it records what it does."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from metascope import _capture, _params, _settings, _values
from metascope._active import begin
from metascope._adopt import adopt
from metascope._channel import Channel, open_channel, say
from metascope._disabled import DisabledRun
from metascope._ids import new_id
from metascope._options import misfit
from metascope._records import moment
from metascope._resuming import go_on, known
from metascope._run import Run
from metascope._spool import EXTRA_BYTES


def start(
    project: str = "",
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
    parent: Run | str | None = None,
    resume: str = "",
    after_step: int | None = None,
    shared: str = "",
    rank: int = 0,
    disabled: bool = False,
) -> Run:
    """Begin a run in `project` ("slug" or "workspace/slug"; made where there is none;
    METASCOPE_PROJECT when left out).

    Returns at once, with the server up or not. Recorded by itself: command line, Python, packages,
    machine, git commit and uncommitted changes (`code`), standard output and error (`console`), and
    every 10 s what the machine does (`system`).
    Server and token come from METASCOPE_URL and METASCOPE_TOKEN, or from `metascope login`. What
    processes that were killed had left in their spools is sent beside this run.

    `resume`: the id of a run to go on with, whatever had become of it; with `after_step`, points of
    later steps are dropped there, visibly. Steps count on behind the last that the server has.
    `params` are added, `name`, `tags`, `notes` and `group` replaced; code, console and machine are
    recorded anew. Code that has changed since becomes a file of the run,
    `code/resumed-TIME.json`, and it says so.

    `parent`: the run, or the id of one, of the same project that this one is nested in: a fold of a
    cross-validation, a trial of a search.

    `shared`: processes of one run name it alike (such as the job's id of torchrun), and get the
    same run; those of a `rank` above 0 log to it, and leave its end to rank 0. Their console lines
    begin with their rank, and what the machine does is named below "system/rank1/".

    `disabled` (or METASCOPE_MODE=disabled): the script runs as it is, and nothing is recorded.

    A value that does not fit its option ends no script: one that describes the run (`name`,
    `params`, `tags`, ...) is left out, one that says where it belongs (`project`, `parent`,
    `shared`, ...) leaves nothing recorded; either is said at once on standard error.

    Texts among the params whose key names a secret (`api_key`, `password`) are masked.

    Where the spool cannot be written (a full disk), one that stands in keeps up to 16 MiB in memory
    until they are sent, which is said, on the run's page, too.

    Raises ValueError for settings that make no sense.
    """
    settings = _settings.load()
    if isinstance(parent, Run):
        project = project or parent.project
    project = project or os.environ.get("METASCOPE_PROJECT", "")
    place = {
        "project": project, "parent": parent, "resume": resume, "after_step": after_step,
        "shared": shared, "rank": rank, "disabled": disabled,
    }  # fmt: skip
    problem = next(filter(None, (misfit(*one) for one in place.items())), None)
    if settings.mode == "disabled" or (disabled and not problem):
        return _begun(DisabledRun(settings, project))
    if problem:
        say(f"this run is not recorded: {problem}")
        return _begun(DisabledRun(settings, project))
    if not project and not resume:
        raise ValueError('name a project, start("sinusoid"), or set METASCOPE_PROJECT')
    recorded = _that_fit({"console": console, "code": code, "system": system})
    about = _that_fit(
        {"name": name, "params": params, "tags": tags, "notes": notes, "group": group, "seed": seed}
    )
    if "params" in about:
        about["params"] = _plain_params(about["params"])
    content = {
        "project": project,
        **{key: list(one) if key == "tags" else _values.plain(one) for key, one in about.items()},
        "command": _capture.command(),
        "environment": _capture.environment(),
        **moment("started_at", time.time()),
    }
    if resume and shared:
        raise ValueError("use resume or shared, not both")
    if resume and parent is not None:
        raise ValueError("a run that is resumed keeps its parent: leave parent out")
    first: dict[str, Any] = {"type": "start", "content": content}
    if shared:
        content["origin"] = shared
    if parent is not None:
        content |= {"parent": parent} if isinstance(parent, str) else parent.as_parent()
    if resume:
        first = {
            "type": "resume",
            "content": {"run": resume, "after_step": _values.plain(after_step)},
        }
    made = "" if resume or shared else new_id()  # of a shared run the first of several starts is
    if made:
        content["id"] = made
    try:
        channel = open_channel(settings, first, announces=not rank)
    except OSError as error:
        say(f"this run is not recorded: no spool can be written, not in {settings.spool}: {error}")
        return _begun(DisabledRun(settings, project))
    named = {"parent": resume} if resume else {"parent_origin": shared or channel.spool.folder.name}
    run = _begun(
        Run(
            channel, settings.exit_wait_s, project, rank=int(rank), named=named,
            run_id=resume or made,
        )
    )  # fmt: skip
    earlier = known(settings, resume) if resume else None
    if earlier:
        go_on(run, earlier, about, project=project, after_step=after_step)
    if channel.problem:
        _tell_of_standby(run, channel)
    if settings.mode == "online" and not rank:
        adopt(settings, say)
    if not rank and recorded.get("code", True):
        _record_code(run)
    if recorded.get("console", True):
        run.capture_console(f"[rank {rank}] " if rank else "")
    if recorded.get("system", True):
        run.watch_machine(since_s=earlier.age_s if earlier else 0.0, rank=int(rank))
    return run


def _left_out(why: str) -> None:
    say(f"{why}; it is left out")


def _plain_params(params: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = _values.plain_items(params, lambda why: _left_out(f"param {why}"))
        return _params.fitting(found, _left_out)
    except Exception as error:  # recording must never end a training
        _left_out(f"params: {type(error).__name__}: {_values.shown(error)}")
        return {}


def _that_fit(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those whose value fits; of the others is said that they are left out."""
    found = {}
    for name, value in given.items():
        if error := misfit(name, value):
            say(f"{error}; it is left out")
        elif value is not None:
            found[name] = value
    return found


def _record_code(run: Run) -> None:
    try:
        snapshot = _capture.snapshot()
    except OSError as error:  # such as a working folder that is gone
        say(f"the code of this run is not recorded: {error}")
        return
    if snapshot:
        run.record_code(snapshot)


def _tell_of_standby(run: Run, channel: Channel) -> None:
    folder = channel.spool.folder
    text = (
        f"{channel.settings.spool} cannot be written ({channel.problem}): what is logged waits in "
        f"{folder}, at most {EXTRA_BYTES >> 20} MiB, until it is sent; what comes beyond is lost"
    )
    say(text)
    run.alert("The spool cannot be written", f"{text}.")


def _begun(run: Run) -> Run:
    begin(run)
    return run
