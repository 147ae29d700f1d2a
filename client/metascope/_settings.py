"""Where the server is, and who asks: environment first, then the file of `metascope login`."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import warnings
from dataclasses import dataclass
from pathlib import Path

DEFAULT_URL = "http://127.0.0.1:8000"
MODES = ("online", "offline", "disabled")
CONSOLES = ("all", "python", "off")
EXIT_WAIT_S, LONGEST_WAIT_S = 60.0, 1_000_000.0


@dataclass(frozen=True)
class Settings:
    """`mode`: online sends while the run goes on, offline only writes, disabled does neither."""

    url: str
    token: str
    spool: Path
    mode: str
    cache: Path  # of downloaded files
    exit_wait_s: float  # how long the end of a script waits for the server
    console: str = "all"  # what of a script's output is kept, as _output has it

    @property
    def standby(self) -> list[Path]:
        """Where spools are begun while theirs cannot be written: the same for all processes."""
        place = hashlib.sha256(os.fsencode(self.spool.absolute())).hexdigest()[:8]
        places = dict.fromkeys(("/dev/shm", os.environ.get("TMPDIR") or "/tmp"))
        name = f"metascope-{os.getuid()}-{place}"
        return [Path(one, name) for one in places if os.path.isdir(one)]

    def owner(self) -> dict[str, str]:
        """Who writes a spool: by this a later process knows what it may deliver unasked."""
        token = hashlib.sha256(os.fsencode(self.token)).hexdigest()[:16]
        return {"url": self.url, "host": platform.node(), "mode": self.mode, "token": token}


def load() -> Settings:
    """Settings of this process. Raises ValueError for a value that makes no sense."""
    stored = _stored()
    mode = os.environ.get("METASCOPE_MODE") or "online"
    if mode not in MODES:
        raise ValueError(f"METASCOPE_MODE is {mode!r}: use {', '.join(MODES)}")
    console = os.environ.get("METASCOPE_CONSOLE") or "all"
    if console not in CONSOLES:
        raise ValueError(f"METASCOPE_CONSOLE is {console!r}: use {', '.join(CONSOLES)}")
    return Settings(
        url=os.environ.get("METASCOPE_URL") or stored.get("url") or DEFAULT_URL,
        token=os.environ.get("METASCOPE_TOKEN") or stored.get("token") or "",
        spool=Path(os.environ.get("METASCOPE_SPOOL") or _state_home() / "metascope" / "spool"),
        mode=mode,
        cache=_cache_home() / "metascope" / "files",
        exit_wait_s=_exit_wait_s(os.environ.get("METASCOPE_EXIT_WAIT_S", "")),
        console=console,
    )


def store(url: str, token: str) -> Path:
    """Keep them for this user's later processes, readable by nobody else."""
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(".tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump({"url": url, "token": token}, file)
    os.replace(temporary, path)
    return path


def _exit_wait_s(text: str) -> float:
    """Seconds; the default, and a warning, for what are none: no training fails for that."""
    try:
        found = float(text or EXIT_WAIT_S)
    except ValueError:
        found = -1.0
    if 0 <= found <= LONGEST_WAIT_S:
        return found
    said = f"METASCOPE_EXIT_WAIT_S is {text!r}, not seconds: {EXIT_WAIT_S:.0f} are used"
    warnings.warn(said, stacklevel=2)
    return EXIT_WAIT_S


def _stored() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_file().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "metascope" / "settings.json"


def _cache_home() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home) if home else Path.home() / ".cache"


def _state_home() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return Path(home) if home else Path.home() / ".local" / "state"
