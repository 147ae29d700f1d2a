"""The model registry: names, versions, aliases, stages, tags, search."""

import hashlib
import itertools
from pathlib import Path

import mlflow
import pytest

from tests.conformance.test_tracking import code_of

_numbers = itertools.count(1)


@pytest.fixture
def name(client) -> str:
    """The name of a new registered model."""
    made = f"model {next(_numbers)}"
    client.create_registered_model(made, tags={"a": "1"}, description="*words*")
    return made


@pytest.fixture
def source(client, run) -> str:
    return f"{client.get_run(run).info.artifact_uri}/net"


def version_of(client, name, source, run, **more):
    return client.create_model_version(name, source, run_id=run, **more)


def test_a_model_of_a_run_is_registered_loaded_by_alias_and_found(server, client, experiment, run):
    mlflow.set_tracking_uri(server.url)
    mlflow.set_registry_uri(server.url)
    model = client.create_logged_model(experiment, "net", source_run_id=run)
    client.finalize_logged_model(model.model_id, "READY")

    versions = [mlflow.register_model(f"models:/{model.model_id}", "of a run") for _ in range(2)]

    assert [int(one.version) for one in versions] == [1, 2]
    found = client.get_model_version("of a run", "2")
    assert (found.status, found.run_id) == ("READY", run)
    raw = server.call("GET", f"logged-models/{model.model_id}").json()["model"]["info"]
    assert [one["version"] for one in raw["registrations"]] == ["1", "2"]
    assert client.get_model_version_download_uri("of a run", "1") == (
        client.get_logged_model(model.model_id).artifact_location
    )
    again = client.create_model_version("of a run", "models:/of a run/1")
    assert client.get_model_version_download_uri("of a run", again.version) == (
        client.get_logged_model(model.model_id).artifact_location
    )


def test_an_artifact_that_is_registered_here_is_fetched_by_its_alias(
    server, client, experiment, tmp_path
):
    data = b"weights"
    sha = hashlib.sha256(data).hexdigest()
    project = client.get_experiment(experiment).name
    slug = next(
        one["slug"]
        for one in server.call("GET", "/api/v1/projects/?limit=500").json()["results"]
        if one["name"] == project or one["slug"] == project
    )
    server.call("PUT", f"/api/v1/workspaces/lab/blobs/{sha}/", data=data)
    logged = server.post(
        "/api/v1/artifacts/",
        {"project": f"lab/{slug}", "name": "w", "kind": "model",
         "files": [{"path": "net/weights.bin", "sha256": sha}]},
    )  # fmt: skip
    assert logged.status_code == 201, logged.text
    server.post("/api/v1/models/", {"workspace": "lab", "name": "of an artifact"})
    registered = server.post(
        "/api/v1/models/lab/of an artifact/versions/",
        {"artifact_version": logged.json()["id"], "aliases": ["best"]},
    )
    assert registered.status_code == 201, registered.text
    mlflow.set_tracking_uri(server.url)
    mlflow.set_registry_uri(server.url)

    folder = mlflow.artifacts.download_artifacts(
        "models:/of an artifact@best", dst_path=str(tmp_path)
    )

    assert (Path(folder) / "net" / "weights.bin").read_bytes() == data


def test_names_that_are_taken_or_not_legal_are_refused(client, name):
    assert code_of(client.create_registered_model, name) == "RESOURCE_ALREADY_EXISTS"
    for wrong in ("", " ", "a/b", "a:b"):
        assert code_of(client.create_registered_model, wrong) == "INVALID_PARAMETER_VALUE"
    assert code_of(client.get_registered_model, "none") == "RESOURCE_DOES_NOT_EXIST"


def test_a_model_is_described_renamed_and_deleted(client, name, run, source):
    version_of(client, name, source, run)
    client.update_registered_model(name, description="new")
    client.rename_registered_model(name, f"{name} renamed")
    found = client.get_registered_model(f"{name} renamed")
    assert (found.description, found.tags) == ("new", {"a": "1"})
    assert client.get_model_version(found.name, "1").name == found.name
    client.delete_registered_model(found.name)
    assert code_of(client.get_model_version, found.name, "1") == "RESOURCE_DOES_NOT_EXIST"


def test_numbers_of_deleted_versions_are_not_used_again(client, name, run, source):
    numbers = [version_of(client, name, source, run).version for _ in range(2)]
    client.delete_model_version(name, "2")
    assert [*numbers, version_of(client, name, source, run).version] == ["1", "2", "3"]
    assert code_of(client.get_model_version, name, "2") == "RESOURCE_DOES_NOT_EXIST"
    assert code_of(client.get_model_version, name, "x") == "INVALID_PARAMETER_VALUE"


def test_sources_outside_the_named_run_are_refused(client, name, run, source):
    other = client.create_run(client.get_run(run).info.experiment_id).info.run_id
    for wrong in (
        "/etc/passwd",
        "file:///etc",
        "../up",
        source.replace(run, other),
        f"{source}/..",
    ):
        assert code_of(version_of, client, name, wrong, run) == "INVALID_PARAMETER_VALUE"
    assert code_of(client.create_model_version, name, source) == "INVALID_PARAMETER_VALUE"


def test_an_alias_moves_and_goes_with_its_version(client, name, run, source):
    for _ in range(2):
        version_of(client, name, source, run)
    client.set_registered_model_alias(name, "best", "1")
    client.set_registered_model_alias(name, "best", "2")
    assert client.get_model_version_by_alias(name, "best").version == "2"
    assert client.get_model_version_by_alias(name, "latest").version == "2"
    assert client.get_registered_model(name).aliases == {"best": "2"}
    assert client.get_model_version(name, "2").aliases == ["best"]
    for wrong in ("latest", "v1", "V12", "a b"):
        assert code_of(client.set_registered_model_alias, name, wrong, "1") == (
            "INVALID_PARAMETER_VALUE"
        )
    client.delete_model_version(name, "2")
    assert code_of(client.get_model_version_by_alias, name, "best") == "INVALID_PARAMETER_VALUE"
    client.delete_registered_model_alias(name, "best")


@pytest.mark.filterwarnings("ignore:.*stage.*:FutureWarning")
def test_stages_are_written_in_any_case_and_archive_others(server, client, name, run, source):
    for _ in range(3):
        version_of(client, name, source, run)
    client.transition_model_version_stage(name, "1", "production")
    client.transition_model_version_stage(name, "2", "STAGING")
    client.transition_model_version_stage(name, "3", "Production", archive_existing_versions=True)
    stages = [client.get_model_version(name, str(n)).current_stage for n in (1, 2, 3)]
    assert stages == ["Archived", "Staging", "Production"]
    latest = client.get_latest_versions(name, stages=["Production"])
    assert [one.version for one in latest] == ["3"]
    body = {"name": name, "version": "1", "stage": "nowhere"}
    assert server.post("model-versions/transition-stage", body).status_code == 400


def test_tags_of_models_and_versions(client, name, run, source):
    version_of(client, name, source, run, tags={"v": "1"})
    client.set_registered_model_tag(name, "a", "2")
    client.set_model_version_tag(name, "1", "w", "3")
    client.delete_model_version_tag(name, "1", "v")
    client.delete_model_version_tag(name, "1", "absent")
    client.delete_registered_model_tag(name, "absent")
    assert client.get_registered_model(name).tags == {"a": "2"}
    assert client.get_model_version(name, "1").tags == {"w": "3"}


def test_search_finds_models_without_the_tag_of_prompts(client, name, run, source):
    client.create_registered_model(f"{name} Other")
    version_of(client, name, source, run)

    def names(text, **options):
        found = client.search_registered_models(text, **options)
        return [one.name for one in found]

    assert names(f"name = '{name}'") == [name]
    assert names(f"name LIKE '{name}%'") == [name, f"{name} Other"]
    assert names(f"name LIKE '{name}%'", order_by=["name DESC"]) == [f"{name} Other", name]
    assert names(f"name ILIKE '{name} OTHER' AND name LIKE '%'") == [f"{name} Other"]
    assert names(f"tags.a = '1' AND name LIKE '{name}%'") == [name]
    assert code_of(names, "nothing = 'a'") == "INVALID_PARAMETER_VALUE"
    page = client.search_registered_models(f"name LIKE '{name}%'", max_results=1)
    rest = client.search_registered_models(
        f"name LIKE '{name}%'", max_results=1, page_token=page.token
    )
    assert [one.name for one in [*page, *rest]] == [name, f"{name} Other"]
    assert not rest.token


def test_versions_are_found_by_their_last_change_unless_an_order_is_asked_for(
    client, name, run, source
):
    for _ in range(3):
        version_of(client, name, source, run)
    client.set_model_version_tag(name, "1", "seen", "yes")
    client.update_model_version(name, "2", "described")

    def numbers(**asked):
        found = client.search_model_versions(f"name = '{name}' AND", **asked)
        return [one.version for one in found]

    assert numbers() == ["2", "3", "1"]
    assert numbers(order_by=["version_number DESC"]) == ["3", "2", "1"]
    assert numbers(order_by=["name ASC"]) == ["3", "2", "1"]


def test_search_of_versions_is_newest_first(client, name, run, source):
    for _ in range(3):
        version_of(client, name, source, run)

    def numbers(text):
        return [one.version for one in client.search_model_versions(text)]

    assert numbers(f"name = '{name}'") == ["3", "2", "1"]
    assert numbers(f"name='{name}' and version_number > 1") == ["3", "2"]
    assert numbers(f"run_id = '{run}'") == ["3", "2", "1"]
    assert numbers(f"run_id IN ('{run}', 'x') AND source_path LIKE '%net'") == ["3", "2", "1"]
    assert code_of(numbers, "nothing = 'a'") == "INVALID_PARAMETER_VALUE"
