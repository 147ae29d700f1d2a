"""One request to the server: what it answered, or which kind of failure it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any
from urllib.parse import quote

import urllib3

from metascope._errors import Denied, Refused, Unreachable
from metascope._records import sent_json

CONNECT_S, READ_S = 5.0, 60.0
PIECE = 1024 * 1024
BLOCK = 256 * 1024  # of a file on its way, in memory
OURS = "X-Metascope"  # a header of all that the server answers
_LATER = {408, 425, 429}
_OF_THIS_REQUEST = {414, 431}  # its address or headers are too long, whoever answers


class Api:
    """Requests to `/api/v1` of one server with one token. Threads may share it.

    Nothing is retried in here and no redirect is followed: the token goes to one host.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "metascope-client/0.1"}
        self._pool = urllib3.PoolManager(
            maxsize=4, retries=False, timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            blocksize=BLOCK,
        )  # fmt: skip

    def close(self) -> None:
        """End the connections that no request uses; a later request opens one anew."""
        self._pool.clear()

    def get(self, path: str, **query: str) -> Any:
        """The answer's JSON. Raises Unreachable, Denied, Refused."""
        return self._request("GET", path, fields=query)

    def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> Any:
        """Send JSON; `key` is the Idempotency-Key. Raises Unreachable, Denied, Refused."""
        return self._send("POST", path, body, key)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send JSON. Raises Unreachable, Denied, Refused."""
        return self._send("PUT", path, body, None)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send JSON. Raises Unreachable, Denied, Refused."""
        return self._send("PATCH", path, body, None)

    def post_bytes(self, path: str, body: bytes, content_type: str) -> Any:
        """Send bytes. Raises Unreachable, Denied, Refused."""
        return self._request("POST", path, body=body, headers={"Content-Type": content_type})

    def put_file(self, path: str, file: IO[bytes], size: int) -> Any:
        """Send `size` bytes of a file from where it stands, a block at a time. Raises Unreachable
        (for a file that ends before, too), Denied, Refused."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        return self._request("PUT", path, body=_Part(file, size), headers=headers)

    def stream(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """The bytes of a file from `start` on. Raises Unreachable, Denied, Refused."""
        answer = self._answer(
            "GET", path, headers={"Range": f"bytes={start}-"}, preload_content=False
        )
        if answer.status not in (200, 206):
            answer.read(decode_content=True)
            raise _failure(self.url, answer)
        try:
            _check_ours(self.url, answer)
            yield from answer.stream(PIECE)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(_why_unreachable(self.url, error)) from error
        finally:
            answer.release_conn()

    def _send(self, method: str, path: str, body: Mapping[str, Any], key: str | None) -> Any:
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        return self._request(method, path, body=sent_json(body), headers=headers)

    def _request(self, method: str, path: str, **more: Any) -> Any:
        answer = self._answer(method, path, **more)
        if 200 <= answer.status < 300:
            _check_ours(self.url, answer)
            return _json(self.url, answer.data) if answer.data else {}
        raise _failure(self.url, answer)

    def _answer(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> urllib3.BaseHTTPResponse:
        if not self.url.startswith(("http://", "https://")):
            raise Unreachable(_no_address(self.url))
        address = f"{self.url}/api/v1/{path}"
        try:
            return self._pool.request(
                method, address, headers={**self._headers, **(headers or {})}, redirect=False,
                **more,
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(_why_unreachable(self.url, error)) from error


class _Part:
    """So many bytes of a file, as the body of a request."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int) -> bytes:
        found = self._file.read(min(size, self._left))
        if self._left and not found:
            raise OSError("the file is shorter than it was")
        self._left -= len(found)
        return found


def segment(text: str) -> str:
    """Text as one part of a path."""
    return quote(text, safe="", errors="backslashreplace")


def no_metascope(url: str, answered: str) -> str:
    """The sentence for something else that answers at the address."""
    return f"{url} is not a Metascope server (it answered {answered}): check the address"


def _no_address(url: str) -> str:
    return f"{url} is not an address: write it like http://127.0.0.1:8000"


def _why_unreachable(url: str, error: Exception) -> str:
    """What to do about a request without an answer. Order matters: the first are special cases."""
    known = urllib3.exceptions
    if isinstance(error, known.LocationValueError):  # no host, no such port
        return _no_address(url)
    if isinstance(error, known.NameResolutionError):
        return f"the host of {url} is not known: check the name, or the network"
    if isinstance(error, known.SSLError):
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return (
                f"the certificate of {url} is not trusted: use the name it was made for, or name "
                "the file of its authority in SSL_CERT_FILE"
            )
        return f"{url} does not speak TLS as asked: check the port, or use http://"
    if isinstance(error.__cause__, ConnectionRefusedError):
        return f"nothing listens at {url}: start Metascope there, or check the address"
    if isinstance(error, known.ConnectTimeoutError):  # of NewConnectionError too
        return f"{url} cannot be reached: check the address, or the network"
    if isinstance(error, known.TimeoutError):
        return f"{url} took longer than {READ_S:.0f} s to answer: see whether it is overloaded"
    return f"{url} broke off the connection: check the address, and whether it needs https://"


def _check_ours(url: str, answer: urllib3.BaseHTTPResponse) -> None:
    """Raises Unreachable for a success that something else told in the server's place: nothing is
    stored there."""
    if OURS not in answer.headers:
        raise Unreachable(no_metascope(url, f"with status {answer.status}"))


def _json(url: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise Unreachable(no_metascope(url, "without JSON")) from error


def _failure(url: str, answer: urllib3.BaseHTTPResponse) -> Exception:
    status = answer.status
    code, message, fields = _problem(answer.data)
    if not message:
        message, is_final = _foreign(url, status)
        if not is_final:
            return Unreachable(message)
    if status in (401, 403):
        return Denied(message, code)
    if status >= 500 or status in _LATER:
        return Unreachable(message, _seconds(answer.headers.get("Retry-After")))
    if 300 <= status < 400:
        place = answer.headers.get("Location")
        return Unreachable(f"{url} redirects to {place}: use the address of Metascope itself")
    return Refused(message, status, code, fields)


def _foreign(url: str, status: int) -> tuple[str, bool]:
    """What to say of an answer that is not Metascope's own, and whether it is one for good. An
    ingress answers 404 and 413 as well while its server restarts: what it says is no refusal."""
    if status >= 500 or status in _LATER:
        return f"{url} answered with status {status}", True
    if status == 413:
        return (
            f"what stands before {url} lets nothing of this size through (status 413): raise its "
            "limit for bodies, in nginx client_max_body_size"
        ), False
    is_final = status in (401, 403) or status in _OF_THIS_REQUEST or 300 <= status < 400
    return no_metascope(url, f"with status {status}"), is_final


def _problem(data: bytes) -> tuple[str, str, dict[str, Any]]:
    """Code, sentence and fields of the server's error; empty where something else answered."""
    try:
        error = json.loads(data)["error"]
        return str(error["code"]), str(error["message"]), dict(error.get("fields") or {})
    except (ValueError, KeyError, TypeError):
        return "", "", {}


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
