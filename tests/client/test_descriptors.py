"""What a script's process tree prints is kept, and nothing of the script hangs on who keeps it."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from metascope._records import EVENT, event_of
from metascope._segments import Position, read

LIMIT_S = 30.0
START = """
import os, signal, subprocess, sys, time
import metascope
run = metascope.start("x", code=False, system=False)
"""
RELAYS = """
def relay():
    for one in os.listdir("/proc"):
        try:
            if one.isdigit() and f"{os.getcwd()}/spool".encode() in open(f"/proc/{one}/cmdline", "rb").read():
                return int(one)
        except OSError:
            pass
"""  # fmt: skip  # noqa: E501
needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")


def begun(folder: Path, text: str, **variables: str) -> subprocess.Popen[bytes]:
    (folder / "train.py").write_text(START + text)
    environment = {
        **os.environ, "METASCOPE_MODE": "offline", "METASCOPE_SPOOL": str(folder / "spool"),
        **variables,
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "train.py"], cwd=folder, env=environment, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def executed(folder: Path, text: str, **variables: str) -> tuple[int, str, str]:
    process = begun(folder, text, **variables)
    output, errors = process.communicate(timeout=60)
    return process.returncode, output.decode(), errors.decode()


def kept(folder: Path) -> list[tuple[str, str]]:
    """Stream and text of every line in the spools."""
    found = []
    for spool in (folder / "spool").iterdir():
        events = [event_of(one.payload) for one in read(spool, Position()) if one.kind == EVENT]
        for content in (one["content"] for one in events if one["type"] == "console"):
            for at, line in enumerate(content["lines"]):
                found.append(("err" if at in content.get("stderr", ()) else "out", line))
    return found


def wait_for(holds: Callable[[], bool], what: object = "") -> None:
    until = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def test_what_child_processes_and_c_print_is_kept_with_its_stream(tmp_path):
    code, output, errors = executed(
        tmp_path,
        """
print("python")
subprocess.run(["sh", "-c", "echo child; echo child error >&2"])
os.system("echo system")
os.write(2, b"raw error\\n")
print("after")
sys.exit(3)
""",
    )

    assert code == 3
    assert output == "python\nchild\nsystem\nafter\n"
    assert errors == "child error\nraw error\n"
    lines = [("out", line) for line in output.splitlines()]
    lines += [("err", line) for line in errors.splitlines()]
    wait_for(lambda: sorted(kept(tmp_path)) == sorted(lines), kept(tmp_path))


def test_bytes_pass_as_they_were_written(tmp_path):
    body = "sys.stdout.flush()\nfor n in range(400): os.write(1, bytes(range(256)) * 20)\n"
    process = begun(tmp_path, body)

    output, _ = process.communicate(timeout=60)

    assert output == bytes(range(256)) * 20 * 400
    assert process.returncode == 0


@needs_proc
def test_a_relay_that_is_killed_changes_nothing_for_the_script_and_its_children(tmp_path):
    code, output, errors = executed(
        tmp_path,
        RELAYS
        + """
child = subprocess.Popen(["sh", "-c", "read x; echo child goes on; exit 4"], stdin=subprocess.PIPE)
print("before")
found = relay()
os.kill(found, signal.SIGKILL)
while relay() == found: time.sleep(0.01)
for number in range(20_000):
    print(f"line {number}")
child.communicate(b"go\\n")
assert child.returncode == 4
sys.exit(3)
""",
    )

    assert code == 3, errors
    lines = output.splitlines()
    found = [line for line in lines if line.startswith("line")]
    assert sorted(found) == sorted(f"line {number}" for number in range(20_000))
    assert "child goes on" in lines
    said = [line for _, line in kept(tmp_path) if line.startswith("metascope: the process that")]
    assert len(said) == 1
    assert ("out", "line 19999") in kept(tmp_path)  # as Python's streams are listened to


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_noticed_by_a_script_that_ends_at_once(tmp_path, unbuffered):
    (tmp_path / "train.py").write_text(START + "for number in range(100): print(number)\n")
    environment = {
        **os.environ, "METASCOPE_MODE": "offline", "METASCOPE_SPOOL": str(tmp_path / "spool"),
        "PYTHONUNBUFFERED": unbuffered,
    }  # fmt: skip
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "train.py"], cwd=tmp_path, env=environment, stdout=full,
            stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip

    assert done.returncode in (1, 120)  # of a print, or of the flush at the end
    assert b"No space left on device" in done.stderr
    wait_for(lambda: ("out", "99") in kept(tmp_path))


def test_a_child_of_a_killed_script_goes_on_printing_and_is_kept(tmp_path):
    process = begun(
        tmp_path,
        """
child = "echo begun; while kill -0 $PPID 2>/dev/null && [ -z \\"$(ps -o stat= $PPID | grep Z)\\" ]; do sleep 0.1; done; echo alone; echo fine > done"
subprocess.Popen(["sh", "-c", child.replace("$PPID", str(os.getpid()))])
time.sleep(60)
""",  # noqa: E501
    )
    assert process.stdout
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGKILL)
    process.wait()

    output, _ = process.communicate(timeout=60)

    assert output == b"alone\n"
    assert (tmp_path / "done").read_text() == "fine\n"
    wait_for(lambda: ("out", "alone") in kept(tmp_path), kept(tmp_path))


def test_a_reader_that_goes_away_is_noticed_as_without_us(tmp_path):
    text = "\ntry:\n while True: print('x' * 1000)\nexcept BrokenPipeError: os._exit(7)\n"
    process = begun(tmp_path, text)
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()

    assert process.wait(LIMIT_S) == 7
    assert process.stderr
    process.stderr.close()


def test_the_script_meets_no_child_process_of_ours(tmp_path):
    code, output, _ = executed(
        tmp_path,
        """
child = subprocess.Popen(["true"])
found = 0
try:
    while os.wait(): found += 1
except ChildProcessError:
    print(found)
""",
    )

    assert (code, output) == (0, "1\n")


def test_the_last_words_before_a_hard_end_are_passed_on_and_kept(tmp_path):
    code, output, _ = executed(tmp_path, "print('last words'); os._exit(5)\n")

    assert (code, output) == (5, "last words\n")
    wait_for(lambda: kept(tmp_path) == [("out", "last words")])


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def test_signals_to_the_whole_group_do_not_end_what_passes_the_output_on(tmp_path, name):
    text = f"signal.signal(signal.{name}, lambda *_: print('heard'))\n"
    process = begun(tmp_path, text + "print('ready'); signal.pause(); print('end')\n")
    assert process.stdout
    process.stdout.readline()
    os.killpg(process.pid, getattr(signal, name))

    output, _ = process.communicate(timeout=60)

    assert (process.returncode, output) == (0, b"heard\nend\n")


@needs_proc
def test_who_waits_for_the_end_of_the_output_does_not_wait_for_the_server(tmp_path):
    text = RELAYS + "print(relay()); os._exit(0)\n"
    away = {"METASCOPE_MODE": "online", "METASCOPE_URL": "http://127.0.0.1:9"}

    code, output, _ = executed(tmp_path, text, METASCOPE_EXIT_WAIT_S="600", **away)

    assert code == 0
    os.kill(int(output), signal.SIGKILL)  # it still tries to reach the server


def test_a_child_that_outlives_the_script_holds_up_no_end(tmp_path):
    process = begun(tmp_path, "subprocess.Popen(['sh', '-c', 'read x < pipe; echo late'])\n")
    os.mkfifo(tmp_path / "pipe")

    assert process.wait(LIMIT_S) == 0
    (tmp_path / "pipe").write_text("go\n")

    assert process.communicate(timeout=60)[0] == b"late\n"
    wait_for(lambda: ("out", "late") in kept(tmp_path))


def test_at_a_terminal_the_streams_stay_what_they_are(tmp_path):
    ours, theirs = pty.openpty()
    text = "print(os.isatty(1), os.isatty(2), sys.stdout.isatty()); print('e', file=sys.stderr)\n"
    (tmp_path / "train.py").write_text(START + text)
    environment = {**os.environ, "METASCOPE_MODE": "offline", "METASCOPE_SPOOL": "spool"}
    code = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path, env=environment, stdin=theirs, stdout=theirs,
        stderr=theirs, timeout=60, check=False,
    ).returncode  # fmt: skip
    os.close(theirs)

    assert code == 0
    assert os.read(ours, 1000).startswith(b"True True True")
    os.close(ours)
    assert kept(tmp_path) == [("out", "True True True"), ("err", "e")]


@pytest.mark.parametrize(
    ("how", "expected"), [("python", [("out", "python")]), ("off", [])]
)  # fmt: skip
def test_less_is_kept_if_asked(tmp_path, how, expected):
    text = "print('python', flush=True); os.system('echo child')\n"
    code, output, _ = executed(tmp_path, text, METASCOPE_CONSOLE=how)

    assert (code, output) == (0, "python\nchild\n")
    assert kept(tmp_path) == expected


def test_what_a_killed_relay_left_is_passed_on_where_the_script_ends_at_once(tmp_path):
    code, output, errors = executed(
        tmp_path,
        RELAYS
        + """
print("before")
os.kill(relay(), signal.SIGSTOP)
os.write(1, b"after\\n")
os.kill(relay(), signal.SIGKILL)
sys.exit(3)
""",
    )

    assert code == 3, errors
    assert output.splitlines()[-1] == "after"
