"""Snapshots: the files a run executed and the git state they came from, as a manifest of blobs."""

import hashlib
import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from django.db import transaction

from experiments import blobs, paths
from experiments.errors import Invalid, TooLarge
from experiments.models import Snapshot, SnapshotFile, Workspace

MOST_FILES = 5_000
MOST_BYTES = 64 * 1024 * 1024
LONGEST_PATH = 500

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_COMMIT = re.compile(r"|[0-9a-f]{7,64}")


def is_commit(text: str) -> bool:
    """Whether this can be the name of a git commit."""
    return bool(text) and _COMMIT.fullmatch(text) is not None


def store(
    *,
    workspace: Workspace,
    files: Mapping[str, bytes],
    git_commit: str = "",
    git_branch: str = "",
    git_remote: str = "",
    patch: bytes = b"",
) -> Snapshot:
    """Store `files` (relative POSIX path to bytes); equal content in a workspace is one snapshot.

    Raises Invalid for a path that leaves the snapshot's folder, TooLarge past the limits.
    """
    _check(files, git_commit, git_branch, patch)
    git_remote = without_credentials(git_remote)[:500]
    hashes = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    patch_hash = hashlib.sha256(patch).hexdigest() if patch else ""
    digest = _digest(hashes, [git_commit, git_branch, git_remote, patch_hash])
    with transaction.atomic():
        stored = blobs.put_many([*files.values(), *([patch] if patch else [])])
        snapshot, created = Snapshot.objects.get_or_create(
            workspace=workspace,
            digest=digest,
            defaults={
                "git_commit": git_commit,
                "git_branch": git_branch,
                "git_remote": git_remote,
                "patch": stored[patch_hash] if patch else None,
            },
        )
        if created:
            SnapshotFile.objects.bulk_create(
                SnapshotFile(snapshot=snapshot, path=path, blob=stored[sha])
                for path, sha in sorted(hashes.items())
            )
    return snapshot


def load(snapshot: Snapshot) -> dict[str, bytes]:
    """Every file of the snapshot by path, sorted. Raises NotFound or Damaged for lost bytes."""
    rows = snapshot.files.order_by("path").values_list("path", "blob_id")
    return {path: blobs.read(sha) for path, sha in rows}


def load_patch(snapshot: Snapshot) -> bytes:
    """The uncommitted changes as a patch against the snapshot's commit; empty when none."""
    return blobs.read(snapshot.patch_id) if snapshot.patch_id else b""


def without_credentials(url: str) -> str:
    """A git remote without user, password, query and fragment ("git@host:path" stays)."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _check(files: Mapping[str, bytes], commit: str, branch: str, patch: bytes) -> None:
    if len(files) > MOST_FILES:
        raise TooLarge(
            f"A snapshot holds at most {MOST_FILES} files, this one {len(files)}: leave out what "
            "the run does not execute.",
            fields={"files": [f"at most {MOST_FILES}"]},
        )
    size = len(patch) + sum(len(data) for data in files.values())
    if size > MOST_BYTES:
        raise TooLarge(
            f"A snapshot holds at most {MOST_BYTES} bytes, this one {size}: leave out data files.",
            fields={"files": [f"at most {MOST_BYTES} bytes together"]},
        )
    for path in files:
        paths.check(path, field=f"files.{path[:100]!r}", longest=LONGEST_PATH)
    if not _COMMIT.fullmatch(commit):
        raise _invalid("git_commit", "must be 7 to 64 lower-case hexadecimal digits")
    if len(branch) > 250 or _CONTROL.search(branch):
        raise _invalid("git_branch", "must be at most 250 printable characters")


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field} {message}.", fields={field: [message]})


def _digest(hashes: Mapping[str, str], git: list[str]) -> str:
    manifest = json.dumps([sorted(hashes.items()), git], ensure_ascii=True)
    return hashlib.sha256(manifest.encode()).hexdigest()
