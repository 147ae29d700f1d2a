"""What is recorded of a script's code and command line."""

import ast
import hashlib
import os
import platform
import re
import subprocess
import sys

import pytest
from metascope import _capture, _left_out
from metascope._ignored import IGNORE_FILE, Ignored


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

    assert sorted(files()) == ["m0.py", "m1.py", "train.py"]


def test_of_too_much_code_the_script_and_what_is_like_it_is_kept(project, monkeypatch):
    monkeypatch.setattr(_capture, "LARGEST_SNAPSHOT", 200_000)
    for name in ("annotations.json", "bounds.txt", "src/z.json"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("x" * 90_000)
    (project / "a.json").write_text("{}")
    (project / "src" / "model.py").write_text("y" * 100_000)
    (project / "src" / "run.sh").write_text("z" * 9_000)

    snapshot = _capture.snapshot()

    assert snapshot
    assert list(snapshot["files"]) == [
        "train.py", "src/model.py", "src/run.sh", "a.json", "annotations.json",
    ]  # fmt: skip
    assert [one["path"] for one in snapshot["left_out"]] == ["bounds.txt", "src/z.json"]


def test_the_script_is_kept_before_all_else(project, monkeypatch):
    monkeypatch.setattr(_capture, "LARGEST_SNAPSHOT", 10)
    (project / "a.py").write_text("x" * 10)

    assert list(files()) == ["train.py"]


def test_what_the_limits_leave_out_is_named_with_why(project, monkeypatch):
    monkeypatch.setattr(_capture, "LARGEST_FILE", 1_000)
    monkeypatch.setattr(_capture, "LARGEST_SNAPSHOT", 1_500)
    (project / "a.json").write_text("x" * 1_001)
    for name in ("b.py", "c.py", "d.py"):
        (project / name).write_text("y" * 700)
    (project / "e.py").symlink_to(project / "b.py")

    snapshot = _capture.snapshot()

    assert snapshot
    assert sorted(snapshot["files"]) == ["b.py", "c.py", "train.py"]
    named = {one["path"]: (one["why"], one["size"]) for one in snapshot["left_out"]}
    assert named == {
        "a.json": ("larger than 0.000953674 MiB", 1_001),
        "d.py": ("more than 0.00143051 MiB of code", 700),
        "e.py": ("a link", None),
    }
    shas = {one["path"]: one["sha256"] for one in snapshot["left_out"]}
    assert shas["d.py"] == hashlib.sha256(b"y" * 700).hexdigest()
    assert shas["e.py"] == ""
    assert snapshot["left_out_more"] == 0


def test_a_script_that_changes_its_folder_first_is_recorded(tmp_path):
    code = "import os; os.chdir('/'); from metascope import _capture; print(_capture.snapshot())"
    (tmp_path / "train.py").write_text(code)

    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip

    assert ast.literal_eval(done.stdout)["files"] == {"train.py": code}


def test_of_other_kinds_of_files_those_that_git_knows_are_named(project):
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(project), *arguments], check=True, capture_output=True)

    (project / "kernel.cu").write_text("__global__ void f();\n")
    (project / "gone.cu").write_text("")
    (project / "key.pem").write_text("secret")
    (project / "hidden.cu").write_text("secret")
    (project / ".metascopeignore").write_text("hidden.cu\n")
    git("init")
    git("add", "kernel.cu", "gone.cu", "key.pem", "hidden.cu", "train.py")
    (project / "gone.cu").unlink()

    snapshot = _capture.snapshot()

    assert snapshot
    assert [(one["path"], one["why"]) for one in snapshot["left_out"]] == [
        ("kernel.cu", "not a kind of file that is recorded")
    ]


def test_names_of_what_is_left_out_are_bounded_and_the_others_counted(project, monkeypatch):
    monkeypatch.setattr(_capture, "LARGEST_FILE", 0)
    monkeypatch.setattr(_left_out, "MOST_READ", 5)
    for number in range(_left_out.MOST_NAMED + 20):
        (project / f"m{number:03}.py").write_text("x")

    snapshot = _capture.snapshot()

    assert snapshot
    assert len(snapshot["left_out"]) == _left_out.MOST_NAMED
    assert snapshot["left_out_more"] == 21
    assert sum(bool(one["sha256"]) for one in snapshot["left_out"]) == 5


def test_a_patch_that_is_too_long_says_so(project, monkeypatch):
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(project), *arguments], check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("-c", "user.email=a@example.org", "-c", "user.name=A", "commit", "-m", "first")
    (project / "train.py").write_text("print(2)\n")
    monkeypatch.setattr(_capture, "LARGEST_PATCH", 20)

    snapshot = _capture.snapshot()

    assert snapshot
    assert re.fullmatch(
        r"# \d+ characters of uncommitted changes are left out: more than the limit\n",
        snapshot["patch"],
    )


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


def test_a_commit_that_is_checked_out_alone_is_of_no_branch(project):
    def git(*arguments: str) -> None:
        name = ("-c", "user.email=a@example.org", "-c", "user.name=A")
        subprocess.run(["git", "-C", str(project), *name, *arguments], check=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    git("checkout", "-q", "--detach")

    snapshot = _capture.snapshot()

    assert snapshot
    assert (snapshot["git_branch"], len(snapshot["git_commit"])) == ("", 40)


def test_the_limits_and_the_ignore_file_hold_in_a_repository_too(project, monkeypatch):
    subprocess.run(["git", "-C", str(project), "init"], check=True, capture_output=True)
    monkeypatch.setattr(_capture, "LARGEST_FILE", 100)
    (project / "large.py").write_text("x" * 101)
    (project / "secret.py").write_text("x")
    (project / ".metascopeignore").write_text("secret.py\n")

    assert list(files()) == ["train.py"]


def test_files_that_hold_credentials_are_not_recorded(project):
    kept = ["secrets.py", "tokenizer.json", "credentials_test.py"]
    for name in [
        *kept,
        "credentials.json",
        "conf-secrets.yaml",
        "service-account.json",
        "token.json",
    ]:
        (project / name).write_text("{}")

    assert set(files()) == {"train.py", *kept}


def test_the_patch_has_nothing_of_what_the_ignore_files_name(project):
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(project), *arguments], check=True, capture_output=True)

    hidden = ["mysecrets.py", "private/creds.yaml", "conf/a.yaml", "deep/own.py", "gone.py",
              "odd *[x].py", ".env.d/x.sh"]  # fmt: skip
    for name in [*hidden, "train.py", "sub/conf/a.yaml"]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("plain\n")
    (project / ".metascopeignore").write_text(
        "mysecrets.py\nprivate/\n/conf/a.yaml\ngone.py\nodd*\n"
    )
    (project / "deep" / ".metascopeignore").write_text("own.py\n")
    git("init")
    git("add", "-f", ".")
    git("-c", "user.email=a@example.org", "-c", "user.name=A", "commit", "-m", "first")
    for name in [*hidden, "train.py", "sub/conf/a.yaml"]:
        (project / name).write_text("changed\n")
    (project / "gone.py").unlink()
    git("mv", "mysecrets.py", "private/moved.py")

    snapshot = _capture.snapshot()

    assert snapshot
    assert sorted(snapshot["files"]) == ["sub/conf/a.yaml", "train.py"]
    assert re.findall(r"^diff .* b/(.*)$", snapshot["patch"], re.M) == sorted(snapshot["files"])
    assert snapshot["patch"].count("changed") == 2


def test_a_repository_with_ignored_changes_alone_has_no_patch(project):
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(project), *arguments], check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("-c", "user.email=a@example.org", "-c", "user.name=A", "commit", "-m", "first")
    (project / "train.py").write_text("print('secret')\n")
    (project / ".metascopeignore").write_text("*\n")

    snapshot = _capture.snapshot()

    assert snapshot
    assert (snapshot["files"], snapshot["patch"]) == ({}, "")


PATTERNS = ["a.py", "/a.py", "data/", "data/raw/", "/conf/a.yaml", "conf/*.yaml", "**/x/*.py",
            "x/**", "a/**/b.py", "*.py\n!keep.py", "data/\n!data/keep.py", "data/*\n!data/keep.py",
            "[!a-b].py", "[]x].py", "?.py", "\\#a.py", "\\!a.py", "# a.py", "a.py  ", "", "/",
            "x**y.py", "[a", "sp\\ ace.py", "**", "/*\n!/data"]  # fmt: skip
NAMES = ["a.py", "b.py", "c.py", "].py", "#a.py", "!a.py", "keep.py", "sub/a.py", "data/keep.py",
         "data/raw/x.py", "sub/data/raw/x.py", "raw/x.py", "conf/a.yaml", "sub/conf/a.yaml",
         "conf/deep/a.yaml", "x/one.py", "sub/x/one.py", "a/b.py", "a/c/d/b.py", "x1/2y.py",
         "x12y.py", "data.py", "sp ace.py"]  # fmt: skip


@pytest.mark.parametrize("patterns", PATTERNS)
def test_patterns_are_understood_as_git_does(project, patterns):
    subprocess.run(["git", "-C", str(project), "init"], check=True, capture_output=True)
    for name in NAMES:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x")
    (project / IGNORE_FILE).write_text(patterns + "\n")
    listed = subprocess.run(
        ["git", "-C", str(project), "ls-files", "-z", "-o", "--exclude-per-directory", IGNORE_FILE,
         "--", *(f":(literal){name}" for name in NAMES)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip

    ignored = Ignored(project)

    assert {name for name in NAMES if name not in ignored} == set(listed.split("\0")) - {""}


def test_an_ignore_file_that_cannot_be_read_ignores_its_folder(project):
    (project / IGNORE_FILE).mkdir()

    assert files() == {}


def test_only_variables_of_the_list_are_recorded_and_secrets_among_them_are_masked(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("SLURM_JOB_TOKEN", "abc")
    monkeypatch.setenv("SLURM_JWT", "abc")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_use_fma --api_key=abc")
    monkeypatch.setenv("TORCH_HOME", "https://ada:word@example.org/")
    monkeypatch.setenv("HOME_OF_ADA", "private")

    found = _capture.environment()

    assert found["variables"]["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert found["variables"]["SLURM_JOB_TOKEN"] == "[masked]"
    assert found["variables"]["SLURM_JWT"] == "[masked]"
    assert found["variables"]["XLA_FLAGS"] == "--xla_cpu_use_fma --api_key=[masked]"
    assert found["variables"]["TORCH_HOME"] == "https://example.org/"
    assert not {"HOME_OF_ADA", "PATH", "HOME"} & set(found["variables"])


def test_python_system_packages_and_hardware_are_recorded():
    found = _capture.environment()

    assert found["python"] == platform.python_version()
    assert platform.system() in found["platform"]
    assert found["packages"]["urllib3"]
    assert found["cpu"]
    assert found["cpu_count"] == os.cpu_count()
    assert found["memory_gib"] > 0
    assert isinstance(found["gpus"], list)


def test_the_client_imports_no_framework_and_nothing_of_the_server():
    code = (
        "import sys, metascope; "
        "heavy = {'torch', 'numpy', 'django', 'experiments', 'pandas', 'tensorflow'}; "
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_variables_of_tensorflow_are_recorded_and_those_of_terraform_are_not(monkeypatch):
    ours = [
        "CPP_MIN_LOG_LEVEL",
        "CONFIG",
        "ENABLE_ONEDNN_OPTS",
        "GPU_ALLOCATOR",
        "DETERMINISTIC_OPS",
    ]
    for name in [*ours, "NUM_INTRAOP_THREADS", "USE_LEGACY_KERAS"]:
        monkeypatch.setenv(f"TF_{name}", "tensorflow")
    for name in [
        "VAR_db",
        "LOG",
        "CLI_ARGS",
        "TOKEN_app",
        "DATA_DIR",
        "INPUT",
        "WORKSPACE",
        "CLI_CONFIG_FILE",
    ]:
        monkeypatch.setenv(f"TF_{name}", "terraform")

    found = _capture.environment()["variables"]

    assert list(found.values()).count("tensorflow") == 7
    assert "terraform" not in found.values()
