"""What a script runs on and with: command line, machine, packages, code. Secrets are masked."""

from __future__ import annotations

import base64
import fnmatch
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from metascope import _secrets
from metascope._ignored import Ignored
from metascope._left_out import LeftOut
from metascope._machine import hardware
from metascope._paths import LONGEST_PATH, sent_path

PASSED_ON = re.compile(
    r"(CUDA|NVIDIA|OMP|MKL|NCCL|TORCH|PYTORCH|XLA|JAX|KERAS|SLURM|RANK|WORLD_SIZE|LOCAL_RANK)\w*"
    r"|TF_(CPP|XLA|GPU|CUDNN|CUBLAS|CUDA|FORCE_GPU|FORCE_UNIFIED|ENABLE_ONEDNN|ENABLE_XLA|DETERMINISTIC|USE|NUM|FUNCTION|CONFIG"
    r"|INTRA|INTER|LAYOUT|AUTOTUNE|TENSOR|SYNC|PROFILER|PER|TRT|NEED|DEVICE|ONEDNN|EAGER|KERNEL"
    r"|AUTO_MIXED|MEMORY)\w*|TF[23]_\w*|TFDS_\w*|TFHUB_\w*"  # not Terraform's, TF_VAR_ ...
)
LARGEST_FILE = 1024 * 1024
LARGEST_SNAPSHOT = 4 * 1024 * 1024  # far below the longest record, as JSON too
LARGEST_PATCH = 1024 * 1024  # characters
MOST_FILES = 2_000
LARGEST_CONFIGURATION = 64 * 1024  # files that are no code and larger are taken for data
CODE = ("*.py", "*.ipynb", "*.sh")
SOURCE = (*CODE, "*.yaml", "*.yml", "*.toml", "*.json", "*.cfg", "*.ini", "*.txt", "*.md")
NEVER = (".git", "__pycache__", ".venv", "venv", "node_modules", ".mypy_cache", ".pytest_cache",
         "*.egg-info", ".env*", "*.pem", "*.key", ".metascope", "kaggle.json", "token.json",
         *(f"*{what}*.{kind}" for what in ("credential", "secret", "service[-_]account")
           for kind in ("json", "yaml", "yml", "toml", "ini", "cfg", "txt")))  # fmt: skip
VENV_MARK = "pyvenv.cfg"  # in the folder of every virtual environment, whatever its name
GIT_S = 10
KIND = "not a kind of file that is recorded"


def command() -> str:
    """The command line, without values that look like secrets."""
    return " ".join(_secrets.arguments(getattr(sys, "orig_argv", sys.argv)))


def environment() -> dict[str, Any]:
    """Python, packages, machine, and the environment variables that PASSED_ON allows."""
    variables = {
        name: _secrets.MASK if _secrets.names_a_secret(name) else _secrets.options(value)
        for name, value in sorted(os.environ.items())
        if PASSED_ON.fullmatch(name)
    }
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hostname": platform.node(),
        **hardware(),
        "packages": packages(),
        "variables": variables,
        "working_folder": _working_folder(),
    }


def _working_folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it is gone
        return ""


def packages() -> dict[str, str]:
    """Versions of the installed distributions by name."""
    found = {}
    for one in importlib.metadata.distributions():
        name = one.metadata["Name"]
        if name:
            found[str(name)] = one.version
    return dict(sorted(found.items(), key=lambda pair: pair[0].lower()))


def snapshot() -> dict[str, Any] | None:
    """The code as executed: by git where there is a repository, else the files near the script."""
    root = _git_root()
    if root is None:
        script = _script()
        if script is None or not script.is_file():
            return None
        return _files(script.parent, [("?", name) for name in _walk(script.parent)])
    listed = _git(root, "ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
    names = [(line[:1], line[2:]) for line in (listed or "").split("\0") if line]
    return {
        **_files(root, names),
        "git_commit": (_git(root, "rev-parse", "HEAD") or "").strip(),
        "git_branch": (_git(root, "symbolic-ref", "--short", "-q", "HEAD") or "").strip(),
        "git_remote": _secrets.without_password(
            (_git(root, "config", "--get", "remote.origin.url") or "").strip()
        ),
        "patch": _patch(root),
    }


def _patch(root: Path) -> str:
    """The uncommitted changes; a line that says so where they are too many to be kept (the files
    still are).

    Only of files that are asked for by name: what is ignored cannot be among them."""
    listed = _git(root, "diff", "HEAD", "--name-only", "--no-renames", "-z") or ""
    ignored = Ignored(root)
    names = [name for name in listed.split("\0") if name and _is_kept(name, ignored)]
    if not names:
        return ""
    found = _git(root, "diff", "HEAD", "--", *(f":(literal){name}" for name in names)) or ""
    found = found.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if len(found) > LARGEST_PATCH:
        return (
            f"# {len(found)} characters of uncommitted changes are left out: more than the limit\n"
        )
    return found


def _git_root() -> Path | None:
    script = _script()
    folder = script.parent if script else Path.cwd()
    found = _git(folder if folder.is_dir() else Path.cwd(), "rev-parse", "--show-toplevel")
    return Path(found.strip()) if found else None


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, names that are no UTF-8 as Python reads them; None without git, outside a
    repository, or when it takes too long."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, timeout=GIT_S, check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None


def _walk(folder: Path) -> list[str]:
    found: list[str] = []
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(
            one
            for one in folders
            if not _matches(one, NEVER) and not os.path.exists(os.path.join(path, one, VENV_MARK))
        )
        found.extend(os.path.relpath(os.path.join(path, one), folder) for one in sorted(files))
        if len(found) > 10 * MOST_FILES:
            break
    return found


def _files(root: Path, names: list[tuple[str, str]]) -> dict[str, Any]:
    """`files`, sources by path: text, or base64 for other bytes; `left_out`, what the limits or
    their kind keep out, which is the least like code. Each name comes with its mark: "?" where git
    does not know the file. Such a file of another kind need not be code, and is not named."""
    ignored = Ignored(root)
    others = LeftOut(root)
    total = 0
    files: dict[str, Any] = {}
    script = _script_below(root)
    kept = [(mark, name) for mark, name in names if _is_kept(name, ignored)]
    for mark, name in sorted(kept, key=lambda one: _distance(root, one[1], script)):
        if not _matches(name.rpartition("/")[2], SOURCE):
            if mark != "?" and (root / name).exists():
                others.add(name, KIND, is_source=False)
            continue
        data = _read(root / name)
        if data is None:
            continue
        if isinstance(data, str):
            others.add(name, data)
        elif len(sent_path(name)) > LONGEST_PATH:
            others.add(name, "its path is too long")
        elif len(files) >= MOST_FILES:
            others.add(name, f"more than {MOST_FILES:,} files")
        elif total + len(data) > LARGEST_SNAPSHOT:
            others.add(name, f"more than {_mib(LARGEST_SNAPSHOT)} of code")
            total = LARGEST_SNAPSHOT  # and so are all that follow
        else:
            total += len(data)
            files[sent_path(name)] = _content(data)
    return {"files": files, **others.fields()}


def _script_below(root: Path) -> str:
    script = _script()
    return os.path.relpath(script, os.path.realpath(root)) if script else ""


def _script() -> Path | None:
    """What is executed. A relative name is that of Python's start: scripts change their folder."""
    given = sys.argv[0] if sys.argv else ""
    started = getattr(sys.modules.get("__main__"), "__file__", None) or ""
    if not os.path.isabs(given) and Path(started).name == Path(given).name:
        given = started
    return Path(given).resolve() if given else None


def _distance(root: Path, name: str, script: str) -> int:
    """From what is executed: of code that is too much, the nearest is kept."""
    if name == script:
        return 0
    if _matches(name.rpartition("/")[2], CODE):
        return 1
    try:
        return 2 if (root / name).lstat().st_size <= LARGEST_CONFIGURATION else 3
    except OSError:
        return 3


def _read(path: Path) -> bytes | str | None:
    """The content, or why it is not recorded; None for one that is gone since it was listed."""
    try:
        if path.is_symlink():
            return "a link"
        if path.stat().st_size > LARGEST_FILE:
            return f"larger than {_mib(LARGEST_FILE)}"
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"not readable: {error.strerror or type(error).__name__}"


def _mib(size: int) -> str:
    return f"{size / 2**20:g} MiB"


def _content(data: bytes) -> Any:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
    return text if "\0" not in text else {"base64": base64.b64encode(data).decode()}


def _is_kept(name: str, ignored: Ignored) -> bool:
    """Whether a file of this name may be recorded at all."""
    return not any(_matches(part, NEVER) for part in name.split("/")) and name not in ignored


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
