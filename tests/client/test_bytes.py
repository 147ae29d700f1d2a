"""Bytes that are no UTF-8, in whatever a script is called with: they end no training."""

import os
import subprocess
import sys

import pytest
from metascope._paths import sent_path
from metascope._records import EVENT, event_of, event_payload, sent_json

from experiments import alerts
from experiments.models import ArtifactVersion, Run, RunStatus
from tests.client.test_end_to_end import environment  # noqa: F401

BYTES = b"caf\xe9"
SCRIPT = """
import os, sys
import metascope

data = os.fsdecode(b"caf\\xe9.csv")
with metascope.start("sinusoid", params={"path": data, data: 1}) as run:
    run.log({"x": 1.0})
    run.log_params({"later": sys.argv[1]})
    run.set_summary({"path": data})
    run.set_notes(data)
    run.alert(data)
    run.log_text("note", data)
    open(data, "w").write("1")
    run.log_artifact(data, "split")
    print(ascii(data))
    if len(sys.argv) > 2:
        open(data + "/nowhere")
"""


def trained(environment, folder, *more: str):  # noqa: F811
    folder = os.path.join(os.fsencode(folder), BYTES)
    os.mkdir(folder)
    for name in (b"train.py", BYTES + b".py"):
        with open(os.path.join(folder, name), "w") as file:
            file.write(SCRIPT)
    return subprocess.run(
        [os.fsencode(sys.executable), b"train.py", b"--data=" + BYTES, *more],
        env={**environment, "OMP_X": os.fsdecode(BYTES), "GIT_CEILING_DIRECTORIES": "/"},
        cwd=folder, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_bytes_that_are_no_utf8_are_told_and_end_no_script(environment, tmp_path):  # noqa: F811
    environment["METASCOPE_SPOOL"] = os.fsdecode(os.fsencode(tmp_path) + b"/spool-\xe9")
    done = trained(environment, tmp_path)

    assert done.returncode == 0, done.stderr
    assert b"not " not in done.stderr, done.stderr
    run = Run.objects.get()
    assert (run.status, run.exit_code) == (RunStatus.COMPLETED, 0)
    assert run.params == {"path": r"caf\xe9.csv", r"caf\xe9.csv": 1, "later": r"--data=caf\xe9"}
    assert (run.summary, run.notes) == ({"path": r"caf\xe9.csv"}, r"caf\xe9.csv")
    assert run.command.endswith(r"train.py --data=caf\xe9")
    assert run.environment["variables"]["OMP_X"] == r"caf\xe9"
    assert run.environment["working_folder"].endswith(r"/caf\xe9")
    assert [one.title for one in alerts.of_run(run)] == [r"caf\xe9.csv"]
    assert {one.path for one in run.snapshot.files.all()} == {"train.py", "caf%E9.py"}
    [file] = ArtifactVersion.objects.get().files.files.all()
    assert file.path == "caf%E9.csv"


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_run_is_kept_whatever_bytes_its_reason_holds(environment, tmp_path):  # noqa: F811
    done = trained(environment, tmp_path, "fails")

    assert done.returncode == 1
    run = Run.objects.get()
    assert (run.status, run.exit_code) == (RunStatus.FAILED, 1)
    assert "caf" in run.status_reason


def test_a_reason_with_a_lone_surrogate_is_sent():
    event = {"type": "finish", "content": {"reason": "caf\udce9 \ud800"}}
    payload = event_payload(event)

    assert payload[0] == EVENT
    assert event_of(payload) == event
    assert sent_json(event["content"]) == rb'{"reason": "caf\\xe9 \\ud800"}'


@pytest.mark.parametrize(
    ("name", "sent"),
    [("a/b.py", "a/b.py"), ("caf\udce9", "caf%E9"), ("é\n", "é%0A"), ("a\\b", "a%5Cb"),
     ("c:x", "c%3Ax"), ("ab:x", "ab:x"), ("\ud800", "%ED%A0%80")],
)  # fmt: skip
def test_a_path_is_one_that_servers_take(name, sent):
    assert sent_path(name) == sent
