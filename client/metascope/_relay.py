"""A process of its own between a script's descriptors 1 and 2 and where they lead.

    python _relay.py FOLDER ORDERS ANSWERS LABEL DESCRIPTOR:PIPE ...

It passes on at once what comes out of the pipes, byte by byte as it was written, and has it kept
(`_keeper`) for the run of the spool FOLDER, each line behind LABEL. It lives as long as anybody can
write into the pipes, whatever becomes of the script, and is nobody's child: a script that waits for
its children does not wait for this one.

ORDERS: CLOSE when the run ends. ANSWERS: DRAINED, once all that was written before CLOSE has been
passed on; ENDED, once nobody can write any more; or the number of a descriptor that leads nowhere,
which is the script's to see. They end when all is kept.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib
import os
import select
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator

CLOSE, DRAINED, ENDED = b"c", b"d", b"e"
PIECE = 64 * 1024
MOST_WAITING = 16 * 1024 * 1024  # bytes not kept yet; what comes beyond is passed on only
IGNORED = ("INT", "TERM", "HUP", "QUIT", "TSTP", "TTOU", "USR1", "USR2", "ALRM")


class Pieces:
    """What was passed on and is not kept yet: adding never waits for the keeping."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._waiting = 0
        self._left_out = 0
        self._changes = threading.Condition()
        self._is_ended = False
        self._is_refused = False

    def add(self, descriptor: int, data: bytes) -> None:
        """One more, unless too much is waiting."""
        with self._changes:
            if self._is_refused:
                return
            if self._waiting + len(data) > MOST_WAITING:
                self._left_out += len(data)
                return
            self._put(descriptor, data)

    def end(self) -> None:
        """No more comes."""
        with self._changes:
            if self._left_out:
                self._put(
                    2, f"\nmetascope: {self._left_out} bytes came too fast to keep\n".encode()
                )
            self._is_ended = True
            self._changes.notify()

    def taken(self) -> Iterator[tuple[int, bytes]]:
        """Each as it comes, until the end."""
        while self.wait():
            with self._changes:
                piece = self._pieces.popleft()
                self._waiting -= len(piece[1])
            yield piece

    def wait(self) -> bool:
        """Until there is one: True; False at the end."""
        with self._changes:
            while not (self._pieces or self._is_ended):
                self._changes.wait()
            return bool(self._pieces)

    def refuse(self) -> None:
        """Nobody keeps them: they are passed on only."""
        with self._changes:
            self._is_refused = True
            self._pieces.clear()

    def _put(self, descriptor: int, data: bytes) -> None:
        self._pieces.append((descriptor, data))
        self._waiting += len(data)
        self._changes.notify()


class Relay:
    """Passes on until nobody can write any more."""

    def __init__(self, orders: int, answers: int, pipes: dict[int, int], pieces: Pieces) -> None:
        self._orders = orders
        self._answers = answers
        self._pipes = pipes  # to the descriptor that each stands for
        self._pieces = pieces
        self._broken: set[int] = set()
        self._is_asked = False

    def run(self) -> None:
        """Blocks."""
        poll = select.poll()
        for pipe in (*self._pipes, self._orders):
            poll.register(pipe, select.POLLIN)
        while self._pipes:
            ready = [pipe for pipe, _ in poll.poll(0 if self._is_asked else None)]
            if self._is_asked and not ready:
                self._is_asked = False
                self._answer(DRAINED)
            for pipe in sorted(ready):
                if pipe == self._orders:
                    self._is_asked = os.read(pipe, 1) == CLOSE
                    if not self._is_asked:  # the script is gone
                        poll.unregister(pipe)
                elif not self._pass_on(pipe):
                    poll.unregister(pipe)
                    del self._pipes[pipe]
        self._answer(ENDED)

    def _pass_on(self, pipe: int) -> bool:
        """What there is to read; False at the end."""
        data = os.read(pipe, PIECE)
        descriptor = self._pipes[pipe]
        if data and descriptor not in self._broken:
            try:
                _write_all(descriptor, data)
            except OSError:
                self._broken.add(descriptor)
                self._answer(str(descriptor).encode())
        if data:
            self._pieces.add(descriptor, data)
        return bool(data)

    def _answer(self, answer: bytes) -> None:
        with contextlib.suppress(OSError):  # the script is gone
            os.write(self._answers, answer)


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except OSError as error:
            if error.errno != errno.EAGAIN:  # somebody has made it one that does not block
                raise
            select.select([], [descriptor], [])


def _keep(folder: str, label: str, pieces: Pieces) -> None:
    """Loads what keeping needs with the first piece: scripts that print nothing do without."""
    try:
        if pieces.wait():
            importlib.import_module("metascope._keeper").keep(folder, label, pieces.taken())
    finally:
        pieces.refuse()


def main(folder: str, orders: int, answers: int, label: str, pipes: dict[int, int]) -> None:
    """In a process that nobody waits for, and that signals to its group do not end."""
    with contextlib.suppress(OSError):  # as `_sweep.hold` has it, which would cost imports
        fcntl.flock(os.open(f"{folder}/holders", os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_SH)
    if os.fork():
        os._exit(0)
    for name in IGNORED:
        signal.signal(getattr(signal, f"SIG{name}"), signal.SIG_IGN)
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - that of the script is not ours
    pieces = Pieces()
    keeper = threading.Thread(target=_keep, args=(folder, label, pieces), daemon=True)
    keeper.start()
    Relay(orders, answers, pipes, pieces).run()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):  # whoever waits for the end of the script's output has it now
        os.dup2(nowhere, descriptor)
    pieces.end()
    keeper.join()


if __name__ == "__main__":
    sys.path.pop(0)  # our own folder: its modules are known as parts of a package
    found = [one.partition(":") for one in sys.argv[5:]]
    pipes = {int(pipe): int(number) for number, _, pipe in found}
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], pipes)
