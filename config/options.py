"""The command line of `./run`."""

import argparse
import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config import env
from config.refusal import StartRefused

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Options:
    host: str
    port: int  # 0: any free one
    data: Path
    workers: int  # jobs at once
    demo: bool

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse(arguments: list[str]) -> Options:
    """Options of the command line, then of the environment. Exits with a usage message, or raises
    StartRefused for a combination that is not safe."""
    default_workers = env.number("METASCOPE_WORKERS", min(2, os.cpu_count() or 1), least=1)
    parser = argparse.ArgumentParser(prog="./run", description="Starts Metascope.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=_between(0, 65535), default=8000, help="0: any free one (%(default)s)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=env.path("METASCOPE_DATA", ROOT / "data"),
        help="the folder everything is kept in (%(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=_between(1, 1024),
        metavar="N",
        default=default_workers,
        help="jobs that run at once (%(default)s)",
    )
    parser.add_argument("--demo", action="store_true", help="queue a first comparison")
    given = parser.parse_args(arguments)
    options = Options(
        given.host, given.port, given.data.expanduser().resolve(), given.workers, given.demo
    )
    if not options.is_local and not env.text("METASCOPE_HOSTS"):
        raise StartRefused(
            f"--host {options.host} opens Metascope to other machines: set METASCOPE_HOSTS to the "
            "names people will type in their browser, separated by commas."
        )
    return options


def _between(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"use a whole number from {least} to {most}")
        return int(text)

    return read
