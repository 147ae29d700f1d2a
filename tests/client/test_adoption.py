"""What a killed process left is delivered by the next `start`, once, and never while it lives."""

import json
import signal
import subprocess
import sys
import time

import pytest

from experiments.models import Run
from tests.client.test_end_to_end import all_values, environment, execute, script  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

VICTIM = """
    import itertools, sys
    import metascope

    run = metascope.start("victim", console=False, code=False, system=False)
    for step in itertools.count():
        run.log({"a": step}, step=step)
        sys.stdout.write(f"{step}\\n")
        sys.stdout.flush()
        if step == 5_000:
            sys.stdin.readline()
"""
NEXT = """
import metascope
metascope.start("next", console=False, code=False, system=False).finish()
"""


@pytest.fixture
def victim(environment, tmp_path):  # noqa: F811
    """A process that has logged 5,001 points, and waits."""
    process = subprocess.Popen(
        [sys.executable, str(script(tmp_path, VICTIM))], env=environment, cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stdin
    for _ in range(5_001):
        process.stdout.readline()
    yield process
    process.kill()
    process.wait(30)
    process.stdin.close()
    process.stdout.close()


def start_another(environment, tmp_path) -> str:  # noqa: F811
    done = execute(["-c", NEXT], environment, tmp_path)
    assert done.returncode == 0, done.stderr
    return done.stderr


def start_until_nothing_waits(environment, tmp_path) -> None:  # noqa: F811
    """Several starts: each waits only so long for what others left."""
    deadline = time.monotonic() + 60
    while list((tmp_path / "spool").glob("*/*.seg")):
        assert time.monotonic() < deadline, "what was left is not delivered"
        start_another(environment, tmp_path)


def spool_of(tmp_path, project: str):
    (found,) = [
        folder
        for folder in (tmp_path / "spool").iterdir()
        for segment in folder.glob("*.seg")
        if f'"project": "{project}"'.encode() in segment.read_bytes()
    ]
    return found


def test_the_next_start_delivers_what_a_killed_process_left(environment, tmp_path, victim):  # noqa: F811
    assert "earlier process" not in start_another(environment, tmp_path)  # it lives
    victim.send_signal(signal.SIGKILL)
    victim.wait(30)

    start_until_nothing_waits(environment, tmp_path)
    assert "earlier process" not in start_another(environment, tmp_path)

    run = Run.objects.get(project__slug="victim")
    assert all_values(run, "a") == [(step, float(step)) for step in range(5_001)]


@pytest.mark.parametrize(
    ("name", "value"),
    [("host", "elsewhere"), ("mode", "offline"), ("token", "0" * 16), ("url", "http://other:1")],
)
def test_what_is_not_this_process_s_own_waits_for_sync(environment, tmp_path, name, value):  # noqa: F811
    away = {**environment, "METASCOPE_MODE": "offline"}
    assert execute(["-c", NEXT], away, tmp_path).returncode == 0
    folder = spool_of(tmp_path, "next")
    about = json.loads((folder / "about.json").read_text())
    (folder / "about.json").write_text(json.dumps({**about, "mode": "online", name: value}))

    start_another(environment, tmp_path)

    assert Run.objects.count() == 1  # the second's own
    assert list(folder.glob("*.seg"))
    assert execute(["-m", "metascope", "sync"], environment, tmp_path).returncode == 0
    assert Run.objects.count() == 2


def test_a_forked_child_s_spool_is_sent_after_its_parent_s(environment, tmp_path):  # noqa: F811
    away = {**environment, "METASCOPE_MODE": "offline"}
    forking = NEXT.replace(".finish()", "").replace("next", "forked") + (
        "import os\nrun = metascope.active_run()\n"
        "pid = os.fork()\nrun.log({'a': float(pid == 0)}, step=int(pid == 0))\n"
        "os._exit(0) if pid == 0 else os.waitpid(pid, 0)\n"
    )
    done = execute(["-W", "ignore", "-c", forking], away, tmp_path)
    assert done.returncode == 0, done.stderr
    for folder in (tmp_path / "spool").iterdir():
        text = (folder / "about.json").read_text()
        (folder / "about.json").write_text(text.replace('"offline"', '"online"'))

    start_until_nothing_waits(environment, tmp_path)

    run = Run.objects.get(project__slug="forked")
    assert all_values(run, "a") == [(0, 0.0), (1, 1.0)]


FORKING = """
import multiprocessing, os
import metascope
run = metascope.start("forked", console=False, code=False, system=False)
run.wait()
def train(number):
    for step in range(100):
        run.log({f"a{number}": step}, step=step)
    if number == 2:
        os._exit(0)  # without a word
fork = multiprocessing.get_context("fork")
processes = [fork.Process(target=train, args=(one,)) for one in range(3)]
for one in processes: one.start()
for one in processes: one.join()
run.log({"own": 1.0}, step=0)
%s
"""


@pytest.mark.parametrize("end", ["assert run.finish()", ""])
def test_what_ended_children_logged_is_sent_by_the_end_of_their_run(environment, tmp_path, end):  # noqa: F811
    done = execute(["-W", "ignore", "-c", FORKING % end], environment, tmp_path)

    assert done.returncode == 0, done.stderr
    run = Run.objects.get(project__slug="forked")
    for number in range(3):
        assert all_values(run, f"a{number}") == [(step, float(step)) for step in range(100)]
    assert not list((tmp_path / "spool").glob("*/*.seg"))
    assert "sync" not in done.stderr


def test_a_child_that_outlives_its_run_sends_what_it_logged(environment, tmp_path):  # noqa: F811
    outliving = """
import multiprocessing, pathlib, time
import metascope
run = metascope.start("forked", console=False, code=False, system=False)
ended = pathlib.Path("ended")
def train():
    while not ended.exists(): time.sleep(0.01)
    for step in range(100):
        run.log({"a": step}, step=step)
process = multiprocessing.get_context("fork").Process(target=train)
process.start()
assert run.finish()
ended.touch()
"""

    done = execute(["-W", "ignore", "-c", outliving], environment, tmp_path)

    assert done.returncode == 0, done.stderr
    run = Run.objects.get(project__slug="forked")
    assert all_values(run, "a") == [(step, float(step)) for step in range(100)]


def test_what_stays_of_ended_children_is_said(environment, tmp_path):  # noqa: F811
    stopping = """
import os
import metascope
run = metascope.start("forked", console=False, code=False, system=False)
run.wait()
pid = os.fork()
if pid == 0:
    run.log({"a": 1.0})
    (run._channel.spool.folder / "about.json").write_text("")
    os._exit(0)
os.waitpid(pid, 0)
assert not run.finish()
"""

    done = execute(["-W", "ignore", "-c", stopping], environment, tmp_path)

    assert done.returncode == 0, done.stderr
    assert "not everything of 1 forked processes was sent" in done.stderr
    assert "about.json is missing or damaged" in done.stderr


@pytest.mark.parametrize(
    ("file", "text"),
    [("about.json", ""), ("about.json", "[]"), ("about.json", None), ("state.json", "")],
)
def test_a_damaged_spool_does_not_keep_the_others_and_is_named(environment, tmp_path, file, text):  # noqa: F811
    away = {**environment, "METASCOPE_MODE": "offline"}
    for name in ("one", "two", "three"):
        done = execute(["-c", NEXT.replace('"next"', f'"{name}"')], away, tmp_path)
        assert done.returncode == 0, done.stderr
    damaged = spool_of(tmp_path, "two")
    if text is None:
        (damaged / file).unlink()
    else:
        (damaged / file).write_text(text)

    done = execute(["-m", "metascope", "sync"], environment, tmp_path)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"{damaged / file} is" in done.stdout
    assert sorted(Run.objects.values_list("project__slug", flat=True)) == ["one", "three"]
    assert list(damaged.glob("*.seg"))
