"""gunicorn's settings: few processes, threads in them.

Requests are logged by `config.requests`, which knows more of them than gunicorn does.

Loading the application once and forking saves a second of start-up and memory per process; no
connection is opened before the fork.
"""

import gc
import os
from pathlib import Path
from typing import Any

from prometheus_client import multiprocess

from config import counters, env, logs

_cores = os.cpu_count() or 1

wsgi_app = "config.wsgi:application"
worker_class = "config.serving.Worker"
workers = min(2, _cores)
threads = 8
preload_app = True
timeout = 60  # a process that did not report for so long is replaced
graceful_timeout = 3
keepalive = 15
backlog = 512
limit_request_line = 8190  # a comparison's address names its runs
limit_request_field_size = 16380
accesslog = None
errorlog = "-"
logconfig_dict = logs.configuration(env.one_of("METASCOPE_LOG_FORMAT", "text", *logs.FORMATS))
control_socket_disable = True
# Heartbeats go to memory where there is any: a slow disk would look like a hanging process.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
proc_name = "metascope-web"

counters.start_anew()  # before the application is loaded, which opens its own


def when_ready(server: Any) -> None:
    """All that the application is made of stays for good: no collection looks at it again, which
    takes 100 ms and meets a large answer more than once."""
    gc.collect()
    gc.freeze()


def on_exit(server: Any) -> None:
    """The server ends, in order."""
    counters.clear_away()


def child_exit(server: Any, worker: Any) -> None:
    """A process has ended: what it counted stays in the sums."""
    if counters.is_shared():
        multiprocess.mark_process_dead(worker.pid)
