"""Files in and out of requests, in bounded memory."""

import re
from collections.abc import Iterator, Mapping
from typing import IO, Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from experiments import blobs
from experiments.errors import Invalid
from experiments.models import Blob

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


class RawParser(BaseParser):
    """Leaves a body of any kind unread; `body_of` gives it."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return {}


class Body:
    """The body of a request, read piece by piece. Raises Invalid when it ends too early."""

    def __init__(self, request: Request) -> None:
        chunked = request.META.get("metascope.chunked_body")
        self._source: Any = chunked if chunked is not None else request._request
        self._expected = (
            None if chunked is not None else int(request.META.get("CONTENT_LENGTH") or 0)
        )
        self._read = 0

    def read(self, size: int, /) -> bytes:
        piece: bytes = self._source.read(size)
        self._read += len(piece)
        if not piece and self._expected is not None and self._read < self._expected:
            raise Invalid(
                f"The body ended after {self._read} of {self._expected} bytes: send it again.",
                code="body_cut_off",
            )
        return piece


def download(request: Request | HttpRequest, blob: Blob, name: str) -> HttpResponseBase:
    """A stored file, or the part of it that a Range header asks for, never shown by a browser."""
    whole = blob.size
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    first, last = 0, whole - 1
    if found and whole:
        first = int(found[1])
        last = min(int(found[2]), last) if found[2] else last
        if first > last:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{whole}"})
    response = StreamingHttpResponse(
        _Part(blobs.open_blob(blob.sha256), first, last + 1 - first),
        status=206 if found and whole else 200,
        content_type="application/octet-stream",
    )  # fmt: skip
    response["Content-Length"] = str(last + 1 - first)
    if found and whole:
        response["Content-Range"] = f"bytes {first}-{last}/{whole}"
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = f'"{blob.sha256}"'
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


class _Part:
    """Some bytes of a file, piece by piece. Closed by the response, read or not."""

    def __init__(self, file: IO[bytes], first: int, size: int) -> None:
        self._file = file
        self._left = size
        file.seek(first)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._file.read(min(blobs.PIECE, self._left))
        if not piece:
            raise StopIteration
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._file.close()
