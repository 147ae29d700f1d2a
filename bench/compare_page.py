"""Charts and pages in Chromium, by the browser's own timings.

    .venv/bin/python bench/compare_page.py [--repeats 5] [--keep FOLDER] [--only compare,pages]
                                           [--against FOLDER]

CPU seconds are those of the server and every process of the browser together, until the last chart
is drawn: what else runs on the machine makes the clock slower, not them.

100 runs x 10,000 points x 12 metrics compared; 79 runs x 2,261 metrics; 1,000 runs in a run table
with its charts; a run of 2,000 metrics; 100 runs whose code differs in 500 files. Every load has an
empty cache unless it says otherwise. The web server runs as `./run` starts it, one process; static
files are collected beforehand. `--against` measures another checkout, such as that of the commit
before, in turns with this one: its pages from the same data.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from ingest_http import cpu_seconds, server
from instance import ROOT, instance

PANELS = 12
FILES = 500
CODE_RUNS = 100  # of five versions of the code, each with one file of its own
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
    """The five projects."""
    from experiments import lifecycle, snapshots
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
    project = factories.make_project(lab, "code")
    for number in range(CODE_RUNS):
        run = factories.make_run(project, status=RunStatus.COMPLETED)
        version = number % 5
        files = {
            f"package_{n // 50}/module_{n}.py": source(n, version=version) for n in range(FILES)
        }
        files["package_0/module_0.py"] = source(0, version=number)
        lifecycle.attach_snapshot(run, snapshots.store(workspace=lab, files=files))


def source(place: int, *, version: int) -> bytes:
    """A module of 200 lines, of which each version has ten of its own."""
    lines = [f"def f_{place}_{n}(x):\n    return x + {n}" for n in range(100)]
    for n in range(0, 100, 10):
        lines[n] = f"def f_{place}_{n}(x):\n    return x * {n + version}"
    return "\n".join(lines).encode()


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

    def __init__(self, browser: Any, address: str, secret: str, server_pid: int, of: str) -> None:
        self._browser, self.address, self.of = browser, address, of
        self._server = server_pid
        context = browser.new_context()
        context.new_page().goto(f"{address}/sign-in/{secret}/")
        self._state = context.storage_state()
        context.close()

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


Loads = Sequence[Load]


def in_turns(
    readers: Sequence[Reader], repeats: int, load: Callable[[Reader], Any]
) -> Iterator[tuple[Reader, list[Any]]]:
    """What each reader saw, one after the other so often."""
    seen: list[tuple[Reader, list[Any]]] = [(reader, []) for reader in readers]
    for _ in range(repeats):
        for reader, loads in seen:
            loads.append(load(reader))
    yield from seen


def charts(readers: Sequence[Reader], name: str, path: str, count: int, repeats: int) -> None:
    """Prints when the first and the last of the charts in sight are drawn."""
    for reader, loads in in_turns(readers, repeats, lambda one: one.cold(path, drawn(count))):
        first = [min(one.charts) for one in loads]
        last = [sorted(one.charts)[count - 1] for one in loads]
        ready = [one.interactive for one in loads]
        print(
            f"{name:26}{reader.of:7} first {spread(first)}, all {count} {spread(last)}, scripts "
            f"{spread(ready)}, CPU {spread([1000 * one.cpu for one in loads])}, {weight(loads)}",
            flush=True,
        )


def weight(loads: Loads) -> str:
    """What came over the wire, and whether anything twice."""
    last = loads[-1]
    return (
        f"{last.bytes / 1e6:.2f} MB in {last.files} files (page {last.page / 1e3:.0f} kB), "
        f"twice: {max(len(one.twice) for one in loads)}"
    )


def frames(readers: Sequence[Reader], path: str, repeats: int) -> None:
    """Prints frames a second while the pointer moves over a chart, and while it is zoomed."""

    def moved(reader: Reader) -> tuple[float, float, float]:
        longest: list[float] = []
        with reader.opened(path, drawn(PANELS)) as page:
            page.wait_for_timeout(500)
            box = page.locator(".chart .nsewdrag").nth(4).bounding_box()
            assert box is not None
            hover = moving(page, box, held=False, longest=longest)
            return hover, moving(page, box, held=True, longest=longest), max(longest)

    for reader, seen in in_turns(readers, repeats, moved):
        hover, zoom, longest = ([one[place] for one in seen] for place in range(3))
        print(
            f"{'hover over one of 12':26}{reader.of:7} {spread(hover, 'frames/s')}; "
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


def pages(readers: Sequence[Reader], run_id: str, repeats: int) -> None:
    """Prints the loads of each main page: with an empty cache, and after others."""
    for name, path in (
        ("home", "/"),
        ("run table, 1,000 runs", "/p/lab/table/"),
        ("run", f"/runs/{run_id}/"),
        ("run, charts", f"/runs/{run_id}/?tab=charts"),
        ("compare 3 runs", "/compare/?runs=lab/curves:1-3"),
        ("code of 500 files", "/compare/code/?runs=lab/code:1-2"),
        ("the same of 100 runs", "/compare/code/?runs=lab/code:1-100"),
        ("new job", "/jobs/new/"),
        ("queue", "/queue/"),
        ("models", "/models/"),
    ):
        opened = (path, nothing)
        both = in_turns(readers, repeats, lambda one: (one.cold(*opened), one.later(*opened)))  # noqa: B023
        for reader, seen in both:
            cold, later = [one for one, _ in seen], [one for _, one in seen]
            print(
                f"{name:26}{reader.of:7} cold {spread([one.interactive for one in cold])}, painted "
                f"{spread([one.painted for one in cold])}; later "
                f"{spread([one.interactive for one in later])}; CPU "
                f"{spread([1000 * one.cpu for one in cold])}, later "
                f"{spread([1000 * one.cpu for one in later])}; {weight(cold)}, later "
                f"{later[-1].bytes / 1e3:.0f} kB",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a folder whose runs are used again")
    parser.add_argument("--only", default="compare,wide,table,deep,pages")
    parser.add_argument("--against", type=Path, help="another checkout, measured in turns")
    asked = parser.parse_args()
    roots = {"": ROOT} if asked.against is None else {"before": asked.against, "after": ROOT}
    with instance(asked.keep) as data:
        show(asked.repeats, set(asked.only.split(",")), data, roots)


@contextmanager
def served(root: Path, data: Path) -> Iterator[tuple[str, int]]:
    """The web server of a checkout: pages as `./run` serves them, hashed names, compressed
    beforehand. Its address and pid."""
    with tempfile.TemporaryDirectory() as collected:
        environment = {"METASCOPE_STATIC": collected, "METASCOPE_DATA": str(data)}
        environment["PYTHONPATH"] = os.pathsep.join((str(root), str(root / "client")))
        collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
        subprocess.run(collect, cwd=root, env={**os.environ, **environment}, check=True)
        with server("config.wsgi:application", environment, root=root) as (address, pid):
            yield address, pid


def show(repeats: int, only: set[str], data: Path, roots: dict[str, Path]) -> None:
    """Prints the measurements asked for."""
    from django.db import connections
    from playwright.sync_api import sync_playwright

    from config import browser
    from experiments import access
    from experiments.models import Run, User

    if not Run.objects.exists():
        fill()
    ada = User.objects.get(username="ada")
    secrets = [access.create_sign_in_link(user=ada) for _ in roots]
    deep = Run.objects.get(project__slug="deep").pk
    one = Run.objects.get(project__slug="curves", number=1).pk
    connections.close_all()
    with ExitStack() as stack, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.on_path(), args=ARGUMENTS)
        readers = [
            Reader(chromium, address, secret, pid, of)
            for (of, root), secret in zip(roots.items(), secrets, strict=True)
            for address, pid in [stack.enter_context(served(root, data))]
        ]
        load = os.getloadavg()[0]
        print(f"{repeats} loads each, median (least to most); load average {load:.1f}", flush=True)
        compared = "/compare/?runs=lab/curves:1-100#curves"
        if "compare" in only:
            charts(readers, "100 runs x 10,000 points", compared, PANELS, repeats)
            frames(readers, compared, repeats)
        if "wide" in only:
            wide = "/compare/?runs=lab/wide:1-79#curves"
            charts(readers, "79 runs x 2,261 metrics", wide, PANELS, repeats)
        if "table" in only:
            charts(readers, "run table of 1,000 runs", "/p/lab/table/", 3, repeats)
        if "deep" in only:
            path = f"/runs/{deep}/?tab=charts"
            charts(readers, "a run of 2,000 metrics", path, PANELS, repeats)
        if "pages" in only:
            pages(readers, one, repeats)
        print(f"load average {os.getloadavg()[0]:.1f} at the end", flush=True)
        chromium.close()


if __name__ == "__main__":
    main()
