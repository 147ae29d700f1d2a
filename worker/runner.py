"""The process of one job: `python -m worker.runner WORKER_PID JOB_ID ATTEMPT`.

Started by `worker.supervision`, in its own session, folder and scrubbed environment. Its exit
status is for that supervisor: 0 when it ended the attempt itself, whatever the outcome.
"""

import logging
import os
import signal
import sys
import time
import types

import django
from django.conf import settings

from worker import lifeline


class ConsoleFormatter(logging.Formatter):
    """Every line as "HH:MM:SS LEVEL text" (UTC), those of a traceback too."""

    def format(self, record: logging.LogRecord) -> str:
        start = time.strftime("%H:%M:%S", time.gmtime(record.created))
        lines = super().format(record).splitlines() or [""]
        return "\n".join(f"{start} {record.levelname} {line}" for line in lines)


def main(arguments: list[str]) -> int:
    """Run one attempt of a job from its claim to its result."""
    parent_pid, job_id, attempt = int(arguments[0]), arguments[1], int(arguments[2])
    lifeline.tie(parent_pid)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup(set_prefix=False)
    _log_to_console()
    os.nice(settings.JOB_NICE)
    # Models can be imported from here on; torch takes seconds, which the tie should not wait for.
    from worker import execution

    control = execution.Control()

    def stop(signum: int, frame: types.FrameType | None) -> None:
        control.stop.set()

    signal.signal(signal.SIGTERM, stop)
    return execution.run_attempt(job_id, attempt, control)


def _log_to_console() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ConsoleFormatter("%(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]  # the job's console instead of the server's log
    root.setLevel("INFO")


if __name__ == "__main__":
    status = main(sys.argv[1:])
    logging.shutdown()
    # Everything is stored; taking torch apart would only keep the slot and the last console lines.
    os._exit(status)
