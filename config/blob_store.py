"""`METASCOPE_BLOBS`: where files are kept that are not in the database.

Unset: where the last start of this data folder had them, at first its folder `blobs`, which
`METASCOPE_BLOBS=folder` names. s3://bucket or s3://bucket/folder: a bucket of any store that speaks
S3, whose address `METASCOPE_S3_ENDPOINT` names (Amazon's when unset), in `METASCOPE_S3_REGION`. The
keys are found as every S3 program finds them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws,
or the role of the machine. They are kept nowhere.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config import data_folder, env
from config.refusal import StartRefused

STORE, ENDPOINT, REGION = "METASCOPE_BLOBS", "METASCOPE_S3_ENDPOINT", "METASCOPE_S3_REGION"
FOLDER = "folder"
FORM = f"s3://bucket, s3://bucket/folder, or {FOLDER}"
KEPT = "blob_store"  # a file of the data folder: what the last start was told
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def storage(data: Path) -> dict[str, Any]:
    """Django's description of the storage for blobs. Raises StartRefused."""
    named = _named(data)
    url = named[STORE]
    if url in ("", FOLDER):
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": data / "blobs"},
        }
    parts = urlsplit(url)
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
        raise StartRefused(f"{STORE}={url!r} is not understood: use {FORM}.")
    return {
        "BACKEND": "experiments.object_store.ObjectStore",
        "OPTIONS": {
            "bucket": parts.netloc,
            "folder": parts.path.strip("/"),
            "endpoint": named[ENDPOINT] or None,
            "region": named[REGION] or None,
        },
    }


def keep(data: Path) -> None:
    """Notes for later starts and the commands beside them which store this start was told; told of
    none, it goes on with the one that is noted. Raises StartRefused."""
    storage(data)  # nothing is noted that no command could read
    if url := env.text(STORE):
        kept = data / KEPT
        if url == FOLDER:
            kept.unlink(missing_ok=True)
        else:
            data_folder.write_private(kept, json.dumps(_named(data)))


def named_in(folder: Path) -> str:
    """The variables that name the bucket noted in a data folder or a copy of one; empty: none."""
    noted = _noted(folder)
    return " ".join(f"{name}={text}" for name, text in noted.items() if text)


def _named(data: Path) -> dict[str, str]:
    """The variables; where the store is not among them, it is the one that is noted, at the address
    and in the region that are noted unless others are named."""
    told = {
        STORE: env.text("METASCOPE_BLOBS"),
        ENDPOINT: _endpoint(),
        REGION: env.text("METASCOPE_S3_REGION"),
    }
    if told[STORE]:
        return told
    return {name: told[name] or text for name, text in _noted(data).items()}


def _noted(data: Path) -> Mapping[str, str]:
    kept = data / KEPT
    if not kept.exists():
        return dict.fromkeys((STORE, ENDPOINT, REGION), "")
    try:
        noted = json.loads(kept.read_text())
        return {name: str(noted[name]) for name in (STORE, ENDPOINT, REGION)}
    except (ValueError, TypeError, KeyError) as error:
        raise StartRefused(f"{kept} is damaged: set {STORE}, or delete it.") from error


def _endpoint() -> str:
    found = env.addresses("METASCOPE_S3_ENDPOINT", "http", "https")
    if len(found) > 1:
        raise StartRefused(f"{ENDPOINT} names several addresses: use one.")
    if found and "@" in urlsplit(found[0]).netloc:
        raise StartRefused(
            f"{ENDPOINT} has a user in it: name the keys in AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        )
    return found[0] if found else ""
