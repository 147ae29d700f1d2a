"""The command line of `./run`. Read before any package is installed: standard library only."""

import argparse
import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from config import env
from config.refusal import StartRefused

ROOT = Path(__file__).resolve().parent.parent
MOST_WORKERS = 1024


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
    """Options of the command line, then of the environment.

    Exits with a sentence and status 2 for options that are not understood; raises StartRefused for
    a combination that is not safe.
    """
    given = _parser().parse_args(arguments)
    options = Options(
        given.host, given.port, given.data.expanduser().resolve(), given.workers, given.demo
    )
    if not options.is_local and not env.text("METASCOPE_HOSTS"):
        raise StartRefused(
            f"--host {options.host} opens Metascope to other machines: set METASCOPE_HOSTS to the "
            "names people will type in their browser, separated by commas."
        )
    return options


class _Parser(argparse.ArgumentParser):
    """Tells a mistake in one sentence that names the option, without the usage."""

    def parse_args(self, arguments: list[str]) -> argparse.Namespace:  # type: ignore[override]
        found, unknown = self.parse_known_args(arguments)
        if unknown:
            known = [one for one in self._option_string_actions if one.startswith("--")]
            close = get_close_matches(unknown[0].partition("=")[0], known, n=1)
            meant = f" (did you mean {close[0]}?)" if close else ""
            self.error(f"{unknown[0]} is no option{meant}: choose from {', '.join(known)}")
        return found

    def error(self, message: str) -> NoReturn:
        sentence = re.sub(r"^argument (\S+): ", r"\1 ", message)
        self.exit(2, f"metascope: {sentence}.\n")


def _parser() -> _Parser:
    parser = _Parser(prog="./run", description="Starts Metascope.", allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=_between(0, 65535), default=8000, help="0: any free one (%(default)s)"
    )
    parser.add_argument(
        "--data",
        type=_folder,
        metavar="DIR",
        default=env.path("METASCOPE_DATA", ROOT / "data"),
        help="the folder everything is kept in (%(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=_between(1, MOST_WORKERS),
        metavar="N",
        default=env.number(
            "METASCOPE_WORKERS", min(2, os.cpu_count() or 1), least=1, most=MOST_WORKERS
        ),
        help="jobs that run at once (%(default)s)",
    )
    parser.add_argument("--demo", action="store_true", help="queue a first comparison")
    return parser


def _between(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        found = env.whole(text, least=least, most=most)
        if found is None:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not understood: use a whole number from {least} to {most}"
            )
        return found

    return read


def _folder(text: str) -> Path:
    if not text.strip():  # an unset variable of a script: not the folder it was called from
        raise argparse.ArgumentTypeError("is empty: name a folder")
    return Path(text)
