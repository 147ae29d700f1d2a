"""gunicorn's threads, which go on with a client that asks again at once.

Handing a kept connection back to the main thread, and its next request from there to a thread,
costs a tenth of taking a small batch; clients that record send one request after the other.
"""

import select
import threading
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

PATIENCE_MS = 10
IN_A_ROW = 200  # then others may have the thread's place


class Worker(ThreadWorker):  # type: ignore[misc]
    """At most half of the threads stay with a client: the others answer whoever comes."""

    def init_process(self) -> None:
        self._places = threading.BoundedSemaphore(max(1, self.cfg.threads // 2))
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """What gunicorn's does, for one request after the other; True: the connection is kept."""
        kept = super().handle(conn)
        if kept is not True or not self._places.acquire(blocking=False):
            return kept
        try:
            for _ in range(IN_A_ROW):
                if kept is not True or not self._asks_again(conn):
                    break
                kept = super().handle(conn)
            return kept
        finally:
            self._places.release()

    def _asks_again(self, conn: Any) -> bool:
        if not self.alive or conn.parser.unreader.buf.getvalue():
            return False  # of what was read ahead gunicorn takes care
        waiting = select.poll()
        waiting.register(conn.sock, select.POLLIN)
        return bool(waiting.poll(PATIENCE_MS))
