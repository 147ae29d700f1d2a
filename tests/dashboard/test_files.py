"""Files and artifacts on pages: who gets them, what is shown of them, and what never is."""

import hashlib
import io

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.lineage_view import MOST_IN_COLUMN, LineageView
from experiments import artifacts, blobs, files
from experiments.comparing import trees
from experiments.models import ArtifactAlias, BlobUpload, Project, Run
from tests import factories as make

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SCRIPT = b"<script>alert(1)</script>"


@pytest.fixture
def project(data_dir) -> Project:
    lab = make.make_workspace("lab", ada="member", vera="viewer")
    make.make_workspace("elsewhere", eve="admin")
    return make.make_project(lab, "sinusoid")


@pytest.fixture
def run(project) -> Run:
    run = make.make_run(project, "maml-s0", status="completed")
    put(run, "notes.txt", SCRIPT)
    put(run, "figures/loss.png", PNG)
    put(run, "figures/fake.png", SCRIPT)
    put(run, "figures/vector.svg", b"<svg/>")
    return run


def put(run: Run, path: str, data: bytes) -> None:
    files.put(files.of_run(run), path, io.BytesIO(data))


def log(project: Project, name="split", *, run=None, metadata=None, aliases=(), **contents: bytes):
    stored = []
    for path, data in contents.items():
        blob = blobs.put(data)
        BlobUpload.objects.get_or_create(workspace=project.workspace, blob=blob)
        stored.append(artifacts.Stored(path=path, sha256=blob.sha256))
    return artifacts.log_version(
        project=project, user=None, name=name, kind="dataset", stored=stored, run=run,
        metadata=metadata, aliases=aliases,
    ).version  # fmt: skip


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(make.make_user(name))
    return client


def page(url: str, **query: str) -> str:
    answer = signed_in("vera").get(url, query)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_the_tab_lists_a_folder_of_the_run_and_opens_a_text_escaped(run):
    url = reverse("run", args=[run.pk])

    top = page(url, tab="files")
    folder = page(url, tab="files", path="figures")
    text = page(url, tab="files", path="notes.txt")

    assert 'Files<span class="count">4</span>' in top
    assert "?tab=files&amp;path=figures" in top
    assert "loss.png" not in top
    assert hashlib.sha256(PNG).hexdigest() in folder
    assert "path=figures/vector.svg" in folder
    assert f"{reverse('run_file_picture', args=[run.pk])}?path=figures/loss.png" in folder
    assert "picture/?path=figures/vector.svg" not in folder
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert SCRIPT.decode() not in text


def test_an_open_file_is_what_its_bytes_say(run):
    url, shown = reverse("run", args=[run.pk]), '<div class="file-picture">'

    assert shown in page(url, tab="files", path="figures/loss.png")
    fake = page(url, tab="files", path="figures/fake.png")
    assert shown not in fake
    assert "&lt;script&gt;" in fake


def test_the_tab_says_what_is_not_there(project):
    url = reverse("run", args=[make.make_run(project).pk])

    assert "No files yet" in page(url, tab="files")
    assert "There is no file or folder <code>gone</code>" in page(url, tab="files", path="gone")
    assert signed_in("vera").get(url, {"tab": "files", "path": "../x"}).status_code == 400


def test_a_text_whose_bytes_are_lost_leaves_the_rest_of_the_page(run, data_dir):
    lost = list((data_dir / "blobs").rglob(hashlib.sha256(SCRIPT).hexdigest() + "*"))
    assert len(lost) == 1
    lost[0].unlink()

    text = page(reverse("run", args=[run.pk]), tab="files", path="notes.txt")

    assert "It cannot be read." in text
    assert "figures" in text


def test_a_download_streams_and_is_never_shown(run):
    url = reverse("run_file_content", args=[run.pk])

    whole = signed_in("vera").get(url, {"path": "notes.txt"})
    part = signed_in("vera").get(url, {"path": "notes.txt"}, headers={"Range": "bytes=1-6"})

    assert whole.streaming
    assert b"".join(whole.streaming_content) == SCRIPT
    assert whole["Content-Type"] == "application/octet-stream"
    assert whole["Content-Disposition"].startswith("attachment")
    assert (part.status_code, b"".join(part.streaming_content)) == (206, b"script")


def test_only_bytes_of_a_raster_picture_are_sent_as_one(run):
    url = reverse("run_file_picture", args=[run.pk])
    vera = signed_in("vera")

    good = vera.get(url, {"path": "figures/loss.png"})

    assert (good.status_code, good["Content-Type"], good.content) == (200, "image/png", PNG)
    assert good["X-Content-Type-Options"] == "nosniff"
    assert good["Content-Security-Policy"] == "sandbox; default-src 'none'"
    for path in ("figures/fake.png", "figures/vector.svg", "notes.txt", "none.png"):
        assert vera.get(url, {"path": path}).status_code == 404


def test_a_large_picture_is_for_downloading(run):
    put(run, "large.png", PNG + bytes(2_000_000))
    url = reverse("run_file_picture", args=[run.pk])

    assert signed_in("vera").get(url, {"path": "large.png"}).status_code == 404


def test_a_run_shows_the_versions_it_made_and_read(project, run):
    made = log(project, "learner", run=run, aliases=["best"], a=b"1")
    artifacts.use(run, log(project, "split", b=b"2"))

    text = page(reverse("run", args=[run.pk]), tab="files")

    assert "learner:1</a>" in text
    assert "split:1</a>" in text
    assert text.index("made it") < text.index("read it")
    assert f"/p/lab/sinusoid/artifacts/learner/?version={made.number}" in text


ADDRESSES = [
    "/runs/{run}/?tab=files",
    "/runs/{run}/files/content/?path=notes.txt",
    "/runs/{run}/files/picture/?path=figures/loss.png",
    "/p/lab/sinusoid/artifacts/",
    "/p/lab/sinusoid/artifacts/split/",
    "/p/lab/sinusoid/artifacts/split/1/content/?path=pic.png",
    "/p/lab/sinusoid/artifacts/split/1/picture/?path=pic.png",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_members_get_it_and_strangers_do_not(project, run, address):
    log(project, **{"pic.png": PNG})
    url = address.format(run=run.pk)

    seen = signed_in("vera").get(url)
    seen.close()  # of the file that a download holds open

    assert seen.status_code == 200
    assert signed_in("eve").get(url).status_code == 404
    assert Client().get(url).status_code == 302


def test_the_list_is_filtered_by_kind_and_name_and_comes_in_pages(project):
    for number in range(53):
        log(project, f"part-{number:02}", a=str(number).encode())
    url = reverse("artifacts", args=["lab", "sinusoid"])

    first, second = page(url), page(url, offset="50")

    assert "53 artifacts" in first
    assert first.count('<th scope="row">') == 50
    assert 'href="?offset=50"' in first
    assert second.count('<th scope="row">') == 3
    assert "part-52" in page(url, name="PART-5", kind="dataset")
    assert "part-09" not in page(url, name="PART-5")
    assert "No artifact matches" in page(url, kind="model")


def test_queries_do_not_grow_with_artifacts(project, run, django_assert_max_num_queries):
    vera = signed_in("vera")
    for number in range(30):
        log(project, f"part-{number:02}", run=run, aliases=["best"], a=str(number).encode())

    with django_assert_max_num_queries(16):
        vera.get(reverse("artifacts", args=["lab", "sinusoid"]))
    with django_assert_max_num_queries(32):
        vera.get(reverse("run", args=[run.pk]), {"tab": "files"})


def test_a_version_shows_its_files_metadata_and_what_it_has_not_in_common(project):
    log(project, metadata={"rows": 77_777}, a=b"1", b=b"22", c=b"3")
    log(project, a=b"1", b=b"4444", d=b"5")
    url = reverse("artifact", args=["lab", "sinusoid", "split"])

    newest, first = page(url), page(url, version="v1")
    text = page(url, version="2", **{"with": "1"})

    assert "77,777" not in newest
    assert "77,777" in first
    assert "1 added, 1 removed, 1 changed, 1 the same" in text
    assert "+ added" in text
    assert "− removed" in text
    assert signed_in("vera").get(url, {"version": "9"}).status_code == 404


def test_a_diff_lists_the_first_and_counts_all(project, monkeypatch):
    monkeypatch.setattr(trees, "MOST_LISTED", 2)
    old = log(project, z=b"0")
    new = log(project, **{f"f{number}": b"1" for number in range(5)})

    diff = trees.compare(old.files, new.files)

    assert (diff.added.count, [one.path for one in diff.added.files]) == (5, ["f0", "f1"])
    assert (diff.removed.count, diff.changed.count, diff.same) == (1, 0, 0)


def test_lineage_stands_in_columns_and_a_crowded_one_is_cut(project):
    maker = make.make_run(project, "maker", status="completed")
    raw, version = log(project, "raw", a=b"0"), log(project, run=maker, a=b"1")
    artifacts.use(maker, raw)
    for number in range(MOST_IN_COLUMN + 3):
        artifacts.use(make.make_run(project, f"reader-{number}"), version)

    view = LineageView.of(version, make.make_user("ada"))

    columns = {step.name: step.column for step in view.steps}
    assert (columns["raw:1"], columns["maker"], columns["split:1"]) == (-2, -1, 0)
    assert columns["reader-0"] == 1
    assert view.hidden == 3
    assert len(view.lines) == 2 + MOST_IN_COLUMN
    assert len({(box.x, box.y) for box in view.boxes}) == len(view.boxes)


def test_a_run_that_read_what_it_made_is_drawn_once(project):
    run = make.make_run(project, "loop")
    version = log(project, run=run, a=b"1")
    artifacts.use(run, version)

    assert [step.name for step in LineageView.of(version, make.make_user("ada")).steps] == [
        "loop",
        "split:1",
    ]


def test_members_move_aliases_and_viewers_do_not(project):
    log(project, aliases=["best"], a=b"1")
    log(project, a=b"2")
    url = reverse("artifact_alias", args=["lab", "sinusoid", "split"])
    wanted = {"alias": "best", "version": "2"}

    assert signed_in("vera").post(url, wanted).status_code == 403
    assert signed_in("eve").post(url, wanted).status_code == 404
    assert ArtifactAlias.objects.get().version.number == 1
    signed_in("ada").post(url, wanted)
    assert ArtifactAlias.objects.get().version.number == 2
    assert signed_in("ada").post(url, {**wanted, "alias": "latest"}).status_code == 400
    signed_in("ada").post(url, {**wanted, "remove": "1"})
    assert not ArtifactAlias.objects.exists()
