"""The Chromium of the browser tests: this machine's own, or one that is installed for them."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "metascope: the browser tests need Chromium, which is not here and could not be installed: "
    "install it (Debian, Ubuntu: apt install chromium), or leave them out with ./test --fast."
)


def on_path() -> str | None:
    """The machine's own Chromium or Chrome."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def ensure() -> bool:
    """Installs a Chromium where none is found; False after saying what to do.

    First the distribution's package, which brings the libraries it needs; then Playwright's own
    download, which every user may do.
    """
    if on_path() or _playwright_has_one():
        return True
    print("Installing Chromium for the browser tests ...", flush=True)
    _install_package()
    if on_path():
        return True
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
    if _playwright_has_one():
        return True
    print(MISSING, file=sys.stderr)
    return False


def _install_package() -> None:
    """Debian's and Ubuntu's, where this user may install packages without being asked."""
    apt = shutil.which("apt-get")
    prefix = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if apt is None or (prefix and shutil.which("sudo") is None):
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run([*prefix, apt, "--quiet", *step], env=quiet)


def _playwright_has_one() -> bool:
    """Whether Playwright's download is there and finds the libraries it needs."""
    from playwright.sync_api import Error, sync_playwright  # not among the packages of ./run

    with sync_playwright() as playwright:
        try:
            playwright.chromium.launch().close()
        except Error:
            return False
    return True
