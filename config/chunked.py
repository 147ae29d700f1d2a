"""Bodies sent in chunks, without a length: Django reads none of them, so they get one here."""

import io
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

RAW = "metascope.chunked_body"
# Addresses that take files, which their views read piece by piece.
_FILES = re.compile(r"/files/content/$|/blobs/[0-9a-f]+/$|/mlflow-artifacts/(artifacts|mpu/part)/")
Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def with_length(application: Application) -> Application:
    """The application, for requests with `Transfer-Encoding: chunked` too.

    Reads at most a byte over the limit of bodies: what is longer is refused as any other such body.
    The body of a file's upload is left unread under RAW.
    """

    def called(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            return application(environ, start_response)
        if environ.get("REQUEST_METHOD") == "PUT" and _FILES.search(environ.get("PATH_INFO", "")):
            environ[RAW] = environ["wsgi.input"]
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(), "0"
        else:
            body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return application(environ, start_response)

    return called
