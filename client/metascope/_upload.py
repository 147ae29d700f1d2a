"""Delivery of a bundle, a piece at a time, so that points need not wait behind large files.

Files travel under their SHA-256: what the workspace has sent before is not sent again, a large file
goes on where it broke off, and committing the same files twice makes one version.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from metascope._api import Api, segment
from metascope._bundle import Bundle, Item, read
from metascope._errors import Refused

PART_BYTES = 32 * 1024 * 1024  # of a large file; smaller ones go in one request
HASHED_BYTES = 128 * 1024 * 1024  # in one step
ASKED = 2_000  # hashes in one request
SENT_FILES = 16  # small ones, in one step
THREADS = 4
_BLOCK = 1024 * 1024


def _side_by_side(send: Callable[[str], None], digests: list[str]) -> dict[str, Future[None]]:
    """What became of each; one after another where the script has ended, as the interpreter then
    starts no more threads."""
    sent: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(THREADS) as pool, contextlib.suppress(RuntimeError):
        for digest in digests:
            sent[digest] = pool.submit(send, digest)
    for digest in digests:
        if digest not in sent:
            future: Future[None] = Future()
            sent[digest] = future
            try:
                send(digest)
                future.set_result(None)
            except Exception as error:  # whoever asks for the result gets it
                future.set_exception(error)
    return sent


class Changed(Exception):
    """A file is not the one that was logged."""


class Upload:
    """One bundle on its way. `step` until it says that all is done."""

    def __init__(self, api: Api, path: Path, *, run: str | None, project: str) -> None:
        self._api = api
        self._bundle: Bundle = read(path)
        self._run = run
        self._project = project
        self._blobs = f"workspaces/{segment(project.partition('/')[0])}/blobs/"
        self.version: int | None = None  # of the registered model, once it is made
        self.committed: dict[str, Any] = {}  # the version of the artifact, once it is made
        self._unhashed = deque(self._bundle.items)
        self._hashes: dict[str, str] = {}  # by path
        self._sources: dict[str, Item] = {}  # by hash
        self._unasked: deque[str] = deque()
        self._unsent: deque[str] = deque()

    @property
    def name(self) -> str:
        """Of the artifact."""
        return self._bundle.name

    def step(self) -> bool:
        """Do a little; True once the version is made. Raises Unreachable and Denied, after which
        the same step may be tried again, Refused and Changed, after which it may not."""
        if self._unhashed:
            self._hash_some()
        elif self._unasked:
            self._ask_some()
        elif self._unsent:
            self._send_some()
        else:
            self._commit()
            return True
        return False

    def _hash_some(self) -> None:
        done = 0
        while self._unhashed and done < HASHED_BYTES:
            item = self._unhashed[0]
            digest = _sha256(item)
            self._unhashed.popleft()
            done += item.size
            self._hashes[item.path] = digest
            if digest not in self._sources:
                self._sources[digest] = item
                self._unasked.append(digest)

    def _ask_some(self) -> None:
        some = [self._unasked[index] for index in range(min(ASKED, len(self._unasked)))]
        missing = self._api.post(f"{self._blobs}missing/", {"sha256": some})["missing"]
        for _ in some:
            self._unasked.popleft()
        self._unsent.extend(missing)

    def _send_some(self) -> None:
        first = self._unsent[0]
        if self._sources[first].size > PART_BYTES:
            if self._send_part(first):
                self._unsent.popleft()
            return
        some: list[str] = []
        while self._unsent and len(some) < SENT_FILES:
            if self._sources[self._unsent[0]].size > PART_BYTES:
                break
            some.append(self._unsent.popleft())
        sent = _side_by_side(self._send_whole, some)
        failed = [digest for digest in some if sent[digest].exception()]
        self._unsent.extendleft(reversed(failed))
        for digest in failed:
            sent[digest].result()  # raises

    def _send_whole(self, digest: str) -> None:
        with _opened(self._sources[digest]) as file:
            self._api.put_file(f"{self._blobs}{digest}/", file, self._sources[digest].size)

    def _send_part(self, digest: str) -> bool:
        """The next part of a large file; True once all of it is there."""
        item = self._sources[digest]
        state = self._api.get(f"{self._blobs}{digest}/")
        if state["stored"]:
            return True
        offset = int(state["received"])
        address = f"{self._blobs}{digest}/?offset={offset}&size={item.size}"
        try:
            with _opened(item) as file:
                file.seek(offset)
                size = min(PART_BYTES, item.size - offset)
                return bool(self._api.put_file(address, file, size)["stored"])
        except Refused as error:
            if error.code != "offset_differs":
                raise
            return False  # another process sends the same file: asked again where it stands

    def _commit(self) -> None:
        bundle = self._bundle
        stored = [{"path": path, "sha256": digest} for path, digest in self._hashes.items()]
        self.committed = self._api.post(
            "artifacts/",
            {
                "project": self._project, "run": self._run, "name": bundle.name,
                "kind": bundle.kind, "aliases": bundle.aliases, "metadata": bundle.metadata,
                "files": stored, "references": bundle.references,
            },
        )  # fmt: skip
        if bundle.model:
            self._register(self.committed["id"])

    def _register(self, artifact_version: int) -> None:
        """Again is the same version of the model."""
        workspace = self._project.partition("/")[0]
        name = self._bundle.model
        try:
            self._api.post("models/", {"workspace": workspace, "name": name})
        except Refused as error:
            if error.code != "already_exists":
                raise
        made = self._api.post(
            f"models/{segment(workspace)}/{segment(name)}/versions/",
            {"artifact_version": artifact_version, "aliases": self._bundle.model_aliases},
        )
        self.version = made["number"]


def _sha256(item: Item) -> str:
    digest = hashlib.sha256()
    with _opened(item) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    _check(item)
    return digest.hexdigest()


def _opened(item: Item) -> IO[bytes]:
    _check(item)
    return Path(item.source).open("rb")


def _check(item: Item) -> None:
    try:
        found = Path(item.source).stat()
    except FileNotFoundError:
        raise Changed(f"{item.path} is gone since it was logged") from None
    if found.st_size != item.size or (item.mtime_ns and found.st_mtime_ns != item.mtime_ns):
        raise Changed(f"{item.path} has changed since it was logged")
