"""Blobs in a bucket of a store that speaks S3, read as a stream from any place on."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from django.core.files.base import File
from storages.backends.s3 import S3Storage

from experiments.errors import Unavailable

logger = logging.getLogger(__name__)
PIECE = 1024 * 1024
RETRIES = 3
# Only what has been part of S3 from the start: newer checksums are unknown to some of its kind.
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": RETRIES},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class ObjectStore(S3Storage):  # type: ignore[misc]  # it has no types
    """A folder of a bucket. An object is there whole or not at all.

    All methods raise Unavailable when the store cannot be reached or refuses.
    """

    def __init__(self, *, bucket: str, folder: str, endpoint: str | None, region: str | None):
        super().__init__(
            bucket_name=bucket,
            location=folder,
            endpoint_url=endpoint,
            region_name=region,
            client_config=_CONFIG.merge(
                Config(s3={"addressing_style": "path"} if endpoint else None)
            ),
            file_overwrite=True,  # the name says what the bytes are
            default_acl=None,
        )

    def check(self) -> None:
        """Whether the bucket is there and answers."""
        with _reached():
            self.connection.meta.client.head_bucket(Bucket=self.bucket_name)

    def exists(self, name: str) -> bool:
        with _reached():
            return bool(super().exists(name))

    def size(self, name: str) -> int:
        with _reached():
            return int(super().size(name))

    def delete(self, name: str) -> None:
        with _reached():
            super().delete(name)

    def _save(self, name: str, content: "File[bytes]") -> str:
        with _reached():
            return str(super()._save(name, content))

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        """Raises FileNotFoundError."""
        size = self.size(name)
        found = self.bucket.Object(self._normalize_name(name))
        stream = _Stream(lambda first: found.get(Range=f"bytes={first}-")["Body"], size)
        return File(io.BufferedReader(stream, PIECE), name)


def mend(error: Unavailable) -> str:
    """What to do about a store that could not be used, for whoever runs the server."""
    match error.__cause__:
        case NoCredentialsError() | PartialCredentialsError() | ProfileNotFound():
            return (
                "It needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE "
                "where ~/.aws has them."
            )
        case ClientError() as refused:
            status = refused.response["ResponseMetadata"]["HTTPStatusCode"]
            if status in (401, 403):
                return "It refuses these keys: correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            if status == 404:
                return "It has no such bucket: correct METASCOPE_BLOBS or METASCOPE_S3_ENDPOINT."
    return "Start it, or correct METASCOPE_S3_ENDPOINT and METASCOPE_S3_REGION."


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        logger.error("The store of files could not be used: %s", error)
        raise Unavailable(
            "The store of files cannot be reached now, or refuses: send this again later.",
            code="store_unavailable",
        ) from error


class _Stream(io.RawIOBase):
    """An object's bytes, asked for from where they are read; a broken connection is made anew."""

    def __init__(self, ask: Callable[[int], Any], size: int) -> None:
        self._ask = ask
        self._size = size
        self._place = 0
        self._body: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if start + offset != self._place:
            self._drop()
            self._place = start + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        if self._place >= self._size:
            return 0
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _next(self, most: int) -> bytes:
        for attempt in range(1, RETRIES + 1):
            with _reached():
                try:
                    if self._body is None:
                        self._body = self._ask(self._place)
                    data: bytes = self._body.read(most)
                except BotoCoreError:
                    self._drop()
                    if attempt == RETRIES:
                        raise
                    continue
            if data:
                return data
            self._drop()  # it ended before its time
        raise Unavailable("The store of files ended an object early.", code="store_unavailable")

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
