"""Ties a job's process to its worker: when the worker dies, however it dies, so does the process.

Linux sends SIGKILL itself. Everywhere the worker also holds the other end of standard input, which
closes with it. Standard library only: this runs before anything else is imported.
"""

import ctypes
import os
import signal
import sys
import threading

ORPHANED = 76  # exit status of a process whose worker was gone before it could be tied
_PR_SET_PDEATHSIG = 1


def tie(parent_pid: int) -> None:
    """From now on this process ends with `parent_pid`; it ends at once when that is gone already.

    Standard input must be a pipe whose other end only the parent holds.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent_pid:
        os._exit(ORPHANED)
    threading.Thread(target=_end_with_stdin, name="lifeline", daemon=True).start()


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(ORPHANED)
