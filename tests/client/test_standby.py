"""A spool that cannot be begun where it belongs ends no script, and loses little."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import metascope
import pytest
from metascope import _settings, _spool, _standby
from metascope._settings import Settings, load
from metascope._sync import sync

from experiments import alerts, files, reading
from experiments.models import ArtifactVersion, Run, RunStatus
from tests.client.test_artifacts import environment, start  # noqa: F401
from tests.faults.web import fill, small_disk, unmount

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def standby(tmp_path, monkeypatch) -> Path:
    """Where spools stand in; nothing of the machine's own."""
    places = [tmp_path / "memory"]
    monkeypatch.setattr(Settings, "standby", property(lambda settings: places))
    return places[0]


@pytest.fixture
def blocked(environment, standby) -> Path:  # noqa: F811
    """A file lies where the folder of the spools belongs: even root can write nothing there."""
    place = environment / "spool"
    place.write_text("not a folder")
    return place


def test_what_is_logged_without_a_spool_is_sent_and_said(blocked, standby, environment, capsys):  # noqa: F811
    (environment / "data.txt").write_text("data")
    with start(system=False, params={"lr": 1}) as run:
        for step in range(100):
            run.log({"loss": step}, step=step)
        run.log_text("note", "kept")
        run.log_artifact(environment / "data.txt", "data")
        assert run.wait()

    found = Run.objects.get()
    assert (found.status, found.params, run.lost) == (RunStatus.COMPLETED, {"lr": 1}, 0)
    assert len(reading.points(found.pk, "loss", limit=1_000).points) == 100
    assert ArtifactVersion.objects.count() == 1
    assert any("note" in one.path for one in files.of_run(found).files.all())
    (alert,) = alerts.of_run(found)
    assert alert.title == "The spool cannot be written"
    said = capsys.readouterr().err
    assert said.count(f"{blocked} cannot be written") == 1
    assert str(standby) in said


def test_what_stands_in_is_sent_later(blocked, environment, monkeypatch):  # noqa: F811
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    with start(system=False) as run:
        run.log({"loss": 1.0}, step=0)

    monkeypatch.setenv("METASCOPE_MODE", "online")
    (sent,) = sync(load(), print)

    assert sent.is_drained
    assert Run.objects.get().series.count() == 1


def test_what_stands_in_is_bounded_and_the_run_says_what_was_lost(
    blocked, environment, monkeypatch, capsys  # noqa: F811
):  # fmt: skip
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    monkeypatch.setattr(_standby, "EXTRA_BYTES", 64 * 1024)
    monkeypatch.setattr(_standby, "SEGMENT_BYTES", 16 * 1024)
    with start(system=False) as run:
        for step in range(5_000):
            run.log({"loss": 1.0}, step=step)
        assert 0 < run.lost < 5_000

    monkeypatch.setenv("METASCOPE_MODE", "online")
    sync(load(), print)

    found = Run.objects.get()
    kept = 5_000 - run.lost
    points = reading.points(found.pk, "loss", limit=10_000).points
    assert [point.step for point in points] == list(range(kept))
    assert found.status == RunStatus.COMPLETED
    assert f"{run.lost} values and events" in alerts.of_run(found)[0].text
    assert f"{run.lost} values of this run could not be kept" in capsys.readouterr().err


def test_files_beside_what_stands_in_are_bounded(blocked, environment, monkeypatch):  # noqa: F811
    monkeypatch.setattr("metascope._run.EXTRA_BYTES", 20_000)
    with start(system=False) as run:
        run.log_text("small", "x" * 1_000)
        run.log_text("large", "x" * 30_000)
        run.save_artifact("net", "net.pt", lambda path: Path(path).write_bytes(b"x"))
        assert run.lost == 2

    assert not ArtifactVersion.objects.exists()


SCRIPT = """
import sys
import metascope
run = metascope.start("x", code=False)
run.log({"a": 1})
print("hello")
sys.exit(7)
"""


@pytest.mark.parametrize("places", ["", "/nowhere"])
def test_a_script_without_any_place_for_a_spool_ends_as_without_us(tmp_path, places):
    (tmp_path / "file").write_text("")
    text = SCRIPT
    if places:
        text = (
            "from metascope._settings import Settings\nfrom pathlib import Path\n"
            f"Settings.standby = [Path({places!r}, 'deep', 'er')]\n" + SCRIPT
        )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False,
        env={
            **os.environ, "METASCOPE_SPOOL": str(tmp_path / "file"), "METASCOPE_EXIT_WAIT_S": "0",
            "METASCOPE_URL": "http://127.0.0.1:9", "TMPDIR": str(tmp_path),
            "METASCOPE_CONSOLE": "python",  # no process that writes there after the script
        },
    )  # fmt: skip

    for place in _settings.Settings("", "", tmp_path / "file", "", tmp_path, 0).standby:
        shutil.rmtree(place, ignore_errors=True)
    assert (done.returncode, done.stdout) == (7, "hello\n")
    assert "Traceback" not in done.stderr
    assert ("not recorded" if places else "cannot be written") in done.stderr


@pytest.mark.parametrize("command", [["-c", "{text}"], ["{file}"]])
def test_a_working_folder_that_is_gone_ends_no_script(tmp_path, command):
    gone = "import os\nos.mkdir('gone')\nos.chdir('gone')\nos.rmdir(os.getcwd())\n"
    (tmp_path / "train.py").write_text(gone + SCRIPT)
    given = [one.format(text=gone + SCRIPT, file="train.py") for one in command]
    done = subprocess.run(
        [sys.executable, *given], capture_output=True, text=True, timeout=60, check=False,
        cwd=tmp_path,
        env={
            **os.environ, "METASCOPE_SPOOL": str(tmp_path / "spool"), "METASCOPE_MODE": "offline",
        },
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (7, "hello\n"), done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_at_the_start_ends_no_script(tmp_path, environment, standby, monkeypatch):  # noqa: F811
    disk = small_disk(tmp_path / "disk", "1m")
    try:
        fill(disk / "filler")
        monkeypatch.setenv("METASCOPE_SPOOL", str(disk / "spool"))
        with start(system=False) as run:
            run.log({"loss": 1.0}, step=0)
    finally:
        unmount(disk)

    assert run.lost == 0
    assert Run.objects.get().series.count() == 1


def test_a_disk_too_full_for_the_first_event_counts_as_full(environment, standby, monkeypatch):  # noqa: F811
    write = _spool._write

    def full(descriptor, data):
        if b'"start"' in data and str(standby) not in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(_spool, "_write", full)
    with start(system=False) as run:
        run.log({"loss": 1.0}, step=0)

    assert Run.objects.get().series.count() == 1
    assert list((environment / "spool").iterdir()) == []


def test_a_folder_of_another_user_is_not_used(tmp_path, monkeypatch):
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "mine").mkdir(mode=0o700)

    assert [
        one for one in ("open", "link", "mine", "none") if _standby.is_ours(tmp_path / one)
    ] == ["mine"]
    assert metascope.active_run() is None
