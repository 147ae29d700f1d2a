"""Runs the commands of docs/rest-quickstart.md against a started server."""

import json
import os
import re
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "rest-quickstart.md"
_BLOCK = re.compile(r"^```bash([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(needs: Collection[str]) -> list[str]:
    """The commands whose needs are met: "worker" (one has announced itself), "running" (it works).

    In the document a need is written behind the fence's language: ```bash worker running.
    """
    found = _BLOCK.findall(DOCUMENT.read_text())
    return [text for words, text in found if set(words.split()) <= set(needs)]


def all_blocks() -> list[str]:
    """The commands, whatever they need."""
    return [text for _, text in _BLOCK.findall(DOCUMENT.read_text())]


def run(url: str, token: str, *, needs: Collection[str] = (), timeout_s: float = 120) -> str:
    """Executes the blocks in one shell, as a reader would; returns what they printed.

    Stops at the first command that fails: AssertionError with all output.
    """
    script = "set -euo pipefail\n" + "\n".join(f"{block}\necho" for block in blocks(needs))
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "METASCOPE_URL": url, "METASCOPE_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def answers(printed: str) -> list[dict[str, Any]]:
    """The JSON objects among what was printed, in order; several may share a line."""
    decoder, found = json.JSONDecoder(), []
    for line in printed.splitlines():
        rest = line
        while rest.startswith("{"):
            value, end = decoder.raw_decode(rest)
            found.append(value)
            rest = rest[end:]
    return found
