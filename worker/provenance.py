"""What an attempt executes: the engine's source, git state, packages, machine, command, seed.

Values that look like secrets are masked, and only environment variables of an allow-list are kept.
"""

import hashlib
import importlib.metadata
import logging
import os
import platform
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import torch
from django.conf import settings
from django.db import transaction

from experiments import snapshots
from experiments.models import Job, Run, Snapshot
from worker.trainers import cpu_name

logger = logging.getLogger("worker")

GIT_TIMEOUT_S = 10
MOST_PATCH_BYTES = 4 * 1024 * 1024
_KEPT_VARIABLES = re.compile(
    r"(CUDA|NVIDIA|OMP|MKL|OPENBLAS|NUMEXPR|TORCH|PYTORCH|KMP|METASCOPE)_\w+"
    r"|LANG|LC_\w+|TZ|PYTHONHASHSEED|VIRTUAL_ENV"
)
_SECRET_NAME = re.compile(
    r"(?i)token|secret|passw|credential|(api|access|private)_?key|auth|jwt|_url$"
)
_SECRET_IN_TEXT = re.compile(r"(?i)((?:token|secret|password|passwd|api_?key)[=: ]+)\S+")
_DIFFED = (".", ":(exclude,glob)**/.env*", ":(exclude,glob)**/*.pem", ":(exclude,glob)**/*.key")
MASK = "***"


def record(job: Job, *, threads: int) -> None:
    """Keep what is executed with the job's run; a later attempt only says when it differs."""
    run = job.run
    snapshot = _snapshot(job)
    if run.snapshot_id:
        if run.snapshot_id != snapshot.pk:
            logger.warning("The source changed since the first attempt: see the attempts' history")
        return
    with transaction.atomic():
        Run.objects.filter(pk=run.pk, snapshot=None).update(
            snapshot=snapshot,
            environment=environment(job, threads=threads),
            command=command(),
        )


def environment(job: Job, *, threads: int) -> dict[str, Any]:
    """Python, packages, machine and variables as plain JSON values."""
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "os": platform.platform(),
        "hostname": socket.gethostname(),
        "cpu": cpu_name(),
        "cpu_count": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": _gpus(),
        "torch": str(torch.__version__),
        "threads": threads,
        "seed": job.spec.get("seed"),
        "packages": _packages(),
        "variables": _variables(),
    }


def command() -> str:
    """The command line of this process, secrets masked."""
    return _SECRET_IN_TEXT.sub(rf"\1{MASK}", " ".join(sys.orig_argv))


def source_files(root: Path) -> dict[str, bytes]:
    """The engine and what runs it, by path relative to `root`."""
    paths = sorted((root / "worker").rglob("*.py"))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def git_state(root: Path) -> dict[str, Any]:
    """Commit, branch, remote and uncommitted patch of `root`; empty outside a git checkout."""
    if _git(root, "rev-parse", "--show-toplevel").strip() != str(root).encode():
        return {}
    patch = _git(root, "diff", "HEAD", "--no-ext-diff", "--no-color", "--binary", "--", *_DIFFED)
    if len(patch) > MOST_PATCH_BYTES:
        note = f"# {len(patch)} bytes of uncommitted changes are left out: more than the limit\n"
        patch = note.encode()
    return {
        "git_commit": _git(root, "rev-parse", "HEAD").decode().strip(),
        "git_branch": _git(root, "branch", "--show-current").decode().strip(),
        "git_remote": _git(root, "config", "--get", "remote.origin.url").decode().strip(),
        "patch": patch + _untracked(root),
    }


def _snapshot(job: Job) -> Snapshot:
    root = settings.BASE_DIR
    return snapshots.store(
        workspace=job.run.project.workspace, files=source_files(root), **git_state(root)
    )


def _untracked(root: Path) -> bytes:
    """Files of the engine that git does not know yet, as additions."""
    names = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "worker").split(b"\0")
    paths = [name.decode() for name in names if name.endswith(b".py")]
    return b"".join(_addition(path, (root / path).read_bytes()) for path in paths)


def _addition(path: str, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    body = b"".join(b"+" + line for line in lines)
    if lines and not lines[-1].endswith(b"\n"):
        body += b"\n\\ No newline at end of file\n"
    hash_ = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\nindex {'0' * 40}..{hash_}\n" + (
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n" if lines else ""
    )
    return head.encode() + body


def _git(root: Path, *arguments: str) -> bytes:
    """What git says; empty when it is not installed, slow, or refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=GIT_TIMEOUT_S,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.info("git %s was not answered: %s", arguments[0], error)
        return b""
    return done.stdout if done.returncode == 0 else b""


def _packages() -> dict[str, str]:
    found = {
        distribution.metadata["Name"]: distribution.version
        for distribution in importlib.metadata.distributions()
        if distribution.metadata["Name"]
    }
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _variables() -> dict[str, str]:
    kept = {key: text for key, text in os.environ.items() if _KEPT_VARIABLES.fullmatch(key)}
    return {
        key: MASK if _SECRET_NAME.search(key) else text[:2000] for key, text in sorted(kept.items())
    }


def _gpus() -> list[dict[str, Any]]:
    if not torch.cuda.is_available():
        return []
    found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return [{"name": one.name, "memory_bytes": one.total_memory} for one in found]
