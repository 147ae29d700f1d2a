"""`python -m config.logged MODULE ...`: runs a module whose every line of output is one of the log.

What the module prints, warnings and the traceback it ends with become records like its own, in the
format of METASCOPE_LOG_FORMAT. With "text" all of it stays as it is.
"""

import logging
import logging.config
import runpy
import sys
import threading
from types import TracebackType

from config import env, logs

logger = logging.getLogger("metascope.output")


class Lines:
    """A stream for text: each whole line that a thread writes becomes a record.

    It has no file descriptor, so that nobody writes around it.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, level: int) -> None:
        self._level = level
        self._open = threading.local()

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"a str is needed, not {type(text).__name__}")
        *whole, rest = (getattr(self._open, "line", "") + text).split("\n")
        self._open.line = rest
        for line in whole:
            if line.strip():
                logger.log(self._level, "%s", line.rstrip())
        return len(text)

    def flush(self) -> None:
        """A line is told when it ends."""

    def isatty(self) -> bool:
        return False


def take_over() -> None:
    """From now on, what this process prints is logged. Records still go to the first stderr."""
    logging.config.dictConfig(logs.configuration("json"))
    logging.captureWarnings(True)
    # A record that cannot be written, as on a full disk, is lost. Told on stderr it would be a
    # record again, and so on, until the process ends by it.
    logging.raiseExceptions = False
    # Celery tells of its start and stop on the stream it was born with.
    sys.stdout = sys.__stdout__ = Lines(logging.INFO)  # type: ignore[misc,assignment]
    sys.stderr = Lines(logging.WARNING)
    sys.excepthook = _tell_failure
    threading.excepthook = _tell_thread_failure


def _tell_failure(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    logger.critical("Ended by %s", kind.__name__, exc_info=(kind, error, traceback))


def _tell_thread_failure(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None:
        logger.error("A thread ended by %s", failed.exc_type.__name__, exc_info=failed.exc_value)


def main() -> None:
    if env.one_of("METASCOPE_LOG_FORMAT", "text", *logs.FORMATS) == "json":
        take_over()
    module, sys.argv = sys.argv[1], sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
