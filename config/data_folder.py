"""The one folder everything is kept in: made, checked, and locked for one instance."""

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from pathlib import Path

from config.refusal import StartRefused, is_full, no_room

FREE_SPACE_NEEDED = 64 * 2**20
TRASH_DAYS = "trash_days"  # a file of the folder
FORMER_INSTANCE_S = 25  # the longest that parts of a killed instance may take to end


def prepare(folder: Path) -> None:
    """Makes the folder, private to its owner, and proves that it can be written.

    An empty one is made private too, if it is ours; one in use stays as its owner left it.
    Raises StartRefused.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            with contextlib.suppress(PermissionError):  # somebody else's, who let us write there
                folder.chmod(0o700)
        (folder / "logs").mkdir(mode=0o700, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"\0" * 65536)
        probe.unlink()
    except OSError as error:
        if is_full(error):
            raise no_room(folder) from error
        raise StartRefused(
            f"the data folder {folder} cannot be written ({error.strerror}): change its owner or "
            "permissions, or choose another with --data."
        ) from error
    free = shutil.disk_usage(folder).free
    if free < FREE_SPACE_NEEDED:
        raise no_room(folder)


def lock(folder: Path) -> int:
    """A descriptor that holds the folder for this instance until it and its guard have ended.

    A guard that is still ending the parts of a killed instance is waited for. Raises StartRefused
    when another instance is alive.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + FORMER_INSTANCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            if is_alive(holder) or time.monotonic() > deadline:
                os.close(descriptor)
                raise StartRefused(
                    f"another Metascope (process {holder}) uses {folder}: stop it first, or choose "
                    "another folder with --data."
                ) from None
            time.sleep(0.1)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor


def _holder(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists; 0 stands for none."""
    if pid == 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def keep_secret_key(folder: Path) -> None:
    """Makes the key that signs sessions, once."""
    _keep_secret(folder / "secret_key", 50)


def keep_metrics_token(folder: Path) -> None:
    """Makes the token that Prometheus reads `/metrics` with, once."""
    _keep_secret(folder / "metrics_token", 32)


def keep_database_url(folder: Path, url: str) -> None:
    """What this start was told; "" (a file in the folder) forgets an earlier one."""
    _keep_told(folder / "database_url", url)


def keep_trash_days(folder: Path, days: str) -> None:
    """What this start was told, for the commands beside it; "" forgets an earlier one."""
    _keep_told(folder / TRASH_DAYS, days)


def kept_trash_days(folder: Path, default: int) -> int:
    """How long what is deleted stays in the trash of the instance that this folder is of."""
    kept = folder / TRASH_DAYS
    text = kept.read_text().strip() if kept.exists() else ""
    return int(text) if text.isdecimal() else default


def _keep_told(kept: Path, text: str) -> None:
    if text:
        write_private(kept, text)
    else:
        kept.unlink(missing_ok=True)


def _keep_secret(path: Path, length: int) -> None:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(length))


def write_private(path: Path, text: str) -> None:
    """Replaces a file that only its owner may read; readers see the old or the new, never half."""
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    draft.replace(path)
