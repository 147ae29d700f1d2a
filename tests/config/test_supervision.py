"""The supervisor's pieces, each with real processes of a few milliseconds."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from config import broker, data_folder, guard, options, part
from config.refusal import StartRefused
from config.supervise import listen
from tests.processes import is_gone


def wait_until(look, *, limit_s=10.0):
    until = time.monotonic() + limit_s
    while not look():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def plan(tmp_path: Path, code: str, **fields) -> part.Plan:
    return part.Plan(
        **{
            "name": "part",
            "command": [sys.executable, "-c", code],
            "environment": os.environ,
            "folder": tmp_path,
            "log": tmp_path / "part.log",
            **fields,
        }
    )


def test_part_that_dies_again_and_again_waits_longer_each_time(tmp_path):
    failing = part.Part(plan(tmp_path, "raise SystemExit(3)"))
    pauses = []

    for _ in range(3):
        failing.start()
        failing.process.wait()
        assert failing.reap() == 3
        pauses.append(failing.due_at - time.monotonic())
        assert not failing.is_due()

    assert pauses == pytest.approx([0.5, 1.0, 2.0], abs=0.2)


def test_what_a_dead_part_left_in_its_group_ends_with_it(tmp_path):
    code = (
        "import subprocess, sys, os\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "os._exit(1)\n"
    )
    parent = part.Part(plan(tmp_path, code))
    parent.start()
    parent.process.wait()
    child = psutil.Process(int((tmp_path / "part.log").read_text()))

    assert parent.reap() == 1

    wait_until(lambda: is_gone(child))


def test_killing_a_part_ends_its_children_in_other_sessions(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],\n"
        "                         start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = part.Part(plan(tmp_path, code))
    parent.start()
    wait_until(lambda: (tmp_path / "part.log").read_text().endswith("\n"))
    child = psutil.Process(int((tmp_path / "part.log").read_text()))

    parent.kill()

    wait_until(lambda: is_gone(child))
    assert is_gone(child)


def test_input_is_fed_and_output_logged(tmp_path):
    echo = part.Part(plan(tmp_path, "print(input())", stdin=b"hello\n"))

    echo.start()
    echo.process.wait()

    assert (tmp_path / "part.log").read_text() == "hello\n"


def test_lines_of_a_part_with_a_format_of_its_own_are_logged_as_its_plan_says(tmp_path):
    code = "import sys; print('a'); sys.stderr.write('b\\n\\nlast')"
    quoting = part.Part(plan(tmp_path, code, log_line=lambda line: f"<{line}>"))

    quoting.start()
    quoting.process.wait()

    log = tmp_path / "part.log"
    wait_until(lambda: log.exists() and log.read_text().endswith("<last>\n"))
    assert set(log.read_text().splitlines()) == {"<a>", "<b>", "<last>"}


@pytest.mark.parametrize(
    ("status", "said"), [(1, "exited with 1"), (-signal.SIGKILL, "was killed by SIGKILL")]
)
def test_exit_is_described(status, said):
    assert part.describe_exit(status) == said


def test_long_log_is_moved_aside_under_its_writer(tmp_path, monkeypatch):
    monkeypatch.setattr(part, "LOG_LIMIT_BYTES", 10)
    log = tmp_path / "web.log"
    with log.open("a") as writer:
        writer.write("0123456789")
        writer.flush()

        part.limit_log(log)

        writer.write("next")
    assert log.read_text() == "next"
    assert (tmp_path / "web.log.1").read_text() == "0123456789"


def test_guard_remembers_what_started_and_forgets_what_ended():
    assert guard.watch(["+10 0\n", "+11 1\n", "-10\n", "+12 0\n"]) == {11: 1, 12: 0}


def test_guard_ends_the_parts_when_its_input_ends(tmp_path):
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    watching = subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__], stdin=subprocess.PIPE, text=True
    )

    watching.communicate(f"+{sleeper.pid} 0\n")

    assert watching.returncode == 0
    assert sleeper.wait(1) == -signal.SIGTERM


def test_guard_kills_what_does_not_listen():
    stubborn = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            "print(flush=True); time.sleep(60)",
        ],
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    with stubborn:
        stubborn.stdout.readline()

        guard.end([stubborn.pid], grace_s=0.1)

        assert stubborn.wait(1) == -signal.SIGKILL


def test_broker_answers_only_with_its_password(tmp_path):
    chosen = broker.choose()
    server = part.Part(
        plan(tmp_path, "", command=broker.server_command(), stdin=chosen.configuration)
    )
    server.start()
    try:
        wait_until(chosen.answers)
        assert not broker.Broker(port=chosen.port, password="wrong").answers()
        assert chosen.password not in " ".join(psutil.Process(server.process.pid).cmdline())
    finally:
        server.kill()
    assert not chosen.answers()


def test_folder_is_locked_for_one_instance(tmp_path):
    held = data_folder.lock(tmp_path)
    try:
        with pytest.raises(StartRefused, match=f"process {os.getpid()}"):
            data_folder.lock(tmp_path)
    finally:
        os.close(held)

    os.close(data_folder.lock(tmp_path))


def test_secret_key_is_made_once_and_private(tmp_path):
    data_folder.keep_secret_key(tmp_path)
    first = (tmp_path / "secret_key").read_text()
    data_folder.keep_secret_key(tmp_path)

    assert (tmp_path / "secret_key").read_text() == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("content", "mode"), [(None, 0o700), ("kept by its owner", 0o750)])
def test_an_empty_data_folder_is_made_private_and_one_in_use_is_left(tmp_path, content, mode):
    tmp_path.chmod(0o750)
    if content is not None:
        (tmp_path / "own").write_text(content)

    data_folder.prepare(tmp_path)

    assert tmp_path.stat().st_mode & 0o777 == mode


def test_nearly_full_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(data_folder, "FREE_SPACE_NEEDED", 2**63)

    with pytest.raises(StartRefused, match="is full: make room"):
        data_folder.prepare(tmp_path / "data")


def test_workers_option_wins_over_its_variable(monkeypatch):
    monkeypatch.setenv("METASCOPE_WORKERS", "3")

    assert options.parse([]).workers == 3
    assert options.parse(["--workers", "1"]).workers == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_needs_nothing(host):
    assert options.parse(["--host", host]).is_local


@pytest.mark.parametrize("arguments", [["--port", "x"], ["--port", "65536"], ["--workers", "0"]])
def test_bad_option_is_a_usage_error(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        options.parse(arguments)

    assert "use a whole number from" in capsys.readouterr().err


def test_address_of_another_machine_is_refused(monkeypatch):
    monkeypatch.setenv("METASCOPE_HOSTS", "lab.example")

    with pytest.raises(StartRefused, match="not an address of this machine"):
        listen(options.parse(["--host", "192.0.2.1", "--port", "0"]))


def test_taken_port_is_refused():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(StartRefused, match="is in use"),
    ):
        listen(options.parse(["--port", str(taken.getsockname()[1])]))
