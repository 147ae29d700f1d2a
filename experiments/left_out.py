"""Files that belong to a run's code and were not recorded: named by the client, with why."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from experiments import paths
from experiments.errors import Invalid
from experiments.models import LeftOut, Run
from experiments.snapshots import LONGEST_PATH

MOST_NAMED = 200  # of one run; further ones are counted
LONGEST_WHY = 200
_SHA256 = re.compile(r"|[0-9a-f]{64}")


def store(run: Run, files: Sequence[Mapping[str, Any]], *, more: int = 0) -> None:
    """Keep the names, in place of earlier ones; `more` were left out and are not named.

    Each file has a `path` and says `why`; its `size` in bytes and its `sha256` where the client
    knows them. Raises Invalid naming the field.
    """
    _check(files)
    named = [
        {
            "path": file["path"],
            "size": file.get("size"),
            "why": file["why"],
            "sha256": file.get("sha256", ""),
        }
        for file in sorted(files, key=lambda file: str(file["path"]))
    ]
    if named or more:
        LeftOut.objects.update_or_create(run=run, defaults={"files": named, "more": more})


def _check(files: Sequence[Mapping[str, Any]]) -> None:
    if len(files) > MOST_NAMED:
        raise _invalid("left_out", f"names at most {MOST_NAMED} files: count further ones")
    seen: set[str] = set()
    for place, file in enumerate(files):
        where = f"left_out[{place}]"
        paths.check(file["path"], field=f"{where}.path", longest=LONGEST_PATH)
        if file["path"] in seen:
            raise _invalid(f"{where}.path", "is given twice")
        seen.add(file["path"])
        if not file["why"].isprintable() or len(file["why"]) > LONGEST_WHY:
            raise _invalid(f"{where}.why", f"must be at most {LONGEST_WHY} printable characters")
        if not _SHA256.fullmatch(file.get("sha256", "")):
            raise _invalid(f"{where}.sha256", "must be 64 lower-case hexadecimal digits, or empty")


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field} {message}.", fields={field: [message]})
