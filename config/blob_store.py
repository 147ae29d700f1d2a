"""`METASCOPE_BLOBS`: where files are kept that are not in the database.

Unset: the folder `blobs` of the data folder. s3://bucket or s3://bucket/folder: a bucket of any
store that speaks S3, whose address `METASCOPE_S3_ENDPOINT` names (Amazon's when unset), in
`METASCOPE_S3_REGION`. The keys are found as every S3 program finds them: AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, ~/.aws, or the role of the machine.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config import env
from config.refusal import StartRefused

FORM = "s3://bucket or s3://bucket/folder"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def storage(data: Path) -> dict[str, Any]:
    """Django's description of the storage for blobs. Raises StartRefused."""
    url = env.text("METASCOPE_BLOBS")
    if not url:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": data / "blobs"},
        }
    parts = urlsplit(url)
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
        raise StartRefused(f"METASCOPE_BLOBS={url!r} is not understood: use {FORM}.")
    return {
        "BACKEND": "experiments.object_store.ObjectStore",
        "OPTIONS": {
            "bucket": parts.netloc,
            "folder": parts.path.strip("/"),
            "endpoint": _endpoint(),
            "region": env.text("METASCOPE_S3_REGION") or None,
        },
    }


def _endpoint() -> str | None:
    found = env.addresses("METASCOPE_S3_ENDPOINT", "http", "https")
    if len(found) > 1:
        raise StartRefused("METASCOPE_S3_ENDPOINT names several addresses: use one.")
    return found[0] if found else None
