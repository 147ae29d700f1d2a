"""Real processes on a database file: writers, folders, readers at once; kill -9 in mid-fold."""

import json
import os
import signal
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.slow


class Processes:
    """Starts actions of metric_processes.py on a database of their own."""

    def __init__(self, data):
        self.environment = {
            **os.environ,
            "METASCOPE_DATA": str(data),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        data.mkdir()
        self._python("manage.py", "migrate", "--verbosity", "0")

    def _python(self, *arguments):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=settings.BASE_DIR, env=self.environment,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def __call__(self, *arguments):
        return self._python("-m", "tests.experiments.metric_processes", *map(str, arguments))

    def start(self, *arguments):
        command = [sys.executable, "-m", "tests.experiments.metric_processes"]
        return subprocess.Popen(
            [*command, *map(str, arguments)], cwd=settings.BASE_DIR, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    return Processes(tmp_path_factory.mktemp("metrics") / "data")


def test_readers_see_each_point_once_while_others_write_and_fold(processes):
    run = processes("make_run")
    started = [processes.start("write", run, writer, 60) for writer in range(3)]
    started += [processes.start("fold", run, 1800) for _ in range(2)]
    started += [processes.start("read", run, "w0,w1,w2", 1800)]
    answers = [process.communicate(timeout=180) for process in started]
    assert [process.returncode for process in started] == [0] * 6, answers
    assert json.loads(answers[-1][0])["points"] == 1800
    state = json.loads(processes("show", run))
    assert state["unfolded"] == 0
    assert state["steps"] == {f"w{writer}": list(range(600)) for writer in range(3)}


@pytest.mark.parametrize("place", ["2", "commit"])
def test_a_folder_killed_in_the_middle_changes_nothing(processes, place):
    run = processes("prepare")
    killed = processes.start("die_folding", run, place)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    found = json.loads(processes("fold_twice", run))
    steps = {f"w{writer}": list(range(50)) for writer in range(3)}
    assert found["before"] == {"unfolded": 15, "steps": steps}
    assert found["folded"] == [150, 0]
    assert found["after"] == {"unfolded": 0, "steps": steps}
