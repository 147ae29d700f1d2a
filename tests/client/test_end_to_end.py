"""Scripts with the client against the server: what they log is on the run's page, once."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from metascope._api import Api
from metascope._delivery import Delivery
from metascope._errors import Unreachable

from experiments import access, reading
from experiments.models import ArtifactVersion, IdempotencyRecord, Role, Run, RunStatus
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environment(live_server, tmp_path):
    """What a member's script finds in its environment."""
    factories.make_workspace("lab", ada=Role.MEMBER)
    _, token = access.create_token(user=factories.make_user("ada"), name="script")
    return {
        **os.environ,
        "METASCOPE_URL": live_server.url,
        "METASCOPE_TOKEN": token,
        "METASCOPE_SPOOL": str(tmp_path / "spool"),
    }


def script(folder: Path, text: str) -> Path:
    path = folder / "code" / "train.py"
    path.parent.mkdir()
    path.write_text(textwrap.dedent(text))
    return path


def execute(command: list[str], environment: dict[str, str], folder: Path):
    return subprocess.run(
        [sys.executable, *command], env=environment, cwd=folder, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def values(run: Run, key: str) -> list[tuple[int, float]]:
    page = reading.points(run.pk, key, limit=10_000)
    return [(point.step, point.value) for point in page.points]


TRAINING = """
    import metascope

    with metascope.start("sinusoid", name="first", params={"lr": 0.1}, tags=["t"], seed=3) as run:
        for step in range(500):
            run.log({"train/loss": 1 / (step + 1), "train/accuracy": step / 500}, step=step)
        print("trained")
        run.set_summary({"loss": 0.002})
"""


def test_a_script_is_a_run_with_everything_about_it(environment, tmp_path):
    done = execute([str(script(tmp_path, TRAINING))], environment, tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "trained\n"
    run = Run.objects.get()
    assert f"this run is at {environment['METASCOPE_URL']}/runs/{run.pk}/" in done.stderr
    assert (run.name, run.seed, run.status) == ("first", 3, RunStatus.COMPLETED)
    assert (run.project.slug, run.params, run.summary) == ("sinusoid", {"lr": 0.1}, {"loss": 0.002})
    assert values(run, "train/loss") == [(step, 1 / (step + 1)) for step in range(500)]
    assert len(values(run, "train/accuracy")) == 500
    assert "train.py" in run.command
    assert run.environment["packages"]["urllib3"]
    assert [row.path for row in run.snapshot.files.all()] == ["train.py"]
    assert any(line.text.endswith("trained") for line in reading.log_lines(run.pk).lines)
    assert list((tmp_path / "spool").glob("*/*.seg")) == []


def test_artifacts_of_a_script_that_ends_without_finish_arrive(environment, tmp_path):
    text = """
        import metascope

        run = metascope.start("sinusoid")
        for number in range(40):
            open(f"{number}.bin", "w").write(str(number))
        run.log_artifact(".", "files")
    """

    done = execute([str(script(tmp_path, text))], environment, tmp_path)

    assert done.returncode == 0, done.stderr
    assert "Exception" not in done.stderr
    assert ArtifactVersion.objects.get().file_count >= 40
    assert Run.objects.get().status == RunStatus.COMPLETED


def test_a_script_without_a_server_is_delivered_later(environment, tmp_path):
    away = {**environment, "METASCOPE_MODE": "offline"}
    done = execute([str(script(tmp_path, TRAINING))], away, tmp_path)
    assert done.returncode == 0, done.stderr
    assert not Run.objects.exists()

    for _ in range(2):  # the second time nothing is left
        synced = execute(["-m", "metascope", "sync"], environment, tmp_path)
        assert synced.returncode == 0, synced.stdout + synced.stderr

    assert synced.stdout == "Nothing is waiting.\n"
    assert len(values(Run.objects.get(), "train/loss")) == 500


def test_what_is_delivered_later_has_the_times_at_which_it_happened(environment, tmp_path):
    away = {**environment, "METASCOPE_MODE": "offline"}
    before = timezone.now()
    assert execute([str(script(tmp_path, TRAINING))], away, tmp_path).returncode == 0
    ended = timezone.now()
    deadline = time.monotonic() + 5
    while timezone.now() < ended + timedelta(seconds=1.5):  # the console shows whole seconds
        assert time.monotonic() < deadline
        time.sleep(0.05)

    synced = execute(["-m", "metascope", "sync"], environment, tmp_path)

    assert synced.returncode == 0, synced.stdout + synced.stderr
    run = Run.objects.get()
    assert before <= run.started_at <= run.finished_at <= ended < run.created_at
    (line,) = [one.text for one in reading.log_lines(run.pk).lines if "trained" in one.text]
    seconds = range(int((ended - before).total_seconds()) + 2)
    happened = {f"{min(before + timedelta(seconds=one), ended):%H:%M:%S}" for one in seconds}
    assert line[:8] in happened


def test_a_script_that_ran_before_the_login_is_sent_where_one_logged_in(environment, tmp_path):
    before = {**environment, "METASCOPE_URL": "http://127.0.0.1:9", "METASCOPE_TOKEN": ""}
    before["METASCOPE_EXIT_WAIT_S"] = "1"
    assert execute([str(script(tmp_path, TRAINING))], before, tmp_path).returncode == 0

    synced = execute(["-m", "metascope", "sync"], environment, tmp_path)

    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert len(values(Run.objects.get(), "train/loss")) == 500


def test_a_token_is_not_sent_to_another_server(environment, tmp_path):
    away = {**environment, "METASCOPE_MODE": "offline", "METASCOPE_CONSOLE": "python"}
    assert execute([str(script(tmp_path, TRAINING))], away, tmp_path).returncode == 0
    (spool,) = (tmp_path / "spool").iterdir()
    api = Api(environment["METASCOPE_URL"], environment["METASCOPE_TOKEN"])
    assert Delivery(spool, spool.name, api).step(None)  # the run is made there

    elsewhere = {**environment, "METASCOPE_URL": "http://127.0.0.1:9"}
    synced = execute(["-m", "metascope", "sync"], elsewhere, tmp_path)

    assert synced.returncode == 1
    assert f"the run is on {environment['METASCOPE_URL']}" in synced.stdout


def test_a_start_whose_answer_was_lost_is_one_run_weeks_later(environment, tmp_path):
    away = {**environment, "METASCOPE_MODE": "offline", "METASCOPE_CONSOLE": "python"}
    assert execute([str(script(tmp_path, TRAINING))], away, tmp_path).returncode == 0
    (spool,) = (tmp_path / "spool").iterdir()
    api = Api(environment["METASCOPE_URL"], environment["METASCOPE_TOKEN"])
    with pytest.raises(Unreachable, match="answer was lost"):
        Delivery(spool, spool.name, WithoutAnswers(api)).step(None)
    made = Run.objects.get()
    IdempotencyRecord.objects.all().delete()  # the server remembers keys for a day

    synced = execute(["-m", "metascope", "sync"], environment, tmp_path)

    assert synced.returncode == 0, synced.stdout + synced.stderr
    run = Run.objects.get()
    assert (run.pk, run.origin, run.status) == (made.pk, spool.name, RunStatus.COMPLETED)
    assert len(values(run, "train/loss")) == 500


class WithoutAnswers:
    """An API whose runs are made and whose answers to that never arrive."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def post(self, path, body, *, key=None):
        answer = self.api.post(path, body, key=key)
        if path == "runs/":
            raise Unreachable("the answer was lost")
        return answer


def test_an_unmodified_script_is_recorded(environment, tmp_path):
    path = script(tmp_path, "print('plain'); raise SystemExit(4)")

    done = execute(["-m", "metascope", "run", "--project", "p", str(path)], environment, tmp_path)

    assert done.returncode == 4
    run = Run.objects.get()
    assert (run.name, run.status, run.status_reason) == ("train", "failed", "Exit code 4.")
    assert any(line.text.endswith("plain") for line in reading.log_lines(run.pk).lines)


ENDLESS = """
    import itertools, sys
    import metascope

    run = metascope.start("p", console=False, code=False)
    for step in itertools.count():
        run.log({"a": step, "b": -step}, step=step)
        sys.stdout.write(f"{step}\\n")
        sys.stdout.flush()
"""


@pytest.mark.parametrize("lines", [1, 700, 20_000])
def test_a_killed_script_loses_no_point_that_log_returned_for(environment, tmp_path, lines):
    process = subprocess.Popen(
        [sys.executable, str(script(tmp_path, ENDLESS))], env=environment, cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout
    for _ in range(lines):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    with process.stdout:
        rest = process.stdout.read().splitlines()
    process.wait(30)
    logged = lines + len([line for line in rest if line.isdigit()])

    synced = execute(["-m", "metascope", "sync"], environment, tmp_path)

    assert synced.returncode == 0, synced.stdout + synced.stderr
    run = Run.objects.get()
    for key, sign in (("a", 1), ("b", -1)):
        found = all_values(run, key)
        assert found == [(step, sign * float(step)) for step in range(len(found))]
        assert logged <= len(found) <= logged + 1


def all_values(run: Run, key: str) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    after = None
    while True:
        page = reading.points(run.pk, key, after=after, limit=10_000)
        found += [(point.step, point.value) for point in page.points]
        if page.next is None:
            return found
        after = page.next


def test_a_token_that_is_wrong_keeps_everything_until_it_is_right(environment, tmp_path):
    path = script(tmp_path, TRAINING)
    wrong = {**environment, "METASCOPE_TOKEN": "ms_wrong", "METASCOPE_EXIT_WAIT_S": "1"}

    done = execute([str(path)], wrong, tmp_path)

    assert done.returncode == 0, done.stderr
    assert "metascope sync" in done.stderr
    synced = execute(["-m", "metascope", "sync"], environment, tmp_path)
    assert synced.returncode == 0, synced.stdout
    assert len(values(Run.objects.get(), "train/loss")) == 500


@pytest.mark.parametrize("readme", ["README.md", "client/README.md"])
def test_the_example_of_the_readme_runs(environment, tmp_path, readme):
    text = (settings.BASE_DIR / readme).read_text()
    (example,) = re.findall(r"^ *```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)

    done = execute([str(script(tmp_path, example))], environment, tmp_path)

    assert done.returncode == 0, done.stderr
    assert len(values(Run.objects.get(), "train/loss")) == 1000
