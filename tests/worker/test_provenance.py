"""What was executed: the source, the git state, the machine, and no secret."""

import subprocess
import sys

import pytest

from experiments import snapshots
from tests.factories import make_job
from worker import provenance


def git(folder, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@lab.example",
         *arguments],
        check=True,
        capture_output=True,
    )  # fmt: skip


@pytest.fixture
def checkout(tmp_path):
    """A git checkout with one engine file committed."""
    root = tmp_path / "checkout"
    (root / "worker").mkdir(parents=True)
    (root / "worker" / "train.py").write_text("lr = 1\n")
    (root / ".env.local").write_text("TOKEN=a\n")
    git(root, "init", "-b", "trunk")
    git(root, "remote", "add", "origin", "https://ada:secret@git.example/nets.git")
    git(root, "add", "-f", ".")
    git(root, "commit", "-m", "Start")
    return root


def test_clean_checkout_has_a_commit_and_no_patch(checkout):
    state = provenance.git_state(checkout)

    assert len(state["git_commit"]) == 40
    assert state["git_branch"] == "trunk"
    assert state["patch"] == b""


def test_patch_holds_edits_and_new_engine_files_and_applies(checkout, tmp_path):
    (checkout / "worker" / "train.py").write_text("lr = 2\n")
    (checkout / "worker" / "new.py").write_text("one\ntwo")
    (checkout / "worker" / "empty.py").write_text("")
    (checkout / ".env.local").write_text("TOKEN=b\n")
    patch = provenance.git_state(checkout)["patch"]
    other = tmp_path / "other"
    git(tmp_path, "clone", str(checkout), str(other))

    (tmp_path / "changes.patch").write_bytes(patch)
    git(other, "apply", str(tmp_path / "changes.patch"))

    assert (other / "worker" / "train.py").read_text() == "lr = 2\n"
    assert (other / "worker" / "new.py").read_text() == "one\ntwo"
    assert (other / "worker" / "empty.py").read_text() == ""
    assert b"TOKEN" not in patch


def test_huge_patch_is_left_out_and_says_so(checkout, monkeypatch):
    monkeypatch.setattr(provenance, "MOST_PATCH_BYTES", 10)
    (checkout / "worker" / "train.py").write_text("lr = 2\n")

    assert b"are left out" in provenance.git_state(checkout)["patch"]


def test_outside_a_checkout_there_is_no_git_state(tmp_path):
    (tmp_path / "worker").mkdir()

    assert provenance.git_state(tmp_path) == {}


def test_folder_inside_somebody_elses_checkout_is_not_that_checkout(checkout):
    assert provenance.git_state(checkout / "worker") == {}


def test_without_git_there_is_no_git_state(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")

    assert provenance.git_state(checkout) == {}


def test_commands_show_no_secret(monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["python", "train.py", "--token=abc", "--lr", "1"])

    assert provenance.command() == "python train.py --token=*** --lr 1"


@pytest.mark.django_db
def test_environment_keeps_allowed_variables_and_masks_secrets(monkeypatch):
    monkeypatch.setenv("METASCOPE_SECRET_KEY", "abc")
    monkeypatch.setenv("METASCOPE_BROKER_URL", "redis://:abc@host")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "abc")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    found = provenance.environment(make_job(spec={"algorithm": "maml", "seed": 7}), threads=2)

    assert found["variables"]["METASCOPE_SECRET_KEY"] == "***"
    assert found["variables"]["METASCOPE_BROKER_URL"] == "***"
    assert "AWS_SECRET_ACCESS_KEY" not in found["variables"]
    assert found["variables"]["OMP_NUM_THREADS"] == "2"
    assert (found["threads"], found["seed"]) == (2, 7)
    assert found["packages"]["torch"].startswith("2.")
    assert "abc" not in str(found["variables"])


@pytest.mark.django_db
def test_first_attempt_records_and_a_later_one_tells_of_an_edit(checkout, settings, caplog):
    settings.BASE_DIR = checkout
    job = make_job()
    provenance.record(job, threads=1)
    job.run.refresh_from_db()
    first = job.run.snapshot

    (checkout / "worker" / "train.py").write_text("lr = 2\n")
    provenance.record(job, threads=1)

    job.run.refresh_from_db()
    assert job.run.snapshot == first
    assert snapshots.load(first) == {"worker/train.py": b"lr = 1\n"}
    assert first.git_remote == "https://git.example/nets.git"
    assert "The source changed since the first attempt" in caplog.text
    assert job.run.command
