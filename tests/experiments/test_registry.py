"""The registry: what a version is made of, and that what it stands on stays."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from experiments import blobs, files, lifecycle, lineage, recording, retention
from experiments.errors import Conflict, Invalid, NotFound
from experiments.mlflow import registering
from experiments.mlflow.registering import MadeOf
from experiments.models import (
    ArtifactVersion,
    AuditEntry,
    Blob,
    BlobUpload,
    Dataset,
    DatasetInput,
    LoggedModel,
    ModelVersion,
    Project,
    Run,
)
from experiments.registry import compared, origins, versions
from tests import factories
from tests.registering import log_artifact, logged_model, model_named, put, register

pytestmark = pytest.mark.django_db
NOBODY = frozenset()


@pytest.fixture
def project(data_dir) -> Project:
    return factories.make_project(factories.make_workspace("lab", ada="member"), "sinusoid")


@pytest.fixture
def run(project) -> Run:
    return factories.make_run(project, "maml", status="completed", params={"lr": 0.1})


@pytest.fixture
def model(project):
    return model_named(project.workspace)


def paths_of(version: ModelVersion) -> list[str]:
    tree, folder = origins.files_of(version, NOBODY)
    return sorted(file.path for file in files.below(tree, folder))


def test_a_version_of_an_artifact_is_one_version_and_knows_the_run_that_made_it(model, run):
    artifact = log_artifact(run.project, run=run)

    first, again = (register(model, artifact_version=artifact.pk) for _ in range(2))

    assert first == again
    assert (first.number, first.source_run_id) == (1, run.pk)
    assert origins.run_of(first, NOBODY) == run
    assert paths_of(first) == ["net"]
    assert model.versions.count() == 1


def test_files_of_a_run_and_a_logged_model_are_registered_alike(model, run):
    put(run, "out/model/net")
    put(run, "other")
    logged = logged_model(run, MLmodel=b"flavors: {}")

    of_run = register(model, run=run.pk, path="out/model")
    of_logged = register(model, logged_model=logged.pk)

    assert paths_of(of_run) == ["out/model/net"]
    assert paths_of(of_logged) == ["MLmodel"]
    assert {of_run.source_run_id, of_logged.source_run_id} == {run.pk}
    assert {of_run.files_project, of_logged.run_project} == {run.project}


@pytest.mark.parametrize("made_of", [{}, {"run": "a", "logged_model": "b"}, {"source": "/etc"}])
def test_what_a_version_is_made_of_is_named_once_and_is_no_local_path(model, made_of):
    with pytest.raises(Invalid):
        register(model, **made_of)


def test_a_dataset_is_no_model(model, project):
    data = log_artifact(project, "split", kind="dataset")

    with pytest.raises(Invalid, match="log it with kind='model'"):
        register(model, artifact_version=data.pk)
    source = f"mlflow-artifacts:/{project.pk}/versions/{data.pk}/artifacts"
    with pytest.raises(Invalid, match="log it with kind='model'"):
        register(model, source=source)


def test_only_what_the_caller_sees_is_registered(model, run):
    artifact = log_artifact(run.project)
    for made_of in (MadeOf(run=run.pk), MadeOf(artifact_version=artifact.pk)):
        with pytest.raises(NotFound):
            registering.register(model, Project.objects.none(), made_of)


def test_a_copy_of_a_version_has_its_files_and_is_made_by_who_sees_them(model, run):
    register(model, artifact_version=log_artifact(run.project, run=run).pk)

    copy = register(model, source="models:/net/1")

    assert paths_of(copy) == ["net"]
    with pytest.raises(NotFound):
        registering.register(model, Project.objects.none(), MadeOf(source="models:/net/1"))


def test_a_stage_is_moved_to_with_an_entry_in_the_audit_log(model, run):
    first, second = (register(model, run=run.pk) for _ in range(2))
    versions.move_to_stage(first, "production", archive_others=False)

    versions.move_to_stage(second, "Production", archive_others=True)

    stages = list(model.versions.order_by("number").values_list("stage", flat=True))
    assert stages == ["Archived", "Production"]
    entry = AuditEntry.objects.filter(action="model.stage_changed").latest("pk")
    assert entry.details == {"before": "None", "after": "Production"}


def test_lineage_leads_from_what_its_run_read_to_the_version(model, run):
    data = log_artifact(run.project, "split", kind="dataset", a=b"1")
    run.artifact_uses.create(version=data, role="input")
    dataset = Dataset.objects.create(project=run.project, name="mnist", digest="1")
    DatasetInput.objects.create(run=run, dataset=dataset)
    artifact = log_artifact(run.project, run=run)
    version = register(model, artifact_version=artifact.pk)

    graph = lineage.of_model(version, run, Project.objects.all())

    edges = {(edge.before, edge.after) for edge in graph.edges}
    assert edges == {
        (f"version-{data.pk}", f"run-{run.pk}"),
        (f"dataset-{dataset.pk}", f"run-{run.pk}"),
        (f"run-{run.pk}", f"version-{artifact.pk}"),
        (f"version-{artifact.pk}", f"model-{version.pk}"),
    }
    assert {node.name for node in graph.nodes} == {
        "maml", "split:1", "mnist", "weights:1", "net v1",
    }  # fmt: skip
    nobody = lineage.of_model(version, None, Project.objects.none())
    assert [node.name for node in nobody.nodes] == ["net v1"]


def test_lineage_leads_from_a_model_to_the_runs_that_loaded_it_and_what_they_made(model, run):
    weights = log_artifact(run.project, run=run)
    version = register(model, artifact_version=weights.pk)
    tuner = factories.make_run(run.project, "tuner")
    tuner.artifact_uses.create(version=weights, role="input")
    tuned = log_artifact(run.project, "tuned", run=tuner, net=b"tuned")
    better = register(model, artifact_version=tuned.pk)

    graph = lineage.of_model(version, run, Project.objects.all())

    assert {(edge.before, edge.after) for edge in graph.edges} == {
        (f"run-{run.pk}", f"version-{weights.pk}"),
        (f"version-{weights.pk}", f"model-{version.pk}"),
        (f"model-{version.pk}", f"run-{tuner.pk}"),
        (f"run-{tuner.pk}", f"version-{tuned.pk}"),
        (f"version-{tuned.pk}", f"model-{better.pk}"),
    }
    assert len(graph.nodes) == len({node.id for node in graph.nodes}) == 6
    hidden = lineage.of_model(version, None, Project.objects.none())
    assert [node.name for node in hidden.nodes] == ["net v1"]


def test_lineage_of_an_artifact_leads_to_the_model_that_it_is(model, run):
    weights = log_artifact(run.project, run=run)
    version = register(model, artifact_version=weights.pk)

    for graph in (
        lineage.of_version(weights, Project.objects.all()),
        lineage.of_run(run, Project.objects.all()),
    ):
        assert [node.name for node in graph.nodes] == ["weights:1", "maml", "net v1"]
        assert (f"version-{weights.pk}", f"model-{version.pk}") in {
            (edge.before, edge.after) for edge in graph.edges
        }


def test_versions_are_compared_by_their_runs_and_files(model, run):
    other = factories.make_run(run.project, params={"lr": 0.2})
    for number, one in enumerate((run, other)):
        measured = {"key": "test/accuracy", "steps": [0], "values": [0.5 + number / 10]}
        points = recording.parse_series({"series": [measured]})
        recording.record(run_id=one.pk, client="c", number=0, series=points)
        artifact = log_artifact(one.project, f"w{number}", run=one, net=b"%d" % number, same=b"s")
        register(model, artifact_version=artifact.pk)

    found = compared.compare(model, [1, 2], NOBODY)

    assert [(row.key, row.differs) for row in found.params] == [("lr", True)]
    (metric,) = found.metrics
    assert [cell.change for cell in metric.cells] == ["", "better"]
    assert metric.cells[1].is_best
    assert found.files[0] is None
    assert [file.path for file in found.files[1].changed.files] == ["net"]
    assert found.files[1].same == 1
    assert found.run_ids == [run.pk, other.pk]


def test_files_are_compared_below_the_folders_that_are_registered(model, run):
    for folder in ("a", "b"):
        put(run, f"{folder}/net", folder.encode())
        put(run, f"{folder}/config", b"same")
        register(model, run=run.pk, path=folder)

    diff = compared.compare(model, [1, 2], NOBODY).files[1]

    assert ([file.path for file in diff.changed.files], diff.same) == (["net"], 1)


@pytest.mark.parametrize("text", ["", "1", "1,x", "1,1", "1,2,3,4,5,6,7,8,9,10,11", "1,²"])
def test_what_is_compared_is_named_by_two_to_ten_numbers(text):
    with pytest.raises(Invalid, match="versions is"):
        compared.numbers(text)


class TestKept:
    """What is registered or pinned is erased by nobody, whatever becomes of it elsewhere."""

    @pytest.fixture
    def of_everything(self, model, run, settings):
        settings.TRASH_DAYS = 1
        put(run, "net", b"of the run")
        logged = logged_model(run, net=b"of the logged model")
        artifact = log_artifact(run.project, net=b"of the artifact")
        return [
            register(model, run=run.pk),
            register(model, logged_model=logged.pk),
            register(model, artifact_version=artifact.pk),
        ]

    def wait(self) -> None:
        """Until all that may be collected is old enough."""
        long_ago = Now() - timedelta(days=400)
        for rows in (Run.objects, LoggedModel.objects, Project.objects):
            rows.exclude(deleted_at=None).update(deleted_at=long_ago)
        ArtifactVersion.objects.update(created_at=long_ago)
        BlobUpload.objects.update(created_at=long_ago)
        Blob.objects.update(created_at=long_ago)

    def contents(self, found) -> list[bytes]:
        read = []
        for version in found:
            tree, folder = origins.files_of(ModelVersion.objects.get(pk=version.pk), NOBODY)
            read += [blobs.read(file.blob_id) for file in files.below(tree, folder)]
        return read

    def test_the_trash_and_the_collection_leave_the_files_of_versions(self, of_everything, run):
        lifecycle.trash_project(run.project)
        LoggedModel.objects.update(deleted_at=Now())
        self.wait()

        assert lifecycle.empty_trash() == 0
        retention.sweep()
        blobs.collect()

        assert self.contents(of_everything) == [
            b"of the run", b"of the logged model", b"of the artifact",
        ]  # fmt: skip
        with pytest.raises(Conflict, match="registered model 'net'"):
            lifecycle.erase(Run.objects.get(pk=run.pk))

    @pytest.mark.parametrize("made_of", ["artifact", "logged model", "elsewhere"])
    def test_the_run_that_made_a_version_is_not_erased(self, model, run, settings, made_of):
        settings.TRASH_DAYS = 1
        wanted = {
            "artifact": lambda: {"artifact_version": log_artifact(run.project, run=run).pk},
            "logged model": lambda: {"logged_model": logged_model(run, net=b"net").pk},
            "elsewhere": lambda: {"source": "s3://bucket/net"},
        }[made_of]()
        version = register(model, **wanted)
        if made_of == "elsewhere":  # as clients of MLflow name it
            ModelVersion.objects.filter(pk=version.pk).update(source_run_id=run.pk)
        lifecycle.trash_project(run.project)
        self.wait()

        with pytest.raises(Conflict, match="Version 1 of the registered model 'net' came from"):
            lifecycle.erase(Run.objects.get(pk=run.pk))
        assert lifecycle.empty_trash() == 0
        assert Run.objects.filter(pk=run.pk).exists()
        assert Project.objects.filter(pk=run.project_id).exists()

        versions.delete(ModelVersion.objects.select_related("model").get(pk=version.pk))
        assert lifecycle.empty_trash() == 1

    def test_a_version_of_another_workspace_that_names_a_run_does_not_hold_it(self, run):
        elsewhere = model_named(factories.make_workspace("other"))
        version = register(elsewhere, source="s3://bucket/net")
        ModelVersion.objects.filter(pk=version.pk).update(source_run_id=run.pk)

        lifecycle.erase(lifecycle.trash(run))

        assert not Run.objects.filter(pk=run.pk).exists()

    def test_once_they_are_deleted_all_of_it_goes(self, of_everything, run):
        for version in of_everything:
            versions.delete(ModelVersion.objects.select_related("model").get(pk=version.pk))
        lifecycle.trash_project(run.project)
        self.wait()

        assert lifecycle.empty_trash() == 1
        assert blobs.collect() == 3
        assert not Project.objects.exists()

    def test_pinned_and_registered_versions_are_exempt_from_rules(self, model, project):
        made = [log_artifact(project, net=bytes([number])) for number in range(5)]
        self.wait()
        retention.pin(made[0], True)
        register(model, artifact_version=made[1].pk)

        retention.edit(made[0].artifact, keep_versions=1, keep_days=30)

        assert [one.number for one in ArtifactVersion.objects.order_by("number")] == [1, 2, 5]
        for one in made[:2]:
            with pytest.raises(Conflict):
                retention.delete_version(one)
        retention.pin(made[0], False)
        retention.delete_version(made[0])


class TestAge:
    @pytest.fixture
    def aged(self, project):
        """Five versions, 50, 40, 30, 20 and 10 days old, of an artifact kept for 25."""
        made = [log_artifact(project, net=bytes([number])) for number in range(5)]
        for number, version in enumerate(made):
            old = Now() - timedelta(days=50 - 10 * number)
            ArtifactVersion.objects.filter(pk=version.pk).update(created_at=old)
        made[0].artifact.keep_days = 25
        made[0].artifact.save()
        return made

    def numbers(self) -> list[int]:
        return list(ArtifactVersion.objects.order_by("number").values_list("number", flat=True))

    def test_a_sweep_erases_what_is_older_than_it_is_kept(self, aged):
        assert [one.number for one in retention.due()] == [1, 2, 3]
        assert retention.sweep(2) == 2
        assert retention.sweep() == 1
        assert self.numbers() == [4, 5]
        assert retention.sweep() == 0

    def test_what_is_held_and_the_newest_stay_however_old(self, aged, run, model):
        run.artifact_uses.create(version=aged[0], role="input")
        aged[1].aliases.create(artifact=aged[1].artifact, name="best")
        ArtifactVersion.objects.update(created_at=Now() - timedelta(days=99))
        retention.pin(aged[2], True)

        retention.sweep()

        assert self.numbers() == [1, 2, 3, 5]

    def test_a_new_rule_acts_at_once_and_is_in_the_audit_log(self, aged):
        retention.edit(aged[0].artifact, keep_days=15)

        assert self.numbers() == [5]
        entry = AuditEntry.objects.latest("pk")
        assert (entry.action, entry.subject) == ("artifact.retention_changed", "weights")
        assert entry.details["keep_days"] == 15

    def test_what_is_let_go_is_past_the_number_that_is_kept(self, aged):
        retention.pin(aged[0], True)
        retention.edit(aged[0].artifact, keep_days=0, keep_versions=2)
        assert self.numbers() == [1, 4, 5]
        assert retention.sweep() == 0

        retention.pin(aged[0], False)

        assert [one.number for one in retention.due()] == [1]
        assert retention.sweep() == 1
        assert self.numbers() == [4, 5]

    def test_without_a_rule_nothing_is_due(self, aged):
        retention.edit(aged[0].artifact, keep_days=0)
        assert self.numbers() == [1, 2, 3, 4, 5]
