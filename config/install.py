"""The first stage of `./run` and `./test`: an environment with the pinned packages.

It runs on a bare Python, so it uses the standard library only, as `config.options` does, and it
hands over by exec. A stamp in the environment says what it was made for; while that matches,
nothing is installed.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from config import options
from config.refusal import StartRefused

ROOT = Path(__file__).resolve().parent.parent
FREE_SPACE_NEEDED = 3 * 2**30  # PyTorch, SciPy and NumPy, while pip still holds their archives


class InstallRefused(Exception):
    """The environment cannot be made; the text is one sentence that says what to do."""


def main(arguments: list[str]) -> NoReturn:
    """Installs, then becomes the supervisor (`run`) or the checks (`test`).

    Help, and options that `./run` does not understand, are answered before anything is installed.
    """
    stage, given = arguments[0], arguments[1:]
    requirements = ROOT / ("requirements-dev.txt" if stage == "test" else "requirements.txt")
    folder = Path(os.environ.get("METASCOPE_VENV") or ROOT / ".venv").expanduser().absolute()
    try:
        if stage == "run":
            options.parse(given)
        # Two starts in one checkout wait for each other here, not in the middle of pip.
        with _locked(ROOT):
            python = ensure_environment(folder, requirements)
    except (InstallRefused, StartRefused) as refusal:
        print(f"metascope: {refusal}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nmetascope: interrupted; start it again to go on installing.", file=sys.stderr)
        sys.exit(130)
    module = {"run": "config.supervise", "test": "config.checks"}[stage]
    os.execv(python, [str(python), "-P", "-m", module, *given])


def ensure_environment(folder: Path, requirements: Path) -> Path:
    """The environment's Python, after installing `requirements` unless its stamp says it is done.

    Raises InstallRefused.
    """
    python = folder / "bin" / "python"
    wanted = fingerprint(requirements)
    if python.exists() and _stamp(folder, requirements) == wanted:
        return python
    started = time.monotonic()
    if not python.exists():
        _create(folder)
    _install(python, requirements, log=folder / "install.log")
    for name in _files_of(requirements):
        _write_stamp(folder, name)
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)
    return python


def fingerprint(requirements: Path) -> str:
    """What an environment for these requirements on this machine's Python is made for."""
    text = "".join(path.read_text() for path in _files_of(requirements))
    return hashlib.sha256(text.encode()).hexdigest()


def _files_of(requirements: Path) -> list[Path]:
    """The file itself and those it includes by `-r`."""
    found = [requirements]
    for line in requirements.read_text().splitlines():
        if line.startswith("-r "):
            found += _files_of(requirements.parent / line[3:].strip())
    return found


def _stamp_path(folder: Path, requirements: Path) -> Path:
    return folder / f"{requirements.name}.stamp"


def _stamp(folder: Path, requirements: Path) -> str:
    try:
        stamp = json.loads(_stamp_path(folder, requirements).read_text())
    except (OSError, ValueError):
        return ""
    # A Python that was upgraded in place (3.11 to 3.12) leaves an environment without packages.
    same_python = stamp.get("python") == os.path.realpath(folder / "bin" / "python")
    return str(stamp.get("fingerprint")) if same_python else ""


def _write_stamp(folder: Path, requirements: Path) -> None:
    stamp = {
        "fingerprint": fingerprint(requirements),
        "python": os.path.realpath(folder / "bin" / "python"),
    }
    _stamp_path(folder, requirements).write_text(json.dumps(stamp))


def _create(folder: Path) -> None:
    """A fresh environment; one whose Python is gone is replaced."""
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        raise InstallRefused(
            "this Python cannot create environments: install its venv module "
            "(Debian, Ubuntu: apt install python3-venv), then start again."
        )
    place = folder.parent
    free = shutil.disk_usage(place).free if place.exists() else FREE_SPACE_NEEDED
    if free < FREE_SPACE_NEEDED:
        raise InstallRefused(
            f"{place} has {free / 2**30:.1f} GB free and the packages need "
            f"{FREE_SPACE_NEEDED / 2**30:.0f} GB: make room, then start again."
        )
    print(f"Creating an environment in {folder} ...", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(folder)], capture_output=True, text=True
    )
    if made.returncode != 0:
        raise InstallRefused(
            f"the environment {folder} could not be created "
            f"({_last_line(made.stderr or made.stdout)}): make the folder writable or name another "
            "in METASCOPE_VENV, then start again."
        )


def _install(python: Path, requirements: Path, *, log: Path) -> None:
    """Runs pip, showing one line per package; everything it says goes to `log`."""
    print(
        f"Installing the packages of {requirements.name} (a few minutes the first time) ...",
        flush=True,
    )
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check",
               "--no-input", "-r", str(requirements)]  # fmt: skip
    try:
        kept = log.open("w")
    except OSError as error:
        raise InstallRefused(f"{log.parent} cannot be written ({error.strerror}).") from error
    problem = ""
    with (
        kept,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as pip,
    ):
        assert pip.stdout is not None
        for line in pip.stdout:
            kept.write(line)
            if line.startswith(("Collecting ", "Installing collected")):
                print(f"  {line.split(' (from')[0].split(':')[0].strip()}", flush=True)
            if line.startswith("ERROR:"):
                problem = problem or line.removeprefix("ERROR:").strip()
    if pip.returncode != 0:
        raise InstallRefused(_pip_advice(problem, log))


def _pip_advice(problem: str, log: Path) -> str:
    if "No space left" in problem:
        return f"the disk is full: free at least {FREE_SPACE_NEEDED // 2**30} GB, then start again."
    return (
        f"pip could not install the packages ({problem or 'no reason given'}): check the network "
        f"and {log}, then start again."
    )


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


class _locked:
    """Holds a lock on a folder; it ends with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        self.descriptor = os.open(self.folder, os.O_RDONLY)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


if __name__ == "__main__":
    main(sys.argv[1:])
