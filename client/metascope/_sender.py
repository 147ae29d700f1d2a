"""The thread that delivers a run's spool while the run goes on, and tells the server it lives."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from metascope._api import segment
from metascope._delivery import AGAIN, Delivery, counted
from metascope._errors import Denied, Refused, Unreachable
from metascope._segments import Position
from metascope._spool import Spool

EVERY_S = 0.5
SYNC_S = 1.0
BEAT_S = 15.0
MOST_SAID = 20
LONGEST_PAUSE_S = 30.0


class Sender:
    """Delivers from the start of the spool to what is written, again and again."""

    def __init__(
        self,
        delivery: Delivery,
        spool: Spool,
        *,
        say: Callable[[str], None],
        beats: bool = True,
        announces: bool = True,
    ) -> None:
        self._delivery = delivery
        self._spool = spool
        self._say = say
        self._beats = beats
        self._announces = announces
        self._wakes = threading.Event()
        self._stops = threading.Event()
        self._deadline = 0.0
        self._pause_s = 0.0
        self._said = ""
        self._refused: set[str] = set()
        self._beaten = 0.0
        self._thread = threading.Thread(target=self._work, name="metascope-sender", daemon=True)
        self.is_drained = False

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    @property
    def run_id(self) -> str | None:
        """The run's id, once the server has given it."""
        return self._delivery.state.run

    @property
    def delivered(self) -> Position:
        """Everything before it is with the server."""
        return self._delivery.state.position

    @property
    def page(self) -> str | None:
        """Address of the run's page."""
        run = self.run_id
        return f"{self._delivery.api.url}/runs/{segment(run)}/" if run else None

    def version_of(self, bundle: str) -> tuple[bool, int | None]:
        """Whether it is decided which version of a model this bundle is, and which."""
        versions = self._delivery.versions
        return bundle in versions or not self._thread.is_alive(), versions.get(bundle)

    def upload_of(self, bundle: str) -> str | None:
        """Why the server refused this bundle; empty once it has it, None before either."""
        return self._delivery.uploads.get(bundle)

    def wake(self) -> None:
        """Deliver soon."""
        self._wakes.set()

    def stop(self, wait_s: float) -> bool:
        """Deliver the rest, for at most `wait_s` seconds. True when nothing is left."""
        self._deadline = time.monotonic() + wait_s
        self._stops.set()
        self._wakes.set()
        self._thread.join(wait_s + 1.0)
        return self.is_drained

    def leave(self) -> None:
        """Last words: what was not delivered, and where it is."""
        state, folder = self._delivery.state, self._delivery.folder
        if state.refused:
            self._say(f"the server refused {counted(state.refused)}, kept in {folder}: {AGAIN}")
        if not self.is_drained:
            self._say(f"not everything was sent; it is kept in {folder}: run `metascope sync`")

    def _work(self) -> None:
        """A run that has ended keeps no connection, however long its process goes on."""
        try:
            self._run()
        finally:
            self._delivery.api.close()

    def _run(self) -> None:
        synced = self._beaten = time.monotonic()
        known = self.run_id
        while True:
            if self._wakes.wait(self._pause_s or EVERY_S):
                self._wakes.clear()
            now = time.monotonic()
            self._spool.look_for_room()
            if now - synced >= SYNC_S or self._stops.is_set():
                self._sync()
                synced = now
            stops = self._stops.is_set()
            end = self._spool.written
            self._deliver()
            self._say_refusals()
            if known is None and self.run_id:
                known = self.run_id
                if self._announces:
                    self._say(f"this run is at {self.page}")
            done = self._delivery.is_at(end)
            if stops and (done or time.monotonic() >= self._deadline):
                self.is_drained = done
                return
            self._beat_if_due()

    def _say_refusals(self) -> None:
        """What was refused and why, each once, and not more than anybody reads."""
        found, self._delivery.refusals = self._delivery.refusals, []
        for one in found:
            if one not in self._refused and len(self._refused) < MOST_SAID:
                self._refused.add(one)
                self._say(f"the server refused {one}")

    def _sync(self) -> None:
        try:
            self._spool.sync()
        except OSError as error:  # a disk in trouble: what is written may yet be sent
            if not self._stops.is_set():  # the spool may be closed: nobody waited for this thread
                self._wait(error)

    def _deliver(self) -> None:
        """Until nothing is left, or until the server cannot take more now."""
        try:
            self._delivery.mend()
            while not self._delivery.is_at(end := self._spool.written) and self._delivery.step(end):
                self._pause_s = 0.0
                self._beat_if_due()  # large files take long
                if self._deadline and time.monotonic() >= self._deadline:
                    return
        except (Unreachable, Denied) as error:
            self._wait(error)
        except OSError as error:  # the disk of the spool's state
            self._wait(error)

    def _wait(self, error: Exception) -> None:
        """Pause before the next try: longer each time, never the same for all clients."""
        if str(error) != self._said:
            self._said = str(error)
            self._say(f"{error} (the run goes on; what it logs is kept and sent later)")
        asked = error.retry_after_s if isinstance(error, Unreachable) else None
        longer = min(LONGEST_PAUSE_S, max(EVERY_S, self._pause_s * 2))
        self._pause_s = asked or longer * random.uniform(0.7, 1.0)
        if self._deadline:
            self._pause_s = min(self._pause_s, 1.0)

    def _beat_if_due(self) -> None:
        run, now = self.run_id, time.monotonic()
        if run is None or not self._beats or now - self._beaten < BEAT_S:
            return
        self._beaten = now
        try:
            self._delivery.api.post(f"runs/{segment(run)}/heartbeat/", {})
        except (Unreachable, Denied, Refused):
            return  # a beat is no data: the next one comes
