"""What a line of the log says, and that every request leaves one that names it."""

import json
import logging
import logging.config
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client

from config import broker, logs
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines():
    """What is logged meanwhile, as objects."""
    configured = logging.config.dictConfigClass(logs.configuration("json"))
    handler = logging.Handler()
    handler.setFormatter(configured.configure_formatter(configured.config["formatters"]["json"]))
    handler.addFilter(logs.NameRequest())
    found = []
    handler.emit = lambda record: found.append(json.loads(handler.format(record)))
    logging.getLogger().addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)


def _of_requests(lines):
    return [line for line in lines if line["logger"] == "metascope.requests"]


def test_a_line_is_one_object_with_time_level_logger_and_message(lines):
    logging.getLogger("somewhere").warning("two\nlines of %s", "text", extra={"run": "r1"})

    (line,) = lines
    assert list(line)[:3] == ["at", "level", "logger"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["at"])
    assert (line["level"], line["logger"]) == ("warning", "somewhere")
    assert (line["message"], line["run"]) == ("two\nlines of text", "r1")
    assert "request" not in line


def test_an_exception_is_in_its_line(lines):
    try:
        raise ValueError("it broke")
    except ValueError:
        logging.getLogger("somewhere").exception("Did not work")

    assert "ValueError: it broke" in lines[0]["exc_info"]


def test_a_request_leaves_a_line_with_the_id_of_its_answer(client, lines):
    user = factories.make_user("ada")
    factories.make_member(factories.make_workspace(), user)
    client.force_login(user)

    answer = client.get("/tokens/")

    (line,) = _of_requests(lines)
    assert line["request"] == answer.headers["X-Request-ID"]
    assert line["message"] == "GET /tokens/ 200"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/tokens/", 200)
    assert line["ms"] > 0
    assert (line["user"], line["address"]) == (user.pk, "127.0.0.1")


def test_the_id_a_caller_gives_is_kept_and_nonsense_is_not(client):
    kept = client.get("/healthz", headers={"X-Request-ID": "trace-1/a.b"})
    refused = client.get("/healthz", headers={"X-Request-ID": "a b\tc"})

    assert kept.headers["X-Request-ID"] == "trace-1/a.b"
    assert kept.headers["X-Metascope"] == refused.headers["X-Metascope"] == "1"
    assert re.fullmatch("[0-9a-f]{32}", refused.headers["X-Request-ID"])


def test_a_failure_is_logged_with_its_traceback_under_the_same_id(monkeypatch, lines):
    def fail(*args, **kwargs):
        raise RuntimeError("a bug")

    monkeypatch.setattr("config.health.check_parts", fail)

    answer = Client(raise_request_exception=False).get("/healthz")

    assert answer.status_code == 500
    (failure,) = [line for line in lines if "exc_info" in line]
    assert "RuntimeError: a bug" in failure["exc_info"]
    assert failure["logger"] == "django.request"
    (line,) = _of_requests(lines)
    assert line["level"] == "error"
    assert failure["request"] == line["request"] == answer.headers["X-Request-ID"]


def test_the_secret_of_a_sign_in_link_is_not_logged(client, lines):
    client.get("/sign-in/a-secret-word/")

    assert _of_requests(lines)
    assert "a-secret-word" not in json.dumps(lines)


def test_what_is_polled_leaves_no_line_while_it_is_well(client, lines, monkeypatch):
    monkeypatch.setattr("config.health.check_parts", lambda: {"database": "ok"})

    assert client.get("/healthz").status_code == 200

    assert _of_requests(lines) == []


def test_nothing_of_one_request_names_the_next(client):
    client.get("/healthz")

    assert logs.request_id.get() == ""


@pytest.mark.parametrize(
    ("line", "level", "message"),
    [
        ("30923:M 27 Nov 2026 07:19:50.251 * Ready", "info", "Ready"),
        ("30923:M 27 Nov 2026 07:19:50.251 # No room", "warning", "No room"),
        ("30923:S 27 Nov 2026 07:19:50.251 . Step", "debug", "Step"),
        ("30923:signal-handler (1795764030) Received SIGTERM", "info", "Received SIGTERM"),
        ("=== BUG REPORT START ===", "info", "=== BUG REPORT START ==="),
    ],
)
def test_a_line_of_the_broker_becomes_one_of_ours(line, level, message):
    said = json.loads(broker.log_line(line))

    assert (said["level"], said["logger"], said["message"]) == (level, "valkey", message)
    assert said["at"].endswith("Z")


NOISY = """
import logging, sys, threading, warnings
print("printed", 1)
sys.stderr.write("half ")
sys.stderr.write("a line\\n")
warnings.warn("old")
logging.getLogger("somewhere").info("logged")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
if __name__ == "__main__":
    raise ValueError("the end " + sys.argv[1])
"""


@pytest.fixture
def noisy(tmp_path):
    """Runs a module that says something in every way, below `config.logged`."""
    (tmp_path / "noisy.py").write_text(NOISY)

    def run(format):
        return subprocess.run(
            [sys.executable, "-m", "config.logged", "noisy", "word"],
            cwd=settings.BASE_DIR, capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "METASCOPE_LOG_FORMAT": format},
        )  # fmt: skip

    return run


def test_whatever_a_part_says_is_a_line_of_json(noisy):
    done = noisy("json")

    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.stdout == ""
    assert [one["message"].partition(":")[0] for one in said if one["logger"] != "py.warnings"] == [
        "printed 1", "half a line", "logged", "A thread ended by ZeroDivisionError",
        "Ended by ValueError",
    ]  # fmt: skip
    assert "UserWarning: old" in said[2]["message"]
    assert "ValueError: the end word" in said[-1]["exc_info"]
    assert done.returncode == 1


def test_text_is_left_as_it_is(noisy):
    done = noisy("text")

    assert done.stdout == "printed 1\n"
    assert "half a line\n" in done.stderr
    assert "Traceback (most recent call last)" in done.stderr


def test_lines_that_cannot_be_written_end_nothing(tmp_path):
    """As on a full disk."""
    (tmp_path / "chatty.py").write_text(
        "import logging, sys\n"
        "for n in range(5): print('line', n); logging.getLogger('x').error('no room')\n"
        "open(sys.argv[1], 'w').write('went on')\n"
    )

    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "config.logged", "chatty", str(tmp_path / "told")],
            cwd=settings.BASE_DIR, stderr=full, check=False, timeout=60,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "METASCOPE_LOG_FORMAT": "json"},
        )  # fmt: skip

    assert done.returncode == 0
    assert (tmp_path / "told").read_text() == "went on"
