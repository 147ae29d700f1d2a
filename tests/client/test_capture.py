"""What is recorded of a script's code and command line."""

import subprocess

import pytest
from metascope import _capture


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a script in it, as if it were running."""
    (tmp_path / "train.py").write_text("print(1)\n")
    (tmp_path / "weights.bin").write_bytes(b"\0" * 10)
    monkeypatch.setattr("sys.argv", [str(tmp_path / "train.py")])
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


def files() -> dict:
    snapshot = _capture.snapshot()
    assert snapshot
    return snapshot["files"]


def test_the_files_beside_a_script_without_git(project):
    assert files() == {"train.py": "print(1)\n"}


@pytest.mark.parametrize("name", ["env", "my-python", ".venv"])
def test_an_environment_of_any_name_is_left_out(project, name):
    (project / name / "lib").mkdir(parents=True)
    (project / name / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (project / name / "lib" / "module.py").write_text("x = 1\n")

    assert list(files()) == ["train.py"]


def test_what_the_ignore_file_names_is_left_out(project):
    (project / "data").mkdir()
    (project / "data" / "notes.txt").write_text("x")
    (project / "secret.py").write_text("x")
    (project / ".metascopeignore").write_text("# not these\ndata/\nsecret.*\n")

    assert list(files()) == ["train.py"]


def test_code_is_bounded(project, monkeypatch):
    monkeypatch.setattr(_capture, "LARGEST_SNAPSHOT", 2_000)
    for number in range(5):
        (project / f"m{number}.py").write_text("x" * 900)

    assert len(files()) == 2


def test_a_repository_gives_commit_branch_and_uncommitted_changes(project):
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(project), *arguments], check=True, capture_output=True)

    git("init", "-b", "trunk")
    git("config", "user.email", "a@example.org")
    git("config", "user.name", "A")
    git("remote", "add", "origin", "https://ada:word@example.org/x.git")
    git("add", ".")
    git("commit", "-m", "first")
    (project / "train.py").write_text("print(2)\n")
    (project / "new.py").write_text("y = 1\n")

    snapshot = _capture.snapshot()

    assert snapshot
    assert snapshot["files"] == {"train.py": "print(2)\n", "new.py": "y = 1\n"}
    assert snapshot["git_branch"] == "trunk"
    assert len(snapshot["git_commit"]) == 40
    assert snapshot["git_remote"] == "https://example.org/x.git"
    assert "-print(1)" in snapshot["patch"]
    assert "+print(2)" in snapshot["patch"]


def test_secrets_of_the_command_line_are_masked():
    found = _capture.masked(["train.py", "--api-key", "abc", "--lr=1", "--token=xyz", "--lr", "2"])

    assert found == [
        "train.py", "--api-key", "[masked]", "--lr=1", "--token=[masked]", "--lr", "2",
    ]  # fmt: skip
