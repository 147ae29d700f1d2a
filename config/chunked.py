"""Bodies sent in chunks, without a length: Django reads none of them, so they get one here."""

import io
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def with_length(application: Application) -> Application:
    """The application, for requests with `Transfer-Encoding: chunked` too.

    Reads at most a byte over the limit of bodies: what is longer is refused as any other such body.
    """

    def called(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return application(environ, start_response)

    return called
