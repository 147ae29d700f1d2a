"""What `.metascopeignore` names: patterns as git has them in a `.gitignore`."""

from __future__ import annotations

import re
from pathlib import Path

IGNORE_FILE = ".metascopeignore"


class Ignored:
    """The ignore files below a folder: one counts for all that lies in its folder, deeper ones
    decide last. One that cannot be read ignores all of it: what it names must not be kept."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._rules: dict[str, list[_Rule]] = {}  # by folder, as far as it was asked for

    def __contains__(self, name: str) -> bool:
        """Whether this file, or a folder it lies in, is ignored. `name`: below the root, with "/".

        Nothing in a folder that is ignored comes back by "!"."""
        parts = name.split("/")
        rules: list[tuple[int, _Rule]] = []
        for depth in range(len(parts)):
            rules += [(depth, one) for one in self._of("/".join(parts[:depth]))]
            is_folder = depth < len(parts) - 1
            found = [
                one
                for start, one in rules
                if one.matches("/".join(parts[start : depth + 1]), is_folder)
            ]
            if found and not found[-1].takes_back:
                return True
        return False

    def _of(self, folder: str) -> list[_Rule]:
        if folder not in self._rules:
            self._rules[folder] = _read(self._root / folder / IGNORE_FILE)
        return self._rules[folder]


class _Rule:
    """One pattern: `!` takes back, "/" at its end means folders alone, and before that anchors it
    in the folder of its file."""

    def __init__(self, pattern: str) -> None:
        self.takes_back = pattern.startswith("!")
        pattern = pattern[1:] if self.takes_back else pattern
        self._of_folders = pattern.endswith("/")
        pattern = pattern.rstrip("/") if self._of_folders else pattern
        anywhere = "" if "/" in pattern else "(?:.*/)?"
        self._expression = re.compile(anywhere + _expression(pattern.removeprefix("/")), re.DOTALL)

    def matches(self, name: str, is_folder: bool) -> bool:
        return (is_folder or not self._of_folders) and bool(self._expression.fullmatch(name))


def _read(file: Path) -> list[_Rule]:
    try:
        lines = file.read_text("utf-8", "replace").removeprefix("\ufeff").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        return [_Rule("*")]
    found = [re.sub(r"(?<!\\)\s+$", "", line) for line in lines]
    return [_Rule(line) for line in found if line.strip("!/") and not line.startswith("#")]


_PARTS = re.compile(r"(^|/)\*\*/|/\*\*$|\\.|\[[!^]?\]?[^\]]*\]|\*+|\?|.", re.DOTALL)


def _expression(pattern: str) -> str:
    return _PARTS.sub(_translated, pattern)


def _translated(found: re.Match[str]) -> str:
    part = found[0]
    if part.endswith("**/"):
        return f"{found[1]}(?:.*/)?"
    if part == "/**":
        return "/.+"
    if part.startswith("*"):
        return "[^/]*"
    if part == "?":
        return "[^/]"
    if part.startswith("[") and len(part) > 1:
        return _set_of(part)
    return re.escape(part[-1])


def _set_of(part: str) -> str:
    """A set of characters; one that says nothing stands for itself."""
    inner = part[1:-1]
    sign = "^/" if inner[0] in "!^" else ""
    inner = re.sub(r"([\[&|~^])", r"\\\1", inner[1:] if sign else inner)
    inner = rf"\{inner}" if inner.startswith("]") else inner
    try:
        return re.compile(f"(?!/)[{sign}{inner}]").pattern
    except re.error:
        return re.escape(part)
