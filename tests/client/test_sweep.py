"""What was delivered leaves nothing behind, and nothing is removed that somebody needs."""

import os
import subprocess
import sys
import time

import pytest
from metascope._settings import load
from metascope._spool import Lock
from metascope._sweep import hold, sweep
from metascope._sync import sync

from experiments import reading
from experiments.models import Run
from tests.client.test_artifacts import environment, start  # noqa: F401
from tests.client.test_end_to_end import execute, script

pytestmark = pytest.mark.django_db(transaction=True)


def left(folder) -> list[str]:
    return sorted(one.name for one in (folder / "spool").glob("*"))


def test_a_run_that_was_sent_leaves_no_folder(environment):  # noqa: F811
    with start(system=False) as run:
        run.log({"loss": 1.0}, step=0)

    assert left(environment) == []


def test_what_was_sent_later_leaves_no_folder(environment, monkeypatch):  # noqa: F811
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    with start(system=False) as run:
        run.log({"loss": 1.0}, step=0)
    monkeypatch.setenv("METASCOPE_MODE", "online")
    assert len(left(environment)) == 1

    sync(load(), print)
    sweep(load())

    assert left(environment) == []


def test_what_is_held_written_refused_or_not_sent_stays(environment):  # noqa: F811
    folder = environment / "spool"
    for name in ("held", "locked", "refused", "unsent", "sent", "begun"):
        (folder / name).mkdir(parents=True)
        if name != "begun":
            (folder / name / "state.json").write_text('{"client": "c", "run": "r"}')
    (folder / "refused" / "refused.jsonl").write_text("{}")
    (folder / "unsent" / "00000001.seg").write_bytes(b"MSSPOOL1")
    held, lock = hold(folder / "held"), Lock(folder / "locked")
    assert held is not None

    sweep(load())
    assert left(environment) == ["begun", "held", "locked", "refused", "unsent"]
    os.close(held)
    lock.release()
    sweep(load())

    assert left(environment) == ["begun", "refused", "unsent"]


FORKS = """
    import os, subprocess, sys, time
    import metascope

    run = metascope.start("forks", code=False, system=False)
    run.log({"parent": 1}, step=0)
    assert run.wait()
    if os.fork() == 0:  # logs for the first time when the run has ended
        sys.stdin.readline()
        run.log({"child": 1}, step=0)
        sys.exit(0)
    run.finish()
"""


def test_a_forked_process_that_outlives_its_run_finds_it(environment, tmp_path):  # noqa: F811
    variables = {**os.environ, "METASCOPE_CONSOLE": "python"}
    process = subprocess.Popen(
        [sys.executable, str(script(tmp_path, FORKS))], cwd=tmp_path, env=variables, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.wait(60) == 0
    assert len(left(tmp_path)) == 1

    _, said = process.communicate("\n", timeout=60)

    run = Run.objects.get()
    deadline = time.monotonic() + 30
    while "child" not in reading.series_keys([run.pk])[run.pk]:
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
    assert said.count("this run is at") == 1
    deadline = time.monotonic() + 30
    while left(tmp_path):
        sweep(load())
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_script_whose_output_is_kept_leaves_no_folder(environment, tmp_path):  # noqa: F811
    text = """
        import metascope
        run = metascope.start("console", code=False, system=False)
        print("hello")
    """
    done = execute([str(script(tmp_path, text))], dict(os.environ), tmp_path)

    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert any("hello" in line.text for line in reading.log_lines(Run.objects.get().pk).lines)
    deadline = time.monotonic() + 30
    while left(tmp_path):
        sweep(load())
        assert time.monotonic() < deadline
        time.sleep(0.05)
