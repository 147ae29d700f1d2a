"""Delivering the spools of processes that have ended: `metascope sync`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from metascope._api import Api, segment
from metascope._delivery import Delivery
from metascope._errors import MetascopeError, Refused, Unreachable
from metascope._records import EVENT, event_of
from metascope._refused import has_some, put_back, reasons
from metascope._segments import Position, clear, read, segments
from metascope._settings import Settings
from metascope._spool import ABOUT, FULL, Lock, SpoolDamaged, SpoolInUse, about_of
from metascope._standby import roots
from metascope._state import load_state


@dataclass(frozen=True)
class Synced:
    """What became of one spool."""

    folder: Path
    run: str | None
    is_drained: bool
    refused: int
    problem: str
    is_unreachable: bool = False
    reasons: tuple[str, ...] = ()  # of what was refused
    is_unmarked: bool = False  # how far it was sent could not be written down: the disk is full

    @property
    def client(self) -> str:
        """Its process, by the folder's name."""
        return self.folder.name


def sync(
    settings: Settings,
    say: Callable[[str], None],
    *,
    is_moved: bool = False,
    retries: bool = False,
) -> list[Synced]:
    """Deliver every spool of this user whose process has ended; what was delivered is removed.
    `is_moved`: runs made at another address are sent to this one, if it knows them. `retries`: what
    servers refused before is sent again.

    One that cannot be delivered does not keep the others.
    """
    found = []
    for folder in waiting(settings, refused=retries):
        try:
            found.append(deliver(folder, settings, is_moved=is_moved, retries=retries))
        except SpoolInUse:
            say(f"{folder.name}: its process is running and sends by itself")
    return found


def waiting(settings: Settings, *, refused: bool = False) -> list[Path]:
    """The spools in which something is left, in the order they were made: a run's parent comes
    before it. Those of forked processes come last: they learn from their parent's which run is
    theirs."""
    folders = sorted(folder for root in roots(settings) for folder in root.glob("*/"))
    found = [one for one in folders if segments(one) or (refused and has_some(one))]
    return sorted(found, key=lambda folder: (bool(parent_of(folder)), _made_at(folder)))


def refused_before(settings: Settings, found: list[Synced]) -> list[Synced]:
    """The spools that hold nothing but what a server refused earlier, which `sync` leaves."""
    seen = {one.folder for one in found}
    held = []
    for folder in sorted(folder for root in roots(settings) for folder in root.glob("*/")):
        if folder not in seen and has_some(folder):
            state = load_state(folder)
            run, refused = (state.run, state.refused) if state else (None, len(reasons(folder)))
            held.append(Synced(folder, run, True, refused, "", reasons=tuple(reasons(folder))))
    return held


def deliver(
    folder: Path, settings: Settings, is_stopped: Callable[[], bool] = lambda: False, *,
    is_moved: bool = False, retries: bool = False,
) -> Synced:  # fmt: skip
    """Deliver one spool, until all of it is sent or `is_stopped`. Raises SpoolInUse while its
    process lives, or another delivers it."""
    lock = Lock(folder)
    try:
        return _deliver(folder, settings, is_stopped, is_moved, retries)
    finally:
        lock.release()


def _deliver(
    folder: Path,
    settings: Settings,
    is_stopped: Callable[[], bool],
    is_moved: bool,
    retries: bool,
) -> Synced:
    try:
        url = about_of(folder)["url"]
        # A run that no server has told an id goes where this user now sends runs.
        delivery = Delivery(folder, folder.name, Api(settings.url, settings.token))
    except SpoolDamaged as error:
        return Synced(folder, None, False, 0, str(error))
    run = delivery.state.run
    is_elsewhere = url.rstrip("/") != settings.url.rstrip("/")
    if run is None and is_elsewhere:
        _readdress(folder, settings.url)
    elif is_elsewhere:
        problem = _move(folder, delivery, settings.url) if is_moved else (
            f"the run is on {url}, and you now use {settings.url}: if that is the same server at "
            f"another address, `metascope sync --to {settings.url}`; else `metascope login {url}`, "
            "then sync again"
        )  # fmt: skip
        if problem:  # the token is not for that server
            return Synced(folder, run, False, delivery.state.refused, problem)
    if retries:
        put_back(delivery)
    problem, is_unreachable = "", False
    try:
        while not (stopped := is_stopped()) and delivery.step(None):
            pass
        if stopped:
            problem = "stopped on the way"
    except (MetascopeError, OSError) as error:
        problem, is_unreachable = str(error), isinstance(error, Unreachable)
    state = delivery.state
    if not problem:
        clear(folder)
    return Synced(
        folder, state.run, not problem, state.refused, problem, is_unreachable,
        tuple(reasons(folder)), delivery.is_unmarked,
    )  # fmt: skip


def _move(folder: Path, delivery: Delivery, url: str) -> str:
    """From here on the spool is for this address, where its run is known; else what is wrong."""
    run = delivery.state.run or ""
    try:
        delivery.api.get(f"runs/{segment(run)}/")
    except Refused as error:
        return f"{url} does not know the run {run}: is it the server it was made on? ({error})"
    except MetascopeError as error:
        return str(error)
    _readdress(folder, url)
    return ""


def _readdress(folder: Path, url: str) -> None:
    """Where its disk is full the spool keeps the old address, and is sent all the same."""
    temporary = folder / f"{ABOUT}.tmp"
    about = json.dumps({**about_of(folder), "url": url})
    try:
        temporary.write_text(about, "utf-8")
        os.replace(temporary, folder / ABOUT)
    except OSError as error:
        if error.errno not in FULL:
            raise
        temporary.unlink(missing_ok=True)


def _made_at(folder: Path) -> int:
    try:
        return (folder / ABOUT).stat().st_mtime_ns
    except FileNotFoundError:  # its process has just sent the rest
        return 0


def run_of_parent(folder: Path) -> str | None:
    """The run of the process that this spool's was forked from, as far as it is known."""
    parent = parent_of(folder)
    state = load_state(Path(parent)) if parent else None
    return state.run if state else None


def parent_of(folder: Path) -> str:
    """The spool of the process it was forked from, which its first record names; empty for one
    that was not forked."""
    try:
        first = next(read(folder, Position()), None)
    except FileNotFoundError:  # its process has just sent the rest
        return ""
    event = event_of(first.payload) if first is not None and first.kind == EVENT else {}
    return str(event["content"]["parent"]) if event.get("type") == "attach" else ""
