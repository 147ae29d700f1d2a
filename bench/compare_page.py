"""Charts and pages in Chromium, by the browser's own timings.

    .venv/bin/python bench/compare_page.py [--repeats 5] [--keep FOLDER] [--only compare,pages]

CPU seconds are those of the server and every process of the browser together, until the last chart
is drawn: what else runs on the machine makes the clock slower, not them.

100 runs x 10,000 points x 12 metrics compared; 79 runs x 2,261 metrics; 1,000 runs in a run table
with its charts; a run of 2,000 metrics. Every load has an empty cache unless it says otherwise.
The web server runs as `./run` starts it, one process; static files are collected beforehand.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from ingest_http import cpu_seconds, server
from instance import instance

PANELS = 12
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
VIEW = {"width": 1440, "height": 1500}  # twelve panels are in sight at once
# The paint times of a page, when its scripts have run, and what came over the wire.
TIMINGS = """() => {
  const [page] = performance.getEntriesByType('navigation');
  const files = performance.getEntriesByType('resource');
  const names = files.map((one) => one.name);
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return {
    painted: paint?.startTime ?? NaN,
    interactive: page.domContentLoadedEventEnd,
    bytes: files.reduce((sum, one) => sum + one.transferSize, page.transferSize),
    files: files.length + 1,
    page: page.transferSize,
    twice: names.filter((name, i) => names.indexOf(name) !== i),
    charts: performance.getEntriesByType('mark').filter((one) => one.name.startsWith('chart '))
      .map((one) => one.startTime),
  };
}"""
RECORD_FRAMES = """() => {
  window.frames_seen = [];
  const see = (now) => { window.frames_seen.push(now); window.frame = requestAnimationFrame(see); };
  window.frame = requestAnimationFrame(see);
}"""
FRAMES = "() => { cancelAnimationFrame(window.frame); return window.frames_seen; }"


def record(run: Any, keys: list[str], points: int, *, number: int = 0) -> None:
    """Noisy falling curves."""
    from experiments import folding, recording
    from experiments.shapes import SeriesPoints

    steps = np.arange(points, dtype=np.int64)
    times = 1.8e9 + steps * 0.01
    base = np.exp(-np.arange(points) / points * 3)
    rng = np.random.default_rng(run.number)
    at_once = min(1_000, 100_000 // points)  # a batch holds no more
    for start in range(0, len(keys), at_once):
        series = [
            SeriesPoints(key, steps, times, base + rng.normal(0, 0.05, points))
            for key in keys[start : start + at_once]
        ]
        batch = number + start // at_once
        recording.record(run_id=run.pk, client="bench", number=batch, series=series)
    folding.fold_run(run.pk)


def fill() -> None:
    """The four projects."""
    from experiments.models import Role, RunStatus
    from tests import factories

    lab = factories.make_workspace("lab", ada=Role.MEMBER)
    shapes = (
        ("curves", 100, [f"train/metric_{n}" for n in range(PANELS)], 10_000),
        ("wide", 79, [f"group_{n % 40}/metric_{n}" for n in range(2_261)], 10),
        ("table", 1_000, [f"train/metric_{n}" for n in range(3)], 200),
        ("deep", 1, [f"group_{n % 20}/metric_{n}" for n in range(2_000)], 200),
    )
    for slug, runs, keys, points in shapes:
        project = factories.make_project(lab, slug, main_metric=keys[0])
        for number in range(1, runs + 1):
            params = {"lr": 10.0 ** -(number % 4), "seed": number % 5, "steps": number % 3}
            run = factories.make_run(
                project, f"run-{number}", status=RunStatus.COMPLETED, params=params
            )
            record(run, keys, points)


@dataclass(frozen=True)
class Load:
    """Milliseconds since the navigation began; bytes over the wire."""

    painted: float
    interactive: float
    bytes: int
    files: int
    page: int
    twice: list[str]
    charts: list[float]
    cpu: float


class Reader:
    """Somebody signed in, with a browser of their own."""

    def __init__(self, browser: Any, address: str, state: Any, server_pid: int) -> None:
        self._browser, self.address, self._state = browser, address, state
        self._server = server_pid

    def spent(self) -> float:
        """CPU seconds of the server and of the browser so far."""
        times = [
            process.cpu_times()
            for process in psutil.Process().children(recursive=True)
            if "chrom" in process.name()
        ]
        return cpu_seconds(self._server) + sum(one.user + one.system for one in times)

    @contextmanager
    def opened(self, path: str, ready: Callable[[Any], None]) -> Iterator[Any]:
        """A page that was loaded with an empty cache, once it is ready."""
        context = self._browser.new_context(viewport=VIEW, storage_state=self._state)
        page = context.new_page()
        page.goto("about:blank")
        self.began = self.spent()
        page.goto(self.address + path)
        ready(page)
        yield page
        context.close()

    def cold(self, path: str, ready: Callable[[Any], None]) -> Load:
        with self.opened(path, ready) as page:
            return Load(**page.evaluate(TIMINGS), cpu=self.spent() - self.began)

    def later(self, path: str, ready: Callable[[Any], None]) -> Load:
        """The same after other pages have filled the cache."""
        with self.opened("/queue/", nothing) as page:
            page.goto(self.address + path)
            ready(page)
            page.goto(self.address + "/queue/")
            began = self.spent()
            page.goto(self.address + path)
            ready(page)
            return Load(**page.evaluate(TIMINGS), cpu=self.spent() - began)


def nothing(page: Any) -> None:
    page.wait_for_load_state("load")


def drawn(count: int) -> Callable[[Any], None]:
    """Waits until so many charts are drawn."""
    marks = "performance.getEntriesByType('mark').filter((one) => one.name.startsWith('chart '))"
    return lambda page: page.wait_for_function(f"() => {marks}.length >= {count}", timeout=60_000)


def spread(values: list[float], unit: str = "ms") -> str:
    low, high = min(values), max(values)
    return f"{statistics.median(values):6.0f} {unit} ({low:.0f} to {high:.0f})"


def charts(reader: Reader, name: str, path: str, count: int, repeats: int) -> None:
    """Prints when the first and the last of the charts in sight are drawn."""
    loads = [reader.cold(path, drawn(count)) for _ in range(repeats)]
    first = [min(one.charts) for one in loads]
    last = [sorted(one.charts)[count - 1] for one in loads]
    ready = [one.interactive for one in loads]
    print(
        f"{name:34} first {spread(first)}, all {count} {spread(last)}, scripts {spread(ready)}, "
        f"CPU {spread([1000 * one.cpu for one in loads])}, "
        f"{loads[-1].bytes / 1e6:.2f} MB in {loads[-1].files} files "
        f"(page {loads[-1].page / 1e3:.0f} kB), twice: {len(loads[-1].twice)}",
        flush=True,
    )


def frames(reader: Reader, path: str, repeats: int) -> None:
    """Prints frames a second while the pointer moves over a chart, and while it is zoomed."""
    hover, zoom, longest = [], [], []
    for _ in range(repeats):
        with reader.opened(path, drawn(PANELS)) as page:
            page.wait_for_timeout(500)
            box = page.locator(".chart .nsewdrag").nth(4).bounding_box()
            assert box is not None
            hover.append(moving(page, box, held=False, longest=longest))
            zoom.append(moving(page, box, held=True, longest=longest))
    print(
        f"{'hover over one of 12 panels':34} {spread(hover, 'frames/s')}; "
        f"drag to zoom {spread(zoom, 'frames/s')}; longest frame {max(longest):.0f} ms",
        flush=True,
    )


def moving(page: Any, box: dict[str, float], *, held: bool, longest: list[float]) -> float:
    """Frames a second while the pointer crosses the plot in 60 moves."""
    left, top = box["x"] + 0.1 * box["width"], box["y"] + box["height"] / 2
    page.mouse.move(left, top)
    page.evaluate(RECORD_FRAMES)
    if held:
        page.mouse.down()
    for part in range(60):
        page.mouse.move(left + part / 60 * 0.7 * box["width"], top + 30 * np.sin(part / 5))
    seen = page.evaluate(FRAMES)
    if held:
        page.mouse.up()
    longest.append(float(np.diff(seen).max()))
    return 1000 * (len(seen) - 1) / (seen[-1] - seen[0])


def pages(reader: Reader, run_id: str, repeats: int) -> None:
    """Prints the loads of each main page."""
    for name, path, ready in (
        ("home", "/", nothing),
        ("run table, 1,000 runs", "/p/lab/table/", nothing),
        ("run", f"/runs/{run_id}/", nothing),
        ("run, charts", f"/runs/{run_id}/?tab=charts", nothing),
        ("compare 3 runs", "/compare/?runs=lab/curves:1-3", nothing),
        ("new job", "/jobs/new/", nothing),
        ("queue", "/queue/", nothing),
        ("models", "/w/lab/models/", nothing),
    ):
        cold = [reader.cold(path, ready) for _ in range(repeats)]
        later = [reader.later(path, ready) for _ in range(repeats)]
        print(
            f"{name:34} cold {spread([one.interactive for one in cold])}, painted "
            f"{spread([one.painted for one in cold])}; later "
            f"{spread([one.interactive for one in later])}; CPU "
            f"{spread([1000 * one.cpu for one in cold])}, later "
            f"{spread([1000 * one.cpu for one in later])}; {cold[-1].bytes / 1e6:.2f} MB in "
            f"{cold[-1].files} files, later {later[-1].bytes / 1e3:.0f} kB; "
            f"twice: {len(cold[-1].twice)}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a folder whose runs are used again")
    parser.add_argument("--only", default="compare,wide,table,deep,pages")
    asked = parser.parse_args()
    with instance(asked.keep) as data, tempfile.TemporaryDirectory() as collected:
        # Pages are served as `./run` serves them: hashed names, compressed beforehand.
        environment = {"METASCOPE_STATIC": collected, "METASCOPE_DATA": str(data)}
        show(asked.repeats, set(asked.only.split(",")), environment)


def show(repeats: int, only: set[str], environment: dict[str, str]) -> None:
    """Prints the measurements asked for."""
    from django.db import connections
    from playwright.sync_api import sync_playwright

    from config import browser
    from experiments import access
    from experiments.models import Run, User

    if not Run.objects.exists():
        fill()
    secret = access.create_sign_in_link(user=User.objects.get(username="ada"))
    deep = Run.objects.get(project__slug="deep").pk
    one = Run.objects.get(project__slug="curves", number=1).pk
    connections.close_all()
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(collect, env={**os.environ, **environment}, check=True)
    with (
        server("config.wsgi:application", environment) as (address, pid),
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=browser.on_path(), args=ARGUMENTS)
        context = chromium.new_context()
        context.new_page().goto(f"{address}/sign-in/{secret}/")
        reader = Reader(chromium, address, context.storage_state(), pid)
        load = os.getloadavg()[0]
        print(f"{repeats} loads each, median (least to most); load average {load:.1f}", flush=True)
        compared = "/compare/?runs=lab/curves:1-100#curves"
        if "compare" in only:
            charts(reader, "100 runs x 10,000 points", compared, PANELS, repeats)
            frames(reader, compared, repeats)
        if "wide" in only:
            wide = "/compare/?runs=lab/wide:1-79#curves"
            charts(reader, "79 runs x 2,261 metrics", wide, PANELS, repeats)
        if "table" in only:
            charts(reader, "run table of 1,000 runs", "/p/lab/table/", 3, repeats)
        if "deep" in only:
            charts(reader, "a run of 2,000 metrics", f"/runs/{deep}/?tab=charts", PANELS, repeats)
        if "pages" in only:
            pages(reader, one, repeats)
        chromium.close()


if __name__ == "__main__":
    main()
