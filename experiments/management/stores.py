"""What commands say about a store of files that they cannot use, or that is another one."""

from django.conf import settings

from experiments import object_store
from experiments.blobs import DIFFERS
from experiments.errors import Unavailable

ELSEWHERE = (
    "if the server has them in a bucket, name it in METASCOPE_BLOBS (s3://...) and its address in "
    "METASCOPE_S3_ENDPOINT"
)


def bucket() -> str:
    """Where the blobs are if not in the data folder: they stay there when that is copied."""
    found = settings.STORAGES["blobs"]["OPTIONS"]
    return f"s3://{found['bucket']}/{found['folder']}" if "bucket" in found else ""


def place() -> str:
    """The store that the settings name, with its address."""
    found = settings.STORAGES["blobs"]["OPTIONS"]
    if not bucket():
        return str(found["location"])
    return f"{bucket()} at {found['endpoint'] or 'Amazon'}"


def mend(error: Unavailable) -> str:
    """What to set, for whoever runs the server."""
    return of_another() if error.code == DIFFERS else object_store.mend(error)


def of_another() -> str:
    """What to set where the files are in another store than the one looked at."""
    if bucket():
        return "If the server has them elsewhere, correct METASCOPE_BLOBS, METASCOPE_S3_ENDPOINT."
    return f"{ELSEWHERE[0].upper()}{ELSEWHERE[1:]}."


def problem(error: Unavailable) -> str:
    """What is wrong with it, and what to do."""
    if error.code == DIFFERS:
        return f"{place()} is not the store of these files, or lost some ({error}) {mend(error)}"
    return f"{place()} cannot be reached, or refuses. {mend(error)}"
