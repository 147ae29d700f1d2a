"""What a spool's events become: each the request that stands for it."""

from __future__ import annotations

import io
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from metascope import _params
from metascope._api import Api, segment
from metascope._errors import Denied, Refused, Unreachable
from metascope._records import event_payload, moment, record_of, sent_json, time_of
from metascope._segments import segments
from metascope._spool import SpoolDamaged, about_of
from metascope._state import State, load_state

NO_RUN = "the server did not take the start of this run"
NO_PARENT = "the parent run is not known to the server yet"
CODE_CHANGED = "Resumed with other code"
DESCRIBING = ("params", "environment", "command", "name", "tags", "notes", "group", "seed")
PARENT = ("parent", "parent_origin")


class Events(ABC):
    """The part of a `Delivery` that knows the server's requests."""

    folder: Path
    api: Api
    state: State

    @abstractmethod
    def _put_aside(self, what: dict[str, Any], raw: bytes, count: int) -> None:
        """Keep what was refused, and why."""

    @abstractmethod
    def _note(self, what: dict[str, Any], count: int) -> None:
        """Say that something was refused, and why."""

    @abstractmethod
    def _save(self, *, durable: bool) -> None:
        """Write down how far it is."""

    @property
    def _run(self) -> str:
        if self.state.run is None:
            raise Refused(NO_RUN)
        return segment(self.state.run)

    def _send(self, event: dict[str, Any]) -> None:
        """One event as the request that stands for it."""
        state = self.state
        kind, content = event["type"], event.get("content", {})
        key = f"{state.client}-{state.number}"
        if kind == "start":
            state.run, state.project = self._start(content)
            self._send_left_out(content)
        elif kind == "resume":
            state.run, state.project = self._resume(**content)
        elif kind == "attach":
            state.run, state.project = self._run_of(Path(content["parent"]))
        elif kind == "params":
            self._send_params(content)
        elif kind == "summary":
            self._send_params(content, "summary")
        elif kind == "edit":
            self.api.patch(f"runs/{self._run}/", content)
        elif kind == "environment":
            self.api.put(f"runs/{self._run}/environment/", {"environment": content})
        elif kind == "snapshot":
            self._send_snapshot(content, key, time_of(event))
        elif kind == "console":
            at = {} if time_of(event) is None else {"time": time_of(event)}
            body = {"client": state.client, "number": state.number, **at, **content}
            self.api.post(f"runs/{self._run}/log/", body)
        elif kind == "episodes":
            self.api.post(f"runs/{self._run}/evaluations/", content, key=key)
        elif kind == "file":
            self._send_file(content)
        elif kind == "alert":
            self._send_alert(content["path"], content["alert"])
        elif kind == "use":
            self.api.post(f"runs/{self._run}/artifacts/", content)
        elif kind == "artifact":
            state.bundles.append(content["bundle"])  # written down with the advance
        elif kind == "finish":
            self._finish({**moment("finished_at", time_of(event)), **content})
        else:
            raise Refused(f"events of type {kind!r} are not known to this version")

    def _run_of(self, folder: Path) -> tuple[str, str | None]:
        """The run, and its project, of the process this one was forked from. Raises Unreachable: it
        may come yet, or has gone to another server."""
        parent = load_state(folder)
        if parent is not None and parent.run is None and parent.number:
            raise Refused(NO_RUN)
        if parent is None or parent.run is None:
            raise Unreachable("the run of the parent process is not known to the server yet")
        try:
            is_here = about_of(folder)["url"].rstrip("/") == self.api.url
        except SpoolDamaged:
            is_here = False
        if not is_here:
            try:
                self.api.get(f"runs/{segment(parent.run)}/")
            except Refused as error:
                message = f"the run of the parent process is not on {self.api.url}"
                raise Unreachable(message) from error
        return parent.run, parent.project

    def _start(self, content: dict[str, Any]) -> tuple[str, str]:
        """Create the run, and its project where there is none. Raises Denied instead of Refused:
        without its run nothing of the spool can be delivered, and all of it must be kept.

        A parent whose own start is still in its spool is waited for; one that is gone from the
        server does not keep the child from it. Nor does what describes the run and is refused.

        The origin makes it the same run when the answer was lost, however long ago: so what is
        left out of it is written down before."""
        content = {"origin": self.state.client, **content}
        spool = content.pop("parent_spool", None)
        left_out = self.state.left_out
        while True:
            try:
                found = self._create({key: content[key] for key in content if key not in left_out})
            except Refused as error:
                if error.code == "parent_not_found":
                    if spool is not None and _is_on_its_way(Path(spool)):
                        raise Unreachable(NO_PARENT) from error
                    refused = [name for name in PARENT if name in content]
                else:
                    parts = {name.partition(".")[0] for name in error.fields}
                    refused = [name for name in DESCRIBING if name in parts and name in content]
                if not set(refused) - set(left_out):
                    raise Denied(f"The server does not take this run: {error}") from error
                left_out.update((name, str(error)) for name in refused)
                self._save(durable=True)
            else:
                return str(found["id"]), str(found["project"])

    def _send_left_out(self, content: dict[str, Any]) -> None:
        """What the run's start had to do without: of the params all that are taken."""
        left_out, self.state.left_out = self.state.left_out, {}
        for name, why in left_out.items():
            if name == "params":
                self._send_params(content[name])
            elif name in PARENT:
                self._note({"parent": content[name], "why": why}, 1)
            else:
                self._put_aside({"event": name, "why": why}, _alone(name, content[name]), 1)

    def _create(self, content: dict[str, Any]) -> dict[str, Any]:
        """The run, in a project that is made where there is none. Raises Refused."""
        try:
            found: dict[str, Any] = self.api.post("runs/", content)
        except Refused as error:
            if error.code != "project_not_found":
                raise
            workspace, _, slug = content["project"].rpartition("/")
            body = {"slug": slug, **({"workspace": workspace} if workspace else {})}
            try:
                self.api.post("projects/", body, key=f"{self.state.client}-project")
            except Refused as problem:  # another process has made it in the meantime
                if problem.code != "slug_taken":
                    raise
            found = self.api.post("runs/", content)
        return found

    def _resume(self, run: str, after_step: int | None) -> tuple[str, str]:
        """Go on with a run. Again after a lost answer it does the same: nothing was sent since.
        Raises Refused for a run that the server does not have, and with it all that follows; Denied
        for one that may not go on now."""
        try:
            found = self.api.post(f"runs/{segment(run)}/resume/", {"after_step": after_step})
        except Refused as error:
            if error.status == 404:
                raise Refused(
                    f"there is no run {run} to go on with: nothing of this spool has a place there",
                    error.status,
                ) from error
            raise Denied(f"The server does not let this run go on: {error}") from error
        return str(found["id"]), str(found["project"])

    def _send_snapshot(self, content: dict[str, Any], key: str, at: float | None) -> None:
        """The code. Of a resumed run that began with other code it is a file beside that one, and
        the run says so."""
        try:
            self.api.post(f"runs/{self._run}/snapshot/", content, key=key)
        except Refused as error:
            if error.code != "snapshot_exists":
                raise
            when = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime(at or 0))
            name = f"code/resumed-{when}.json"
            self._put_json(name, content)
            text = f"What it executes since then is in its files, {name}."
            body = {"title": CODE_CHANGED, "text": text, "level": "info", "time": at or 0}
            self._send_alert(f"alerts/{int((at or 0) * 1e9):019d}-code.json", body)

    def _send_params(self, content: dict[str, Any], kind: str = _params.PARAMS) -> None:
        """Or results: all that are taken."""
        address = f"runs/{self._run}/{kind}/"
        left, why = _params.send(content, lambda some: self.api.post(address, {kind: some}), kind)
        if left:
            self._put_aside({"event": kind, "why": why}, _alone(kind, left), 1)

    def _send_file(self, content: dict[str, Any]) -> None:
        address = f"runs/{self._run}/files/content/?{urlencode({'path': content['path']})}"
        try:
            with (self.folder / content["file"]).open("rb") as file:
                self.api.put_file(address, file, os.fstat(file.fileno()).st_size)
        except FileNotFoundError as error:
            raise Refused(f"{content['path']} is gone from the spool") from error

    def _send_alert(self, path: str, alert: dict[str, Any]) -> None:
        self._put_json(path, alert)

    def _put_json(self, path: str, content: Mapping[str, Any]) -> None:
        data = sent_json(content)
        address = f"runs/{self._run}/files/content/?{urlencode({'path': path})}"
        self.api.put_file(address, io.BytesIO(data), len(data))

    def _finish(self, content: dict[str, Any]) -> None:
        try:
            self.api.post(f"runs/{self._run}/finish/", content)
        except Refused as error:
            # Ended already: an answer that was lost, or somebody's decision in the browser.
            if error.status != 409:
                raise
        self.state.done = True


def _alone(name: str, value: Any) -> bytes:
    """A part of a run's start as a record of its own, to be sent later."""
    is_kind = name in ("params", "summary", "environment")
    event = (
        {"type": name, "content": value} if is_kind else {"type": "edit", "content": {name: value}}
    )
    return record_of(event_payload(event))


def _is_on_its_way(folder: Path) -> bool:
    """Whether a spool holds a run's start that the server has not been told."""
    if not segments(folder):
        return False
    state = load_state(folder)
    return state is None or state.run is None
