"""Artifacts of scripts: what was logged is what the server has, whatever happens on the way."""

import os
import time
from pathlib import Path

import metascope
import pytest
from metascope import _bundle, _upload
from metascope._api import Api
from metascope._cli import main
from metascope._errors import Refused, Unreachable
from metascope._settings import load
from metascope._sync import sync

from experiments import access, alerts, artifacts, blobs
from experiments.models import ArtifactUse, ArtifactVersion, ModelVersion, Role, Run
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environment(live_server, tmp_path, monkeypatch, data_dir):
    factories.make_workspace("lab", ada=Role.MEMBER)
    _, token = access.create_token(user=factories.make_user("ada"), name="script")
    for name, value in {
        "METASCOPE_URL": live_server.url,
        "METASCOPE_TOKEN": token,
        "METASCOPE_SPOOL": str(tmp_path / "spool"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def start(**options):
    return metascope.start("sinusoid", console=False, code=False, **options)


def folder_of(tmp_path: Path, files: dict[str, bytes]) -> Path:
    root = tmp_path / "files"
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def contents(version: ArtifactVersion) -> dict[str, bytes]:
    return {file.path: blobs.read(file.blob_id) for file in version.files.files.all()}


FILES = {"train.csv": b"1,2\n", "test/a.csv": b"", "test/\u00e9 b.csv": b"3\n"}


def test_a_folder_is_a_version_that_its_run_made(environment):
    root = folder_of(environment, FILES)
    with start() as run:
        run.log_artifact(root, "split", kind="dataset", aliases=["paper"], metadata={"rows": 2})
        (root / "train.csv").write_bytes(b"changed at once")

    version = ArtifactVersion.objects.get()
    assert contents(version) == FILES
    assert (version.artifact.name, version.artifact.kind) == ("split", "dataset")
    assert version.metadata == {"rows": 2}
    assert [alias.name for alias in version.aliases.all()] == ["paper"]
    use = ArtifactUse.objects.get()
    assert (use.run, use.role) == (Run.objects.get(), "output")
    assert not list((environment / "spool").glob("*/artifact-*"))


def test_large_files_go_in_parts_and_small_ones_side_by_side(environment, monkeypatch):
    monkeypatch.setattr(_upload, "PART_BYTES", 1000)
    monkeypatch.setattr(_bundle, "COPIED_BYTES", 100)
    files = {f"{number}": os.urandom(50 * number) for number in range(60)}
    with start() as run:
        run.log_artifact(folder_of(environment, files), "many")

    assert contents(ArtifactVersion.objects.get()) == files


def test_equal_content_is_sent_once_and_is_one_version(environment, monkeypatch):
    sent = []
    put = Api.put_file
    monkeypatch.setattr(
        Api, "put_file", lambda api, path, *body: sent.append(path) or put(api, path, *body)
    )
    root = folder_of(environment, FILES)
    for _ in range(2):
        with start() as run:
            run.log_artifact(root, "split")

    assert len(sent) == len(FILES)
    assert ArtifactVersion.objects.count() == 1
    assert ArtifactUse.objects.count() == 2


def test_what_broke_off_goes_on_with_sync(environment, monkeypatch):
    """The server goes away at the third file, for good as far as the script can see."""
    monkeypatch.setattr(_upload, "SENT_FILES", 1)
    put, tried = Api.put_file, []

    def failing(api, path, *body):
        tried.append(path)
        if len(tried) >= 3:
            raise Unreachable("gone")
        return put(api, path, *body)

    monkeypatch.setattr(Api, "put_file", failing)
    files = {f"{number}": bytes([number]) for number in range(5)}
    run = start()
    run.log_artifact(folder_of(environment, files), "some")
    assert not run.finish(wait_s=2)
    assert not ArtifactVersion.objects.exists()

    monkeypatch.setattr(Api, "put_file", put)
    (synced,) = sync(load(), print)

    assert synced.is_drained
    assert contents(ArtifactVersion.objects.get()) == files
    assert sync(load(), print) == []


def test_points_do_not_wait_behind_an_artifact(environment, monkeypatch):
    steps = []
    step = _upload.Upload.step

    def slow(upload):
        steps.append(upload)
        time.sleep(0.05)
        return step(upload)

    monkeypatch.setattr(_upload.Upload, "step", slow)
    monkeypatch.setattr(_upload, "SENT_FILES", 1)
    sent = []
    post = Api.post_bytes
    monkeypatch.setattr(Api, "post_bytes", lambda *some: sent.append(len(steps)) or post(*some))
    files = {f"{number}": bytes([number]) for number in range(20)}
    with start() as run:
        run.log_artifact(folder_of(environment, files), "some")
        deadline = time.monotonic() + 30
        while len(steps) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        run.log({"loss": 1.0}, step=0)

    assert ArtifactVersion.objects.get().file_count == 20
    assert 0 < sent[0] < len(steps)


def test_a_large_file_that_changed_is_refused_and_said(environment, monkeypatch):
    monkeypatch.setattr(_bundle, "COPIED_BYTES", 3)
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    root = folder_of(environment, {"weights.pt": b"weights"})
    with start() as run:
        run.log_artifact(root / "weights.pt", kind="model")
    (root / "weights.pt").write_bytes(b"other weights")

    (synced,) = sync(load(), print)

    assert (synced.is_drained, synced.refused) == (True, 1)
    assert not ArtifactVersion.objects.exists()
    (refused,) = (environment / "spool").glob("*/refused.jsonl")
    assert "weights.pt has changed since it was logged" in refused.read_text()


def test_an_address_is_noted_and_not_fetched(environment):
    with start() as run:
        run.log_artifact("s3://bucket/images/train", kind="dataset")

    version = ArtifactVersion.objects.get()
    assert version.artifact.name == "train"
    assert [file.url for file in version.files.files.all()] == ["s3://bucket/images/train"]
    with start() as reader:
        folder = reader.use_artifact("train:latest")
    assert folder.is_dir()
    assert list(folder.iterdir()) == []
    assert ArtifactUse.objects.get(role="input").version == version


@pytest.mark.parametrize(
    ("source", "options"), [("nothing", {}), (".", {"kind": "picture"}), ("empty", {})]
)
def test_what_cannot_be_logged_is_counted_and_the_script_goes_on(environment, source, options):
    (environment / "empty").mkdir()
    with start() as run:
        run.log_artifact(environment / source, **options)
        run.log({"loss": 1.0})

    assert run.lost == 1
    assert run.finish()


def test_a_version_is_used_from_the_cache_and_noted(environment, monkeypatch):
    root = folder_of(environment, FILES)
    with start() as run:
        run.log_artifact(root, "split", aliases=["paper"])
    with start() as reader:
        folder = reader.use_artifact("split:paper")
        found = {path: (folder / path).read_bytes() for path in FILES}
        streamed = []
        monkeypatch.setattr(Api, "stream", lambda *some, **more: streamed.append(some))
        again = reader.use_artifact("split", to=environment / "here")

    assert found == FILES
    assert {path: (again / path).read_bytes() for path in FILES} == FILES
    assert not streamed
    use = ArtifactUse.objects.get(role="input")
    assert use.run.number == 2
    assert use.version == artifacts.resolve(use.run.project, "split")


def test_a_download_goes_on_where_it_broke_off(environment, monkeypatch):
    data = os.urandom(5000)
    with start() as run:
        run.log_artifact(folder_of(environment, {"weights.pt": data}), "weights")
    stream, starts = Api.stream, []

    def breaking(api, path, *, start=0):
        starts.append(start)
        for piece in stream(api, path, start=start):
            if len(starts) < 3:
                yield piece[:1500]
                raise Unreachable("broken off")
            yield piece

    monkeypatch.setattr(Api, "stream", breaking)
    with start() as reader:
        folder = reader.use_artifact("weights")

    assert (folder / "weights.pt").read_bytes() == data
    assert starts == [0, 1500, 3000]


def test_a_model_is_kept_registered_and_used_by_its_alias(environment, monkeypatch):
    root = folder_of(environment, FILES)
    for _ in range(2):
        with start() as run:
            run.register_model(root, "few-shot net", aliases=["champion"])

    version = ModelVersion.objects.get()
    assert (version.model.name, version.number) == ("few-shot net", 1)
    assert version.artifact_version.artifact.name == "few-shot-net"
    assert version.artifact_version.artifact.kind == "model"
    assert version.source_run_id == Run.objects.get(number=1).pk
    with start() as reader:
        by_alias = reader.use_model("few-shot net@champion")
        assert reader.use_model("lab/few-shot net:1") == by_alias
        folder = reader.use_model("few-shot net", to=environment / "here")
    for found in (by_alias, folder):
        assert {path: (found / path).read_bytes() for path in FILES} == FILES
    assert ArtifactUse.objects.get(role="input").version == version.artifact_version


@pytest.mark.parametrize("reference", ["none", "net@best", "net:9", "elsewhere/net", "net:x"])
def test_a_model_that_is_not_there_is_an_error(environment, reference):
    with start() as run:
        run.register_model(folder_of(environment, FILES), "net")
    with start() as run, pytest.raises(Refused):
        run.use_model(reference)


def test_the_command_line_lists_models(environment, capsys):
    with start() as run:
        run.register_model(folder_of(environment, FILES), "net", aliases=["best"])
    capsys.readouterr()

    assert main(["ls", "--models"]) == 0

    assert capsys.readouterr().out.startswith("lab/net:1\t@best=1\t")


@pytest.mark.parametrize("reference", ["split", "split:9", "split:best"])
def test_a_version_that_is_not_there_is_an_error(environment, reference):
    with start() as run:
        run.log_artifact(folder_of(environment, FILES), "other")
    with start() as run, pytest.raises(Refused, match="split"):
        run.use_artifact(reference)


def test_the_command_line_logs_lists_and_fetches(environment, capsys):
    factories.make_project(slug="sinusoid")
    root = folder_of(environment, FILES)

    assert main(["cp", str(root), "sinusoid:split", "--kind", "dataset", "--alias", "a"]) == 0
    assert main(["ls"]) == main(["ls", "lab/sinusoid"]) == 0
    assert main(["ls", "sinusoid:split:a"]) == 0
    assert main(["cp", "sinusoid:split:1", str(environment / "out")]) == 0

    assert {path: (environment / "out" / path).read_bytes() for path in FILES} == FILES
    printed = capsys.readouterr().out
    assert "lab/sinusoid:split:1\t6 B" in printed
    (root / "more.csv").write_bytes(b"4\n")
    assert main(["cp", str(root), "sinusoid:split", "--kind", "dataset"]) == 0
    assert "lab/sinusoid:split:2\t" in capsys.readouterr().out
    assert main(["cp", str(environment / "out"), "sinusoid:split", "--kind", "dataset"]) == 0
    assert "lab/sinusoid:split:1\t6 B" in capsys.readouterr().out  # what it was
    assert ArtifactVersion.objects.count() == 2
    assert "split:1\tdataset" in printed
    assert "train.csv\t4 B" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cp", "nothing", "here"], "no file nothing"),
        (["cp", "sinusoid:none", "here"], "no artifact 'none'"),
        (["ls", "none"], "no project 'none'"),
        (["cp", ".", ":x"], "name a project"),
    ],
)
def test_the_command_line_says_what_is_wrong_in_a_sentence(environment, capsys, arguments, said):
    factories.make_project(slug="sinusoid")

    assert main(arguments) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_the_command_line_makes_the_project_as_start_does(environment, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")

    for project in ("fresh", "lab/fresh", "lab/other"):
        assert main(["cp", str(tmp_path / "data"), f"{project}:name"]) == 0

    printed = capsys.readouterr()
    places = [line.rpartition(":")[0] for line in printed.out.splitlines()]
    assert places == ["lab/fresh:name", "lab/fresh:name", "lab/other:name"]
    made = [line for line in printed.err.splitlines() if line.endswith(" made")]
    assert made == ["project lab/fresh made", "project lab/other made"]


def test_a_registered_model_tells_its_version(environment, tmp_path):
    (tmp_path / "net.pt").write_text("1")
    with metascope.start("sinusoid", console=False, code=False, system=False) as run:
        first = run.register_model(tmp_path / "net.pt", "learner")
        (tmp_path / "net.pt").write_text("2")
        second = run.register_model(tmp_path / "net.pt", "learner")
        assert (first.version, second.version) == (1, 2)
        assert run.register_model(tmp_path / "none.pt", "learner").version is None
    assert second.version == 2


def test_a_registered_model_has_no_version_offline(environment, tmp_path, monkeypatch):
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    (tmp_path / "net.pt").write_text("1")
    with metascope.start("sinusoid", console=False, code=False, system=False) as run:
        assert run.register_model(tmp_path / "net.pt", "learner").version is None


def test_what_the_server_refuses_is_said_shown_on_the_run_and_sent_again(
    environment, tmp_path, capsys
):
    (tmp_path / "a.txt").write_text("a")
    with metascope.start("sinusoid", console=False, code=False, system=False) as run:
        run.log_artifact(tmp_path / "a.txt", "bad name/with slash")

    said = capsys.readouterr().err
    assert "the server refused artifact 'bad name/with slash': " in said
    (alert,) = alerts.of_run(Run.objects.get())
    assert alert.title == "The server refused 1 record of this run"
    assert "bad name/with slash" in alert.text
    assert main(["sync", "--retry-refused"]) == 1
    said = capsys.readouterr()
    assert "the server refused 1 record, kept in" in said.out  # and why, as before
    (spool,) = (tmp_path / "spool").iterdir()
    assert f"the server refused a part of {spool.name}" in said.err
    assert alerts.of_run(Run.objects.get()) == [alert]
    (bundle,) = (tmp_path / "spool").glob("*/artifact-*.json")
    bundle.write_text(bundle.read_text().replace("bad name/with slash", "good"))

    assert main(["sync", "--retry-refused"]) == 0

    assert ArtifactVersion.objects.get().artifact.name == "good"
    assert main(["sync", "--retry-refused"]) == 0
    assert "Nothing is waiting." in capsys.readouterr().out


def test_what_this_run_has_just_logged_is_the_latest(environment):
    file = environment / "data.txt"
    with start(system=False) as run:
        for text in ("A", "B", "C"):
            file.write_text(text)
            run.log_artifact(file, "data")
            folder = run.use_artifact("data:latest")
            assert (folder / "data.txt").read_text() == text
        file.write_text("D")
        run.register_model(file, "net")
        assert (run.use_model("net:1") / "data.txt").read_text() == "D"

    uses = ArtifactUse.objects.filter(version__artifact__name="data")
    assert uses.count() == 2 * uses.values("version").distinct().count() == 6  # made, and read


def test_what_this_run_has_logged_is_never_an_older_one(environment, monkeypatch):
    file = environment / "data.txt"
    file.write_text("A")
    with start(system=False) as run:
        run.log_artifact(file, "data")
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    file.write_text("B")

    with start(system=False) as run:
        run.log_artifact(file, "data")
        with pytest.raises(Unreachable, match="not sent yet"):
            run.use_artifact("data")


def test_what_the_server_refused_of_this_run_is_not_taken_for_an_older_one(environment):
    file = environment / "data.txt"
    file.write_text("A")
    with start(system=False) as run:
        run.log_artifact(file, "data")
        run.use_artifact("data")
        run.log_artifact(file, "data", aliases=["7"])  # as versions are numbered
        with pytest.raises(Refused, match="did not take"):
            run.use_artifact("data")
