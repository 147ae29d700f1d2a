"""`metascope login`: it keeps what works, and says in one sentence why something does not."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import urllib3
from metascope import _api, _cli, _settings

from experiments import access
from tests import factories


@pytest.fixture(autouse=True)
def settings_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("METASCOPE_URL", "METASCOPE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def refused(capsys, url: str, token: str = "ms_x") -> str:
    """The sentence of a login that must fail and keep nothing."""
    assert _cli.main(["login", url, "--token", token]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("Not kept: ")
    assert told.err.count("\n") == 1
    assert "Error" not in told.err
    assert "object at 0x" not in told.err
    assert _settings.load().token == ""
    return told.err


@contextmanager
def answering(status: int, body: bytes, **headers: str):
    """The URL of a server that answers everything so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that the module asks for

        def log_message(self, *_):
            """Nothing on standard error."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_port_where_nothing_listens(capsys):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    assert f"nothing listens at {url}: start Metascope there" in refused(capsys, url)


def test_a_host_that_is_not_known(capsys):
    assert "the host of http://no-such-host.invalid is not known: check the name" in refused(
        capsys, "http://no-such-host.invalid"
    )


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8000", "localhost", "ftp://lab", "http:///x", "http://h:99999", "http://[::1"],
)
def test_what_is_no_address(capsys, url):
    assert f"{url} is not an address: write it like http://127.0.0.1:8000" in refused(capsys, url)


@pytest.mark.parametrize(
    ("status", "body", "answered"),
    [
        (200, b"<h1>Welcome</h1>", "with status 200"),
        (200, b"[]", "with status 200"),
        (200, b'{"username": "eve"}', "with status 200"),
        (404, b"<h1>Not found</h1>", "with status 404"),
        (403, b"Forbidden", "with status 403"),
    ],
)
def test_a_server_that_is_no_metascope(capsys, status, body, answered):
    with answering(status, body) as url:
        assert f"{url} is not a Metascope server (it answered {answered})" in refused(capsys, url)


def test_an_address_that_redirects(capsys):
    with answering(302, b"", Location="https://lab.example/") as url:
        assert f"{url} redirects to https://lab.example/: use the address" in refused(capsys, url)


def test_a_server_in_trouble_is_not_taken_for_another(capsys):
    with answering(502, b"Bad gateway") as url:
        assert f"{url} answered with status 502" in refused(capsys, url)


def test_tls_where_there_is_none(capsys):
    with answering(200, b"{}") as url:
        asked = url.replace("http:", "https:")
        assert f"{asked} does not speak TLS as asked: check the port" in refused(capsys, asked)


def test_a_connection_that_is_broken_off(capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up():
            accepted, _ = server.accept()
            accepted.recv(65536)
            accepted.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert f"{url} broke off the connection" in refused(capsys, url)
        thread.join()


def test_a_certificate_that_is_not_trusted():
    error = urllib3.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed (_ssl.c:1)")

    told = _api._why_unreachable("https://lab.example", error)

    assert told.startswith("the certificate of https://lab.example is not trusted")
    assert "SSL_CERT_FILE" in told


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("token", ["ms_wrong", "\N{EURO SIGN}", "two\nlines", " "])
def test_a_token_that_the_server_does_not_know(live_server, capsys, token):
    told = refused(capsys, live_server.url, token)

    assert f"{live_server.url} does not know this token" in told
    assert "/tokens/" in told
    assert "create_token" in told


@pytest.mark.django_db(transaction=True)
def test_what_works_is_kept(live_server, capsys):
    _, token = access.create_token(user=factories.make_user("ada"), name="script")

    assert _cli.main(["login", live_server.url, "--token", f" {token}\n"]) == 0

    assert capsys.readouterr().out.startswith(f"ada at {live_server.url}; kept in ")
    assert (_settings.load().url, _settings.load().token) == (live_server.url, token)


def test_a_reader_that_has_seen_enough_ends_a_command_quietly(tmp_path):
    environment = {**os.environ, "METASCOPE_SPOOL": str(tmp_path / "spool")}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "metascope", "sync"], env=environment, stdout=writing,
        stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)

    assert done.stderr == ""
    assert done.returncode == 141
