"""Processes of one run: what each of them prints and does is on it, named with its rank."""

import subprocess
import sys

import pytest
from metascope import _machine
from metascope._machine import Machine

from experiments import alerts, reading
from experiments.models import Run, RunStatus
from tests.client.test_end_to_end import environment, script  # noqa: F401

TRAINING = """
    import os, subprocess, sys
    import metascope

    rank = int(os.environ["RANK"])
    run = metascope.start("ranks", shared="job-7", rank=rank, code=False)
    assert run.wait()
    print("said by", rank)
    subprocess.run(["echo", f"a child of {rank}"])
    sys.stderr.write(f"warned by {rank}\\n")
    sys.stdin.readline()
"""


@pytest.mark.django_db(transaction=True)
def test_console_and_machine_of_every_rank_are_on_the_run(environment, tmp_path):  # noqa: F811
    path = script(tmp_path, TRAINING)
    ranks = [
        subprocess.Popen(
            [sys.executable, str(path)], cwd=tmp_path, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in (0, 1)
    ]  # fmt: skip
    ends = [one.communicate("\n", timeout=90) for one in reversed(ranks)]  # rank 0 the last

    assert [one.returncode for one in ranks] == [0, 0], ends
    run = Run.objects.get()
    assert run.status == RunStatus.COMPLETED
    lines = [line.text for line in reading.log_lines(run.pk).lines]
    for said in ("said by", "a child of", "warned by"):
        assert any(text.endswith(f" [rank 1] {said} 1") for text in lines), lines
        assert any(text.endswith(f"{said} 0") and "rank" not in text for text in lines), lines
    keys = reading.series_keys([run.pk])[run.pk]
    assert "system/process_memory_gib" in keys
    assert "system/memory_percent" in keys
    assert "system/rank1/process_memory_gib" in keys
    assert "system/rank1/memory_percent" not in keys  # rank 0 measures that machine
    said = [errors.count("this run is at") for _, errors in ends]
    assert said == [0, 1]


@pytest.mark.django_db(transaction=True)
def test_a_rank_that_fails_is_told_though_the_run_completes(environment, tmp_path):  # noqa: F811
    failing = TRAINING.replace("sys.stdin.readline()", "if rank: raise ValueError('no data')")
    path = script(tmp_path, failing)
    codes = [
        subprocess.run(
            [sys.executable, str(path)], cwd=tmp_path, timeout=90, capture_output=True,
            env={**environment, "RANK": str(rank)}, check=False,
        ).returncode
        for rank in (0, 1)
    ]  # fmt: skip

    assert codes == [0, 1]
    run = Run.objects.get()
    assert (run.status, run.exit_code) == (RunStatus.COMPLETED, 0)
    [told] = alerts.of_run(run)
    assert (told.title, told.level) == ("Rank 1 failed: ValueError: no data", "error")
    assert "Traceback" in told.text


@pytest.mark.parametrize(
    ("variables", "is_whole"),
    [({}, True), ({"LOCAL_RANK": "0"}, True), ({"LOCAL_RANK": "2"}, False),
     ({"SLURM_LOCALID": "1"}, False)],
)  # fmt: skip
def test_one_rank_of_a_machine_measures_the_machine(monkeypatch, variables, is_whole):
    for name in ("LOCAL_RANK", "SLURM_LOCALID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(_machine, "_levels", lambda: [("memory_percent", 1.0), ("process_x", 2.0)])
    rows: list[dict[str, float]] = []

    Machine(lambda row, step: rows.append(row), 60.0, rank=3).stop()

    assert rows[0]["system/rank3/process_x"] == 2.0
    assert ("system/rank3/memory_percent" in rows[0]) == is_whole
