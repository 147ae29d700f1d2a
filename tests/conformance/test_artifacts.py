"""Artifacts: files of a run, by any name, listed by their own names, never outside their tree."""

from pathlib import Path

import numpy as np
import pytest
from mlflow.entities.multipart_upload import MultipartUploadPart
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
from requests.exceptions import HTTPError

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def place(client, run) -> str:
    """The path of a run's files on the server."""
    return client.get_run(run).info.artifact_uri.removeprefix("mlflow-artifacts:/")


NAMES = ["plain.txt", "a b+c&d'e.txt", "[x] 100%.bin", "naïve 实验.json", "empty", "x=1;y,z@!$()"]


def test_files_of_any_name_come_back_as_they_went(client, run, tmp_path):
    folder = tmp_path / "up"
    (folder / "sub folder" / "deep").mkdir(parents=True)
    contents = {name: b"" if name == "empty" else name.encode() * 3 for name in NAMES}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        (folder / "sub folder" / "deep" / name).write_bytes(content)

    client.log_artifacts(run, str(folder), "logged")

    listed = client.list_artifacts(run, "logged")
    assert [one.path for one in listed if one.is_dir] == ["logged/sub folder"]
    sizes = {one.path.removeprefix("logged/"): one.file_size for one in listed if not one.is_dir}
    assert sizes == {name: len(content) for name, content in contents.items()}
    down = client.download_artifacts(run, "logged", str(tmp_path))
    for name, content in contents.items():
        for where in ("", "/sub folder/deep"):
            with open(f"{down}{where}/{name}", "rb") as file:
                assert file.read() == content


def test_a_file_is_replaced(client, run):
    for text in ("first", "second, longer"):
        client.log_text(run, text, "a/note.txt")
    (entry,) = client.list_artifacts(run, "a")
    assert (entry.path, entry.file_size) == ("a/note.txt", 14)


def test_a_large_file_goes_in_one_request(client, run, tmp_path):
    content = bytes(range(256)) * 4096 * 40  # over the limit of other bodies
    (tmp_path / "large.bin").write_bytes(content)
    client.log_artifact(run, str(tmp_path / "large.bin"))
    (tmp_path / "down").mkdir()
    down = client.download_artifacts(run, "large.bin", str(tmp_path / "down"))
    with open(down, "rb") as file:
        assert file.read() == content


class TestParts:
    """Uploads in parts, which clients ask for where files are large."""

    CONTENT = bytes(range(256)) * 401

    @pytest.fixture
    def file(self, tmp_path, monkeypatch):
        """One that counts as large: of eleven parts, the last one smaller."""
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1000")
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", "10000")
        path = tmp_path / "a b+é.bin"
        path.write_bytes(self.CONTENT)
        return path

    @pytest.fixture
    def sent(self, monkeypatch) -> list[str]:
        """The last word of each address that parts went to."""
        seen = []
        put = HttpArtifactRepository._upload_part

        def noted(credential, *words, **named):
            seen.append(int(credential.url.rpartition("/")[2]))
            return put(credential, *words, **named)

        monkeypatch.setattr(HttpArtifactRepository, "_upload_part", staticmethod(noted))
        return seen

    @pytest.mark.parametrize("forced", [True, False])
    def test_a_large_file_goes_in_parts_told_to_or_by_itself(
        self, client, run, file, sent, tmp_path, monkeypatch, forced
    ):
        if forced:
            monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")

        client.log_artifact(run, str(file), "deep/er")

        assert sorted(sent) == list(range(1, 12))
        (entry,) = client.list_artifacts(run, "deep/er")
        assert (entry.path, entry.file_size) == ("deep/er/a b+é.bin", len(self.CONTENT))
        (tmp_path / "down").mkdir()
        down = client.download_artifacts(run, entry.path, str(tmp_path / "down"))
        assert Path(down).read_bytes() == self.CONTENT

    def test_told_not_to_it_goes_in_one_request(self, client, run, file, sent, monkeypatch):
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "false")
        client.log_artifact(run, str(file))
        assert sent == []
        assert [one.file_size for one in client.list_artifacts(run)] == [len(self.CONTENT)]

    def test_files_of_a_model_go_in_parts_too(self, client, experiment, run, file, sent):
        model = client.create_logged_model(experiment, name="net", source_run_id=run)
        client.log_model_artifacts(model.model_id, str(file.parent))
        assert len(sent) == 11
        listed = client.list_logged_model_artifacts(model.model_id)
        assert [one.file_size for one in listed] == [len(self.CONTENT)]

    def test_a_part_that_fails_aborts_and_leaves_no_file(self, client, run, file, monkeypatch):
        put, ended = HttpArtifactRepository._upload_part, []

        def broken(credential, *words, **named):
            if credential.part_number == 5:
                credential.headers["Authorization"] = "Ticket no"
            return put(credential, *words, **named)

        abort = HttpArtifactRepository.abort_multipart_upload

        def noted(repository, local_file, upload_id, artifact_path=None):
            abort(repository, local_file, upload_id, artifact_path)
            ended.append((repository, upload_id))

        monkeypatch.setattr(HttpArtifactRepository, "_upload_part", staticmethod(broken))
        monkeypatch.setattr(HttpArtifactRepository, "abort_multipart_upload", noted)
        with pytest.raises(MlflowException, match="at least one part"):
            client.log_artifact(run, str(file))

        assert client.list_artifacts(run) == []
        ((repository, upload_id),) = ended
        with pytest.raises(HTTPError, match="404"):
            repository.complete_multipart_upload(str(file), upload_id, [])

    def test_it_goes_on_after_a_part_was_lost(self, client, run, file):
        repository = get_artifact_repository(client.get_run(run).info.artifact_uri)
        begun = repository.create_multipart_upload(str(file), 2)
        half = len(self.CONTENT) // 2 + 1
        sizes = {"size": half, "local_file": str(file)}
        first, second = begun.credentials
        parts = [repository._upload_part(first, start_byte=0, **sizes)]
        lost = MultipartUploadPart(2, parts[0].etag)
        with pytest.raises(HTTPError, match="Part 2 is not here"):
            repository.complete_multipart_upload(str(file), begun.upload_id, [*parts, lost])
        parts.append(repository._upload_part(second, start_byte=half, **sizes))

        for _ in range(2):  # the answer to the first may be lost
            repository.complete_multipart_upload(str(file), begun.upload_id, parts)

        assert [one.file_size for one in client.list_artifacts(run)] == [len(self.CONTENT)]


def test_a_download_that_was_told_to_go_in_parts_falls_back(client, run, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    client.log_text(run, "text", "a.txt")
    assert Path(client.download_artifacts(run, "a.txt", str(tmp_path))).read_text() == "text"


def test_listing_what_is_missing_or_a_file_is_empty(server, client, run, place):
    client.log_text(run, "x", "a/note.txt")
    for path in ("none", "a/note.txt", "a/none"):
        assert client.list_artifacts(run, path) == []
        answer = server.call("GET", ROOT, params={"path": f"{place}/{path}"})
        assert (answer.status_code, answer.json().get("files", [])) == (200, [])
    answer = server.call("GET", ROOT, params={"path": f"{place}/a"})
    assert answer.json()["files"] == [{"path": "note.txt", "is_dir": False, "file_size": 1}]


def test_downloading_what_is_missing_or_a_folder_is_404(server, client, run, place):
    client.log_text(run, "x", "a/note.txt")
    for path in ("none", "a"):
        answer = server.call("GET", f"{ROOT}/{place}/{path}")
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_a_download_is_never_shown_by_a_browser(server, client, run, place):
    client.log_text(run, "<script>", "a.html")
    answer = server.call("GET", f"{ROOT}/{place}/a.html")
    assert answer.text == "<script>"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def _encoded(path: str, times: int) -> str:
    for _ in range(times):
        path = path.replace("%", "%25") if "%" in path else path.replace(".", "%2e")
    return path


@pytest.mark.parametrize("times", [0, 1, 2, 3])
@pytest.mark.parametrize("path", ["../../../x", "a/../../x", "..", "a/.."])
def test_a_path_that_climbs_is_refused(server, place, path, times):
    climbing = _encoded(path, times)
    assert server.call("GET", ROOT, params={"path": f"{place}/{climbing}"}).status_code == 400
    if times > 0:  # the library that sends resolves plain ones itself
        address = f"{ROOT}/{place}/{_encoded(climbing, 1)}"
        assert server.call("GET", address).status_code == 400
        assert server.call("PUT", address, data=b"x").status_code == 400


@pytest.mark.parametrize("path", ["/etc/passwd", "%2Fetc/passwd", "a%23b", "a\\..\\b"])
def test_a_path_that_is_absolute_or_holds_a_hash_is_refused(server, place, path):
    assert server.call("GET", ROOT, params={"path": path}).status_code == 400


def test_files_of_another_or_no_run_are_404(server, client, run, place):
    wrong = place.replace(run, "0" * 16)
    assert server.call("GET", ROOT, params={"path": wrong}).status_code == 404
    assert server.call("PUT", f"{ROOT}/{wrong}/a", data=b"x").status_code == 404
    assert server.call("PUT", f"{ROOT}/12345/{run}/artifacts/a", data=b"x").status_code == 404


def test_a_deleted_run_keeps_its_files_and_takes_no_more(client, run):
    client.log_text(run, "x", "a.txt")
    client.delete_run(run)
    assert [one.path for one in client.list_artifacts(run)] == ["a.txt"]
    with pytest.raises(HTTPError, match="deleted"):
        client.log_text(run, "y", "b.txt")


def test_images_of_steps_are_files(client, run):
    client.log_image(run, np.zeros((4, 4, 3), dtype=np.uint8), key="a/b", step=3)
    (folder,) = client.list_artifacts(run)
    assert (folder.path, folder.is_dir) == ("images", True)
    names = [one.path for one in client.list_artifacts(run, "images")]
    assert len(names) == 2
    assert all(name.startswith("images/a~b") for name in names)
