"""`Run`: it takes what scripts throw at it, and never throws back."""

import math
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from metascope._channel import Channel
from metascope._delivery import Delivery
from metascope._records import EVENT, POINTS, POINTS_HEAD, event_of
from metascope._run import Run
from metascope._segments import Position, read
from metascope._settings import load
from metascope._spool import Spool

from tests.client.server import Server


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool", Server.url)


@pytest.fixture
def run(spool, tmp_path):
    def branch() -> Channel:
        return Channel(Spool(tmp_path / "child", Server.url), None, branch, load())

    run = Run(Channel(spool, None, branch, load()))
    run._event("start", {"project": "x"})
    yield run
    run.finish()


def stored(spool: Spool) -> Server:
    server = Server()
    delivery = Delivery(spool.folder, "c", server)  # type: ignore[arg-type]
    while delivery.step(spool.written):
        pass
    return server


def test_numbers_of_every_kind(run, spool):
    run.log({"int": 3, "bool": True, "f32": np.float32(0.5), "i64": np.int64(-4)})
    run.log({"tensor": torch.tensor(1.5, requires_grad=True), "array": np.array(2.5)})

    assert {key: value for key, _, value in stored(spool).points} == {
        "int": 3, "bool": 1, "f32": 0.5, "i64": -4, "tensor": 1.5, "array": 2.5,
    }  # fmt: skip
    assert run.lost == 0


@pytest.mark.parametrize(
    "one", [np.array([3.0]), np.array([[3]]), torch.tensor([3.0], requires_grad=True)]
)
def test_arrays_of_one_element_are_numbers(run, spool, one):
    for value in (one, 1.0, one, one):
        run.log({"a": value})

    assert [value for _, _, value in stored(spool).points] == [3.0, 1.0, 3.0, 3.0]
    assert run.lost == 0


def test_steps_count_by_themselves_and_go_on_from_a_given_one(run, spool):
    for step in (None, None, 10, None, 3, None):
        run.log({"a": 0.0}, step)

    assert [step for _, step, _ in stored(spool).points] == [0, 1, 10, 11, 3, 4]


@pytest.mark.parametrize("clock", [-5.0, 1e11, float("nan"), float("inf")])
def test_a_time_that_no_server_keeps_is_left_to_the_server(run, spool, monkeypatch, clock):
    run.log({"a": 1.0})
    monkeypatch.setattr("metascope._run.time.time", lambda: clock)
    run.log({"a": 2.0})

    found = [one.payload for one in read(spool.folder, Position(), spool.written)]
    times = [POINTS_HEAD.unpack_from(one)[3] for one in found if one[0] == POINTS]
    assert 0 < times[0] < 1e11
    assert math.isnan(times[1])


def test_nested_keys_are_joined(run, spool):
    run.log({"train": {"loss": 1.0, "head": {"acc": 0.5}}})

    assert stored(spool).points == [("train/loss", 0, 1.0), ("train/head/acc", 0, 0.5)]


@pytest.mark.parametrize(
    ("data", "step", "lost", "said"),
    [
        ({"a": "1.5"}, 0, 1, "metric 'a': str is not a number"),
        ({"a": None, "b": 1.0}, 0, 1, "metric 'a'"),
        ({"a": [1, 2]}, 0, 1, "metric 'a'"),
        ({"a": np.zeros(3)}, 0, 1, "metric 'a'"),
        ({"": 1.0}, 0, 1, "1 to 250 characters"),
        ({"a\0": 1.0}, 0, 1, "no control characters"),
        ({"a": 1.0, "b": 2.0}, 2**63, 2, "does not fit 64 bits"),
        ({"a": 1.0}, "seven", 1, "step 'seven' is not a whole number"),
        ({"a": 1.0, "b": 2.0}, 1.5, 2, "step '1.5' is not a whole number"),
        ({"a": 1.0}, np.float32(0.5), 1, "step '0.5' is not a whole number"),
        ({"a": 1.0}, torch.tensor(2.5), 1, "is not a whole number"),
        ({"a": 1.0}, math.nan, 1, "step 'nan' is not a whole number"),
        ({"a": 1.0}, "7", 1, "step '7' is not a whole number"),
        ([1.0], 0, 1, "AttributeError"),
        ({"a": 10**400}, 0, 1, "OverflowError|too large"),
    ],
)
def test_what_cannot_be_kept_is_counted_and_said_once(run, capsys, data, step, lost, said):
    run.log(data, step)
    run.log(data, step)

    assert run.lost == 2 * lost
    found = capsys.readouterr().err
    assert any(part in found for part in said.split("|"))
    assert found.count("not recorded") == 1


@pytest.mark.parametrize("step", [7, 7.0, np.int32(7), np.float64(7), torch.tensor(7), np.array(7)])
def test_whole_steps_of_every_kind(run, spool, step):
    run.log({"a": 1.0}, step)
    run.log({"a": 2.0})

    assert stored(spool).points == [("a", 7, 1.0), ("a", 8, 2.0)]


def test_a_step_that_is_refused_moves_no_later_one(run, spool):
    run.log({"a": 1.0}, 4)
    run.log({"a": 2.0}, 9.5)
    run.log({"a": 3.0})

    assert stored(spool).points == [("a", 4, 1.0), ("a", 5, 3.0)]


def test_good_values_beside_a_bad_one_are_kept(run, spool):
    run.log({"bad": None, "good": 1.0}, step=5)

    assert stored(spool).points == [("good", 5, 1.0)]


@pytest.mark.parametrize("first", [2**53 + 1, 1])
def test_a_whole_number_that_is_rounded_is_said_once_a_metric(run, spool, capsys, first):
    for value in (first, np.int64(2**53 + 1), 2**60 + 1):
        run.log({"time_ns": value, "loss": 2.0**60, "size": 2**60, "flag": True})

    said = capsys.readouterr().err
    assert said.count("2**53") == said.count("metric 'time_ns'") == 1
    assert "9007199254740993 as 9007199254740992" in said
    assert run.lost == 0
    found = [value for key, _, value in stored(spool).points if key == "time_ns"]
    assert found == [float(first), 2.0**53, 2.0**60]


def test_a_full_disk_ends_no_training(run, spool, monkeypatch, capsys):
    run.log({"a": 1.0})

    def full(payload):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "_write", full)
    run.log({"a": 2.0})
    monkeypatch.undo()
    run.log({"a": 3.0})

    assert run.lost == 1
    assert "No space left" in capsys.readouterr().err
    assert [value for _, _, value in stored(spool).points] == [1.0, 3.0]


def test_nothing_is_written_after_the_end(run, spool, capsys):
    run.finish()
    run.log({"a": 1.0})

    assert run.lost == 1
    assert "the run has ended" in capsys.readouterr().err


def test_a_forked_child_logs_to_a_spool_of_its_own(run, spool, tmp_path):
    run.log({"a": 1.0})
    child = multiprocessing.get_context("fork").Process(target=run.log, args=({"a": 2.0}, 9))
    child.start()
    child.join(30)
    run.log({"a": 3.0})

    assert child.exitcode == 0
    assert [value for _, _, value in stored(spool).points] == [1.0, 3.0]
    assert len(list((tmp_path / "child").glob("*.seg"))) == 1


SCRIPT = """
import metascope
run = metascope.start("x", console=True, code=False, system=False)
print("hello")
run.log({"a": 1})
%s
"""
OWN = "class Own(SystemExit): pass\n"


@pytest.mark.parametrize(
    ("ending", "status", "reason", "code"),
    [
        ("", "completed", "", 0),
        ("raise ValueError('bad luck')", "failed", "bad luck", 1),
        ("raise KeyboardInterrupt", "cancelled", "Interrupted", 130),
        ("import sys; sys.exit()", "completed", "", 0),
        ("import sys; sys.exit(3)", "failed", "Exit code 3.", 3),
        ("import sys; sys.exit(-1)", "failed", "Exit code 255.", 255),
        ("import sys; sys.exit('no data')", "failed", "Exit code 1: no data", 1),
        ("raise SystemExit", "completed", "", 0),
        ("raise SystemExit(3)", "failed", "Exit code 3.", 3),
        (OWN + "raise Own(3)", "failed", "Exit code 3.", 3),
        ("from sys import exit\nexit(3)", "failed", "Exit code 3.", 3),
        ("with open('x', 'w'):\n raise SystemExit(3)", "failed", "Exit code 3.", 3),
        ("import argparse; argparse.ArgumentParser().error('x')", "failed", "Exit code 2.", 2),
        ("import sys\ntry: sys.exit(3)\nexcept SystemExit: pass", "completed", "", 0),
        (
            "try: raise SystemExit(3)\nexcept SystemExit as kept: mine = kept\n1",
            "completed", "", 0,
        ),
        (
            "import sys, threading\nother = threading.Thread(target=sys.exit, args=(3,))\n"
            "other.start(); other.join()", "completed", "", 0,
        ),
        ("import sys\nsys.stderr = None\nsys.exit(3)", "failed", "Exit code 3.", 3),
        ("with run:\n raise SystemExit(3)", "failed", "Exit code 3.", 3),
        ("with run:\n raise SystemExit(0)", "completed", "", 0),
        ("with run: pass\nraise SystemExit(3)", "completed", "", 0),
        ("with run: pass", "completed", "", 0),
        ("with run:\n raise ValueError('bad luck')", "failed", "bad luck", 1),
        ("try:\n with run: 1 / 0\nexcept ZeroDivisionError: 1", "failed", "ZeroDivision", 1),
        ("with run:\n raise KeyboardInterrupt", "cancelled", "Interrupted", 130),
    ],
)  # fmt: skip
def test_the_end_of_a_script_is_recorded_and_its_exit_code_left_alone(
    tmp_path, ending, status, reason, code
):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT % ending)
    plain = tmp_path / "plain.py"
    plain.write_text("import contextlib\nrun = contextlib.nullcontext()\n" + ending)

    done = executed([str(script)], tmp_path)

    alone = executed([str(plain)], tmp_path)
    assert done.returncode == alone.returncode
    assert done.stdout == "hello\n"
    said = alone.stderr.replace("plain.py", "train.py").splitlines()
    assert set(said[-1:]) <= set(done.stderr.splitlines())
    events = recorded(tmp_path)
    (end,) = [event["content"] for event in events if event["type"] == "finish"]
    assert (end["status"], end.get("exit_code")) == (status, code)
    assert reason in end["reason"] if reason else end["reason"] == ""
    assert ["hello"] in [e["content"]["lines"][:1] for e in events if e["type"] == "console"]


@pytest.mark.parametrize(
    ("how", "code"),
    [({}, 0), ({"status": "failed"}, None), ({"status": "failed", "exit_code": 9}, 9)],
)
def test_finish_gives_a_completed_run_the_code_0_and_others_what_is_named(
    spool, tmp_path, how, code
):
    run = Run(Channel(spool, None, lambda: pytest.fail("no fork here"), load()))

    run.finish(**how)

    (end,) = [event_of(one.payload)["content"] for one in read(spool.folder, Position())]
    assert end.get("exit_code") == code


@pytest.mark.parametrize("command", [["-c", SCRIPT % "import sys; sys.exit(3)"], ["-m", "train"]])
def test_the_exit_code_is_seen_without_a_script_file(tmp_path, command):
    (tmp_path / "train.py").write_text(SCRIPT % "import sys; sys.exit(3)")

    assert executed(command, tmp_path).returncode == 3

    end = recorded(tmp_path)[-1]["content"]
    assert (end["status"], end["exit_code"]) == ("failed", 3)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_ends_no_script(tmp_path, closed):
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, SCRIPT % ""], check=False,
        env=away(tmp_path), capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert recorded(tmp_path)[-1]["content"]["status"] == "completed"


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5.0), ("", 60.0), ("abc", 60.0), ("nan", 60.0), ("-1", 60.0)]
)
def test_a_wait_that_makes_no_sense_is_said_and_the_usual_one(monkeypatch, recwarn, text, seconds):
    monkeypatch.setenv("METASCOPE_EXIT_WAIT_S", text)

    assert load().exit_wait_s == seconds
    said = [str(one.message) for one in recwarn]
    assert said == (
        []
        if text in ("5", "")
        else [f"METASCOPE_EXIT_WAIT_S is {text!r}, not seconds: 60 are used"]
    )


def test_an_error_at_a_prompt_ends_nothing(tmp_path):
    typed = SCRIPT % "1 / 0\nimport sys\nsys.exit(3)"

    assert executed(["-i", "-q"], tmp_path, typed).returncode == 3

    end = recorded(tmp_path)[-1]["content"]
    assert (end["status"], end.get("exit_code")) == ("completed", None)


def away(folder: Path) -> dict[str, str]:
    """The environment of a script without a server."""
    return {
        **os.environ, "METASCOPE_MODE": "offline", "METASCOPE_SPOOL": str(folder / "spool"),
    }  # fmt: skip


def executed(command: list[str], folder: Path, typed: str = ""):
    return subprocess.run(
        [sys.executable, *command], env=away(folder), capture_output=True, text=True, timeout=120,
        check=False, cwd=folder, input=typed,
    )  # fmt: skip


def recorded(folder: Path) -> list[dict]:
    """Every event of the run's own spool, after those of what its descriptors carried."""
    spools = sorted((folder / "spool").iterdir(), key=lambda one: not _is_attached(one))
    found = [one for spool in spools for one in read(spool, Position())]
    return [event_of(one.payload) for one in found if one.kind == EVENT]


def _is_attached(spool: Path) -> bool:
    return event_of(next(read(spool, Position())).payload)["type"] == "attach"
