"""The product as a process: it starts, heals itself, refuses what it must, and leaves no trace."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.processes import is_gone
from tests.product.instance import ROOT, environment, refused, start, wait_until

pytestmark = pytest.mark.slow

SECOND_START_S = 5.0


@dataclass(frozen=True)
class Stopped:
    """What a start left behind that SIGTERM has ended."""

    data_dir: Path
    status: int
    output: str
    token: str


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    product = start(tmp_path_factory.mktemp("stopped") / "data")
    try:
        product.wait_until_ready()
        token = product.token()
    finally:
        status = product.stop(signal.SIGTERM)
    return Stopped(product.data_dir, status, product.output, token)


@pytest.mark.parametrize("part", ["valkey-server", "gunicorn", "worker", "beat"])
def test_killed_part_is_started_again(shared, part):
    told = shared.output.count("was killed by SIGKILL")
    killed = shared.part(part)
    killed.kill()

    wait_until(
        lambda: shared.output.count("was killed by SIGKILL") > told,
        limit_s=10,
        what="told about the kill",
    )
    wait_until(lambda: shared.has_part(part), limit_s=30, what="started again")
    wait_until(shared.is_healthy, limit_s=60, what=f"healthy\n{shared.logs()}")
    assert shared.part(part).pid != killed.pid


def test_health_names_what_is_down(shared):
    worker = shared.part("worker")
    worker.suspend()
    try:
        down = wait_until(
            lambda: shared.health() if shared.health()[0] == 503 else None,
            limit_s=60,
            what="unhealthy",
        )
    finally:
        worker.resume()

    assert down[1]["worker"] != "ok"
    assert down[1]["database"] == down[1]["broker"] == "ok"


def test_printed_command_makes_a_token_of_this_data_folder(shared):
    """Typed where ./run was typed, by somebody who chose the folder with --data."""
    told = re.search(r"^For scripts: metascope login (\S+) with the token of: (.+)$",
                     shared.output, re.MULTILINE)  # fmt: skip
    assert told

    done = subprocess.run(
        ["sh", "-c", told[2]], cwd=shared.data_dir.parent, env=environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert told[1] == shared.url
    assert shared.ask(done.stdout.splitlines()[-1], "users/me/")["username"] == "admin"


def test_every_line_of_the_logs_is_an_object_with_time_level_logger_and_message(stopped):
    """From the start to the end, of every part: nobody prints beside it."""
    logs = {file.name: file.read_text() for file in (stopped.data_dir / "logs").glob("*.log")}
    lines = [json.loads(line) for text in logs.values() for line in text.splitlines()]

    assert {"broker.log", "web.log", "worker.log", "beat.log"} <= set(logs)
    assert logs["broker.log"]
    assert logs["worker.log"]
    for line in lines:
        assert {"at", "level", "logger", "message"} <= set(line)


def test_sigterm_stops_like_ctrl_c(stopped):
    assert stopped.status == 0
    assert stopped.output.endswith("Stopped.\n")


def test_second_start_is_quick(stopped):
    again = start(stopped.data_dir)
    try:
        took_s = again.wait_until_ready()
    finally:
        assert again.stop() == 0

    # Measured alone it takes less than 5 s; a machine that does other work gets its share longer.
    assert took_s < SECOND_START_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_killed_supervisor_takes_its_parts_along_and_starts_again(stopped):
    product = start(stopped.data_dir)
    product.wait_until_ready()
    started = product.processes()
    product.process.send_signal(signal.SIGKILL)
    product.process.wait()

    _, left = psutil.wait_procs(started, timeout=30)

    assert not [process for process in left if not is_gone(process)]
    again = start(stopped.data_dir)
    try:
        again.wait_until_ready()
    finally:
        again.stop()


def test_second_instance_on_one_folder_is_refused(shared):
    assert "another Metascope" in refused(shared.data_dir)


def test_copied_folder_is_a_backup(stopped, tmp_path):
    place = tmp_path / "elsewhere" / "copy"
    shutil.copytree(stopped.data_dir, place)
    away = stopped.data_dir.rename(tmp_path / "away")
    copy = start(place)
    try:
        copy.wait_until_ready()
        assert copy.ask(stopped.token, "workspaces/")["results"][0]["slug"] == "default"
    finally:
        copy.stop()
        away.rename(stopped.data_dir)


def test_backup_of_a_running_instance_starts_elsewhere(shared, tmp_path):
    token = shared.token()
    shared.ask(token, "projects/", {"slug": "kept", "name": "Kept"})

    shared.manage("backup", str(tmp_path / "elsewhere" / "copy"))

    copy = start(tmp_path / "elsewhere" / "copy")
    try:
        copy.wait_until_ready()
        assert copy.ask(token, "projects/default/kept/")["name"] == "Kept"
    finally:
        copy.stop()


def test_port_in_use_is_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = refused(tmp_path / "data", "--port", str(taken.getsockname()[1]))

    assert "is in use" in line
    assert "--port" in line


def test_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "metascope.sqlite3").write_bytes(b"not a database, " * 1000)

    line = refused(tmp_path / "data")

    assert "is damaged" in line
    assert "restore a backup" in line


def test_database_of_another_program_is_refused_and_left_alone(tmp_path):
    (tmp_path / "data").mkdir()
    place = tmp_path / "data" / "metascope.sqlite3"
    with sqlite3.connect(place) as database:
        database.execute("CREATE TABLE songs (id integer PRIMARY KEY)")
    database.close()
    before = place.read_bytes()

    assert f"{place} is the database of another program" in refused(tmp_path / "data")

    assert place.read_bytes() == before


def test_database_of_a_newer_version_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "metascope.sqlite3") as database:
        database.execute(
            "CREATE TABLE django_migrations (id integer PRIMARY KEY, app text, name text, applied)"
        )
        database.execute(
            "INSERT INTO django_migrations VALUES (1, 'experiments', '9999_later', '2030-01-01')"
        )
    database.close()

    assert "newer Metascope" in refused(tmp_path / "data")


def test_full_disk_is_refused(tmp_path):
    """A limit on file size stands for the full disk: writes fail in the same places."""
    product = subprocess.run(
        [str(ROOT / "run"), "--port", "0", "--data", str(tmp_path / "data")],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384)),
    )

    assert product.returncode == 1
    assert product.stderr.count("\n") == 1
    assert "is full" in product.stderr


def test_data_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "data").write_text("")

    assert "choose another with --data" in refused(tmp_path / "data")


def test_bad_variable_is_refused(tmp_path):
    line = refused(tmp_path / "data", variables={"METASCOPE_LEASE_S": "soon"})

    assert "METASCOPE_LEASE_S='soon'" in line


def test_other_machines_need_names_and_a_password(tmp_path):
    assert "METASCOPE_HOSTS" in refused(tmp_path / "data", "--host", "0.0.0.0")

    line = refused(
        tmp_path / "data", "--host", "0.0.0.0", variables={"METASCOPE_HOSTS": "lab.example"}
    )

    assert "changepassword admin" in line


def test_old_python_is_refused(tmp_path):
    for name in ("python", "python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        fake = tmp_path / "bin" / name
        fake.parent.mkdir(exist_ok=True)
        fake.write_text("#!/bin/sh\nexit 1\n")
        fake.chmod(0o755)
    for tool in ("dirname", "env", "sh"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))

    done = subprocess.run(
        [str(ROOT / "run")],
        env={"PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Python 3.11 or newer is needed" in done.stderr
