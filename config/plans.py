"""The parts of an instance: what each is started with."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from config import broker, counters, env, logs
from config.options import ROOT, Options
from config.part import Plan

WORKER_GRACE_S = 20.0  # running jobs save a checkpoint and go back to the queue
UPKEEP_THREADS = 2  # folding and sweeping never wait for a job


def environment(options: Options, *, broker_url: str) -> dict[str, str]:
    """What every part is told."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "METASCOPE_DATA": str(options.data),
        "METASCOPE_BROKER_URL": broker_url,
        "METASCOPE_STATIC": os.environ.get("METASCOPE_STATIC") or str(ROOT / "staticfiles"),
        "METASCOPE_WORKERS": str(options.workers),
        "METASCOPE_LOG_FORMAT": log_format(),
    }


def log_format() -> str:
    """Of what `./run` starts: JSON, unless METASCOPE_LOG_FORMAT says otherwise."""
    return env.one_of("METASCOPE_LOG_FORMAT", "json", *logs.FORMATS)


def embedded_broker(options: Options, chosen: broker.Broker) -> Plan:
    return Plan(
        name="broker",
        command=broker.server_command(),
        environment=os.environ,
        folder=options.data,
        log=_log(options, "broker"),
        log_line=broker.log_line if log_format() == "json" else None,
        stdin=chosen.configuration,
        stops_last=True,  # the worker says goodbye through it
    )


def web(options: Options, told: Mapping[str, str], listening_descriptor: int) -> Plan:
    """The web server; the socket is bound already, so a restart never loses the port."""
    return Plan(
        name="web server",
        command=_logged(
            "gunicorn", f"--config python:config.web --bind fd://{listening_descriptor}"
        ),
        environment={**told, counters.FOLDER: str(counters.place(options.data))},
        folder=ROOT,
        log=_log(options, "web"),
        descriptors=(listening_descriptor,),
    )


def worker(options: Options, told: Mapping[str, str]) -> Plan:
    """The worker. Its name stays the same at every start of this data folder."""
    return Plan(
        name="worker",
        command=_logged(
            "celery",
            "--app config --quiet --skip-checks worker --pool threads "
            f"--concurrency {options.workers + UPKEEP_THREADS} "
            "--hostname 1@%h --loglevel INFO --without-gossip --without-mingle",
        ),
        environment=told,
        folder=ROOT,
        log=_log(options, "worker"),
        grace_s=WORKER_GRACE_S,
    )


def beat(options: Options, told: Mapping[str, str]) -> Plan:
    return Plan(
        name="beat",
        command=[
            *_logged("celery", "--app config.beat --quiet beat --loglevel WARNING --pidfile="),
            f"--schedule={options.data / 'beat_schedule'}",
        ],
        environment=told,
        folder=ROOT,
        log=_log(options, "beat"),
    )


def python(module: str, arguments: str = "") -> list[str]:
    """A module of this environment as a command; the working folder adds nothing to its imports.

    `arguments` are separated by spaces and hold none.
    """
    return [sys.executable, "-P", "-m", module, *arguments.split()]


def _logged(module: str, arguments: str) -> list[str]:
    """The same, for a part whose log holds nothing but records."""
    return python("config.logged", f"{module} {arguments}")


def _log(options: Options, name: str) -> Path:
    return options.data / "logs" / f"{name}.log"
