"""Real Chromium for every test that opens a page."""

import os
import threading
from collections.abc import Callable, Iterator

import pytest
from django.core.signals import request_finished, request_started
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from config import browser

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

PATIENCE_MS = 60_000  # a busy machine parses Plotly's 5 MB slowly
expect.set_options(timeout=20_000)

# Playwright keeps an event loop in the thread of the tests; Django would refuse the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    with sync_playwright() as playwright:
        # None: the one that Playwright has downloaded.
        opened = playwright.chromium.launch(executable_path=browser.on_path(), args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def answered() -> Iterator[Callable[[], None]]:
    """Waits until the server has answered everything; at its end too: the tables are emptied next.

    The tests' database is one connection for all threads: two of them must not write at once.
    """
    open_requests: list[int] = []
    lock = threading.Condition()

    def start(**_: object) -> None:
        with lock:
            open_requests.append(1)

    def finish(**_: object) -> None:
        with lock:
            if open_requests:
                open_requests.pop()
            lock.notify_all()

    request_started.connect(start, weak=False)
    request_finished.connect(finish, weak=False)

    def wait() -> None:
        with lock:
            ended = lock.wait_for(lambda: not open_requests, timeout=PATIENCE_MS / 1000)
        assert ended, "the server did not answer every request"

    yield wait
    try:
        wait()
    finally:
        request_started.disconnect(start)
        request_finished.disconnect(finish)


@pytest.fixture
def context(chromium: Browser, answered: Callable[[], None]) -> Iterator[BrowserContext]:
    """A fresh profile per test."""
    opened = chromium.new_context(viewport={"width": 1440, "height": 900})
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()
