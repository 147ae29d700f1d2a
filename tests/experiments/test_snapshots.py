"""Snapshots: whole, deduplicated, confined to their folder, without credentials."""

import pytest

from experiments import snapshots
from experiments.errors import Invalid, TooLarge
from experiments.models import Blob, Snapshot
from tests.factories import make_workspace

pytestmark = pytest.mark.django_db

FILES = {"worker/train.py": b"print(1)\n", "README.md": b""}


def test_files_and_git_state_come_back():
    snapshot = snapshots.store(
        workspace=make_workspace(),
        files=FILES,
        git_commit="a" * 40,
        git_branch="main",
        git_remote="https://ada:secret@git.example/lab/nets.git?token=1",
        patch=b"diff --git",
    )

    assert snapshots.load(snapshot) == FILES
    assert snapshots.load_patch(snapshot) == b"diff --git"
    assert snapshot.git_commit == "a" * 40
    assert snapshot.git_remote == "https://git.example/lab/nets.git"


def test_equal_content_in_a_workspace_is_one_snapshot():
    workspace = make_workspace()

    first = snapshots.store(workspace=workspace, files=FILES)
    second = snapshots.store(workspace=workspace, files=dict(reversed(FILES.items())))

    assert first == second
    assert Snapshot.objects.count() == 1


def test_workspaces_share_bytes_but_not_snapshots():
    one = snapshots.store(workspace=make_workspace("lab"), files=FILES)
    other = snapshots.store(workspace=make_workspace("rival"), files=FILES)

    assert one != other
    assert Blob.objects.count() == 2


def test_an_edit_or_another_commit_makes_another_snapshot():
    workspace = make_workspace()
    digests = {
        snapshots.store(workspace=workspace, files=files, **git).digest
        for files, git in [
            (FILES, {}),
            ({**FILES, "README.md": b"x"}, {}),
            (FILES, {"git_commit": "b" * 40}),
            (FILES, {"patch": b"p"}),
        ]
    }

    assert len(digests) == 4


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../up", "a/../b", "a//b", "./a", "a/", "", "C:/x", "a\\b", "a\0b", "a\nb",
     "x" * 501, "\ud800"],
)  # fmt: skip
def test_paths_that_leave_the_folder_are_refused(path):
    with pytest.raises(Invalid) as refused:
        snapshots.store(workspace=make_workspace(), files={path: b""})

    assert next(iter(refused.value.fields)).startswith("files.")
    assert not Snapshot.objects.exists()
    assert not Blob.objects.exists()


@pytest.mark.parametrize(
    ("git", "field"),
    [({"git_commit": "HEAD; rm"}, "git_commit"), ({"git_branch": "x" * 251}, "git_branch"),
     ({"git_branch": "a\nb"}, "git_branch")],
)  # fmt: skip
def test_git_state_is_checked(git, field):
    with pytest.raises(Invalid) as refused:
        snapshots.store(workspace=make_workspace(), files=FILES, **git)

    assert list(refused.value.fields) == [field]


def test_limits_are_named(monkeypatch):
    monkeypatch.setattr(snapshots, "MOST_FILES", 1)
    with pytest.raises(TooLarge, match="at most 1 files, this one 2"):
        snapshots.store(workspace=make_workspace(), files=FILES)

    monkeypatch.setattr(snapshots, "MOST_FILES", 10)
    monkeypatch.setattr(snapshots, "MOST_BYTES", 5)
    with pytest.raises(TooLarge, match="at most 5 bytes, this one 9"):
        snapshots.store(workspace=make_workspace(), files=FILES)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://token@host/x.git", "https://host/x.git"),
        ("https://a:b@host:8443/x.git#f", "https://host:8443/x.git"),
        ("ssh://git@host/x.git", "ssh://host/x.git"),
        ("git@host:lab/x.git", "git@host:lab/x.git"),
        ("", ""),
    ],
)
def test_remotes_lose_their_credentials(url, kept):
    assert snapshots.without_credentials(url) == kept
