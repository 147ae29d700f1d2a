"""Other trackers to measure beside ours, each installed once into an environment of its own.

    .venv/bin/python bench/peers.py [NAME ...]

`requirements-peers.txt` says what and in which versions. The environments lie in the folder that
METASCOPE_BENCH_PEERS names, or in ~/.cache/metascope-bench. A peer that does not install is named
with its reason and left out of what is measured.
"""

import argparse
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements-peers.txt")
DATA = Path(__file__).with_name("peer_data.py")
INSTALLED = "installed"  # the requirements that the environment was made for


class Missing(Exception):
    """The peer is not to be had here; the text says why."""


def folder() -> Path:
    """Where the environments lie."""
    named = os.environ.get("METASCOPE_BENCH_PEERS")
    return Path(named) if named else Path.home() / ".cache" / "metascope-bench"


def requirements() -> dict[str, list[str]]:
    """Each peer's packages."""
    found: dict[str, list[str]] = {}
    for line in REQUIREMENTS.read_text().splitlines():
        if heading := re.fullmatch(r"# \[(\w+)\]", line):
            packages = found[heading[1]] = []
        elif line and not line.startswith("#"):
            packages.append(line)
    return found


def version(peer: str) -> str:
    """Its name and version, as the tables name it."""
    return requirements()[peer][0].replace("==", " ")


def python(peer: str) -> Path:
    """The interpreter of its environment, which is made if it is not there. Raises Missing."""
    place = folder() / peer
    wanted = "\n".join(requirements()[peer])
    mark = place / INSTALLED
    if not mark.exists() or mark.read_text() != wanted:
        print(f"installing {version(peer)} into {place}", file=sys.stderr, flush=True)
        venv.create(place, clear=True, with_pip=True)
        command = [place / "bin" / "python", "-m", "pip", "install", "-q", *wanted.split()]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise Missing(
                f"{version(peer)} does not install: {(errors or ['no reason given'])[-1]}"
            )
        mark.write_text(wanted)
    return place / "bin" / "python"


def available(names: list[str]) -> dict[str, Path]:
    """The interpreters of those that install; the others are named with their reason."""
    found = {}
    for name in names:
        try:
            found[name] = python(name)
        except Missing as reason:
            print(f"left out: {reason}", flush=True)
    return found


def write(peer: str, kind: str, folder: Path, interpreter: Path, runs: int, points: int) -> None:
    """The peer's data, by a process of its environment."""
    folder.mkdir()
    environment = {**os.environ, "TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1"}
    command = [
        str(interpreter), str(DATA), peer, kind, str(folder),
        "--runs", str(runs), "--points", str(points),
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{peer} failed:\n{done.stderr[-2000:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(requirements()))
    for name, place in available(parser.parse_args().names).items():
        print(f"{version(name):20} {place}")


if __name__ == "__main__":
    main()
